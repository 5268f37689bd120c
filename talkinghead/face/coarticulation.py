"""Phonemes and their times -> motion of lips, jaw and tongue, without a network: dominance functions fitted to a filmed face.

After M. Cohen, D. Massaro 1993, Modeling coarticulation in synthetic visual speech: every phoneme pulls the mouth towards a
target of its own, more strongly the more it cares about it, from some time before it is heard until some time after. Here

    z_c(t) = sum_i w_ig(t) T_ic        w_ig(t) = softmax_i [ a_pg + log s((t - start_i + lead_pg) / rise_pg)
                                                                  + log s((end_i + lag_pg - t) / fall_pg) ]
    T_ic = target_pc + duration_pc log(d_i / 0.1 s) + loudness_pc (l_i - level_p)

for channel c of articulator g (jaw, lips, rounding, spread), phoneme p of segment i, logistic function s, duration d and
loudness l in 10 dB; rise and fall grow with (d_i / 0.1 s)^rate_g. `tools/fit_coarticulation.py` fits all of it to tracked
motion (assets/coarticulation.json tells to whose) and what a tracker cannot see is laid on top: lips and tongue that touch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.animation import Animation
from talkinghead.audio import RATE, frame_count, frame_times
from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.face.phonemes import SILENCE, arpabet
from talkinghead.files import asset

VERSION = 2  # goes up when the same phonemes would give other motion
PAIRED = ("mouthLowerDown", "mouthUpperUp", "mouthPress", "mouthSmile", "mouthStretch", "mouthFrown")
GROUPS = {
    "jaw": ("jawOpen",),
    "lips": (
        *("mouthClose", "mouthLowerDown", "mouthUpperUp", "mouthRollLower", "mouthRollUpper"),
        *("mouthPress", "mouthShrugLower", "mouthShrugUpper"),
    ),
    "rounding": ("mouthPucker", "mouthFunnel"),
    "spread": ("mouthSmile", "mouthStretch", "mouthFrown"),
}
CHANNELS = tuple(name for names in GROUPS.values() for name in names)
NAMES = frozenset(n + side for n in CHANNELS for side in (("Left", "Right") if n in PAIRED else ("",))) | {"tongueOut"}
GROUP_OF = np.array([i for i, names in enumerate(GROUPS.values()) for _ in names])
OPENS = (*GROUPS["jaw"], *GROUPS["lips"], "mouthFunnel")  # what rests in every pause; the corners only rest in long ones
OPENERS = ("mouthLowerDown", "mouthUpperUp", "mouthFunnel", "mouthShrugUpper")
DURATION, DURATIONS = 0.1, (-1.5, 1.5)  # seconds; bounds of the logarithm of a duration in these
BLOCK, MARGIN = 128, 2.0  # frames at a time, and the seconds around them in which phonemes count
LOUDNESS_RATE = 100.0  # values a second
# Width of the mouth in metres at weight 1 on the default head: what a channel that cannot go below 0 leaves to another.
WIDENS = {"mouthPucker": -0.0088, "mouthFunnel": -0.0046, "mouthSmile": 0.0147, "mouthStretch": 0.0106}

# Contacts: which phonemes, from and to which share of the segment (of at most LONGEST seconds, counted from its end), and what
# the face then does. Times measured on 477 bilabials and 211 labiodentals of GRID: the median lips are shut for just the time
# of an aligned /p b m/, and take RAMP to get there and away.
RAMP, LONGEST = 0.06, 0.12
BILABIAL, LABIODENTAL, DENTAL = ("P", "B", "M"), ("F", "V"), ("TH", "DH")
BITE = {"mouthRollLower": 0.45, "mouthUpperUp": 0.22, "mouthShrugLower": 0.15, "mouthLowerDown": 0.0}  # as in `visemes`
TEETH = 0.06  # jawOpen at which the lower lip meets the upper teeth
SHOW = {"jawOpen": 0.08, "mouthLowerDown": 0.12, "mouthUpperUp": 0.1}  # at least; else the tongue would not be seen

# Pauses, in seconds. GRID's speaker (999 sentences) has his lips together 0.05 s after the last sound and parts them 0.25 to
# 0.12 s before the next one. In short pauses there is no time for that: less than SHORT[0] is none, from SHORT[1] on lips meet.
CLOSED, PARTING = 0.08, 0.24  # after the start and before the end of a pause: where they are together, and begin to part
CLOSING = 0.1  # what they take to come together
SHORT, SHORT_CORNERS = (0.08, 0.18), (0.3, 0.6)

# How round lips are at least. The man of GRID hardly rounds his: his mouth is 1.3 mm narrower in /uw/ than at rest, others' by
# several millimetres (V. Fromkin 1964, Lip positions in American English vowels; M. Linker 1982, Articulatory and acoustic
# correlates of labial activity). Phonemes, from and to which share of them, mouthPucker, mouthFunnel. It begins ROUNDS seconds
# before the sound, over any consonants (J. Perkell, M. Matthies 1992, Temporal measures of anticipatory labial coarticulation).
ROUNDS, FULL = 0.12, 0.09  # seconds; in shorter phonemes lips get less round
ROUND = (
    (("UW", "W"), 0.0, 1.0, 0.62, 0.0),
    (("OW",), 0.3, 1.0, 0.5, 0.0),
    (("AW",), 0.6, 1.0, 0.4, 0.0),
    (("OY",), 0.0, 0.4, 0.4, 0.0),
    (("AO", "UH"), 0.0, 1.0, 0.36, 0.0),
    (("R", "ER"), 0.0, 1.0, 0.3, 0.04),
    (("SH", "ZH", "CH", "JH"), 0.0, 1.0, 0.3, 0.2),
)
TONGUE = {**dict.fromkeys(DENTAL, 0.6), "L": 0.16, **dict.fromkeys(("T", "D", "N"), 0.1)}


@dataclass(frozen=True, eq=False)
class Coarticulation:
    """The fitted tables. P phonemes, C channels (CHANNELS), G articulators (GROUPS)."""

    phones: tuple[str, ...]
    target: np.ndarray  # (P, C) weights
    duration: np.ndarray  # (P, C) weights for every factor e of duration
    loudness: np.ndarray  # (P, C) weights for every 10 dB
    level: np.ndarray  # (P,) 10 dB, mean loudness
    dominance: np.ndarray  # (P, G) a
    lead: np.ndarray  # (P, G) seconds
    lag: np.ndarray  # (P, G) seconds
    rise: np.ndarray  # (P, G) seconds
    fall: np.ndarray  # (P, G) seconds
    rate: np.ndarray  # (G,)
    provenance: dict

    @classmethod
    def load(cls, path: Path) -> Coarticulation:
        """Read what `save` wrote. Raises InputError for anything else."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["version"] != VERSION or data["channels"] != list(CHANNELS):
                raise ValueError("of another version")
            rows = data["phones"]
            tables = {name: np.array([rows[p][name] for p in rows], np.float64) for name in TABLES}
            out = cls(tuple(rows), **tables, rate=np.array(data["rate"], np.float64), provenance=data["provenance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: no tables of coarticulation ({error})") from None
        for name, table in (*((n, getattr(out, n)) for n in TABLES), ("rate", out.rate)):
            if not np.isfinite(table).all():
                raise InputError(f"{path}: {name} has values that are not finite")
        return out

    def save(self, path: Path) -> None:
        """Write JSON that people can read."""
        from talkinghead.files import replacing

        rows = {p: {n: np.round(getattr(self, n)[i], 4).tolist() for n in TABLES} for i, p in enumerate(self.phones)}
        head = {"version": VERSION, "provenance": self.provenance, "channels": CHANNELS, "groups": GROUPS}
        lines = ",\n".join(f"  {json.dumps(p)}: {json.dumps(row)}" for p, row in rows.items())
        text = json.dumps({**head, "rate": np.round(self.rate, 4).tolist()}, indent=1)
        with replacing(path) as fresh:
            fresh.write_text(f'{text[:-2]},\n "phones": {{\n{lines}\n }}\n}}\n', encoding="utf-8")

    def curves(self, segments: Segments, times: np.ndarray) -> np.ndarray:
        """(T, C) weights at `times` (increasing, seconds), as fitted: not bounded, and without contacts."""
        index = np.array([self.phones.index(phone) for phone in segments.phones])
        length = np.clip(np.log(segments.length / DURATION), *DURATIONS)
        length[[phone == SILENCE for phone in segments.phones]] = 0.0
        louder = np.zeros(len(index)) if segments.loudness is None else segments.loudness - self.level[index]
        target = self.target[index] + self.duration[index] * length[:, None] + self.loudness[index] * louder[:, None]
        scale = np.exp(self.rate * length[:, None])  # (S, G)
        rise, fall = self.rise[index] * scale, self.fall[index] * scale
        out = np.empty((len(times), len(CHANNELS)))
        for first in range(0, len(times), BLOCK):
            t = times[first : first + BLOCK]
            near = slice(
                np.searchsorted(segments.end, t[0] - MARGIN), max(1, np.searchsorted(segments.start, t[-1] + MARGIN, "right"))
            )
            near = near if near.stop > near.start else slice(len(index) - 1, len(index))  # long after the last one
            x = (t[:, None, None] - segments.start[near, None] + self.lead[index[near]]) / rise[near]
            y = (segments.end[near, None] + self.lag[index[near]] - t[:, None, None]) / fall[near]
            pull = self.dominance[index[near]] - np.logaddexp(0, -x) - np.logaddexp(0, -y)  # (t, s, G)
            pull = np.exp(pull - pull.max(1, keepdims=True))
            pull /= pull.sum(1, keepdims=True)
            out[first : first + BLOCK] = np.einsum("tsc,sc->tc", pull[:, :, GROUP_OF], target[near])
        return out


TABLES = ("target", "duration", "loudness", "level", "dominance", "lead", "lag", "rise", "fall")


@dataclass(frozen=True, eq=False)
class Segments:
    """Phonemes of a recording, in order: (S,) start and end in seconds, loudness in 10 dB or None."""

    phones: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    loudness: np.ndarray | None = None

    @property
    def length(self) -> np.ndarray:
        """(S,) seconds."""
        return self.end - self.start


def speak(
    phones: Iterable[tuple[float, float, str]],
    seconds: float,
    fps: float = 30.0,
    head: Head | None = None,
    *,
    loudness: np.ndarray | None = None,
    strength: float = 1.0,
) -> Animation:
    """The mouth of someone who says `phones`, for `seconds` at `fps`, on the default head if none is given.

    phones: (start, end, phoneme) in seconds; ARPAbet, IPA as the Montreal Forced Aligner writes it, or TIMIT's and Festival's
    names; gaps are pauses. loudness: (n,) of the recording by `loudness_of`; without it everything is said at usual loudness.
    strength: how far the mouth moves, 0 to 3; at 1 as far as that of the man it was fitted to, who moves his little. Lips that
    must touch do at any.
    Raises InputError for a phoneme that is not known, times that go back, and a head without ARKit's shapes.
    """
    head = Head.default() if head is None else head
    if "jawOpen" not in head.names:
        raise InputError(f"head {head.name}: has no shape jawOpen; phonemes move ARKit's shapes")
    if not 0 < seconds < float("inf") or not 0 < fps < float("inf"):
        raise InputError(f"{seconds} seconds at {fps} frames a second: both must be positive")
    if not 0 <= strength <= 3:
        raise InputError(f"strength is {strength:g}, choose 0 to 3; 1 is usual")
    times = frame_times(max(1, frame_count(seconds, fps)), fps)
    segments = segments_of(phones, seconds, loudness)
    weights = shape(strength * model().curves(segments, times), segments, times, 1 / fps, strength)
    names = [n + side for n in weights for side in (("Left", "Right") if n in PAIRED else ("",)) if n + side in head.names]
    values = np.stack([weights[n.removesuffix("Left").removesuffix("Right")] for n in names], 1)
    meta = {"model": "coarticulation", "version": VERSION, "synthesised": True}
    return Animation(head.spread(values.astype(np.float32), names), fps, head, meta=meta)


def segments_of(phones: Iterable[tuple[float, float, str]], seconds: float, loudness: np.ndarray | None = None) -> Segments:
    """Phonemes under one set of names, gaps and the ends filled with silence."""
    rows: list[tuple[float, float, str]] = []
    last = 0.0
    for start, end, text in phones:
        if not (np.isfinite(start) and np.isfinite(end)) or start < last - 0.02 or end < start:
            raise InputError(f"phoneme {text!r} from {start:g} to {end:g} seconds: times must not go back")
        start, end = max(start, last), min(end, seconds)
        if end - start < 1e-3:
            continue
        if start - last > 1e-3:
            rows.append((last, start, SILENCE))
        name = arpabet(text)
        if name == SILENCE and rows and rows[-1][2] == SILENCE:
            rows[-1] = (rows[-1][0], end, SILENCE)
        else:
            rows.append((start, end, name))
        last = end
    if seconds - last > 1e-3 or not rows:
        rows.append((last, max(seconds, last + 1e-3), SILENCE))
    start, end = (np.array([row[i] for row in rows], np.float64) for i in (0, 1))
    loud = None if loudness is None else np.array([_mean(loudness, a, b) for a, b, _ in rows])
    return Segments(tuple(row[2] for row in rows), start, end, loud)


def loudness_of(wave: np.ndarray) -> np.ndarray:
    """(n,) samples at 16 kHz -> loudness in 10 dB, 100 values a second, 0 at the level of the recording's loudest third.

    Mean power under a Hann window of 40 ms, from -3 (pauses) to 1.
    """
    from scipy.signal import fftconvolve

    hop = round(RATE / LOUDNESS_RATE)
    window = np.hanning(4 * hop + 1)
    power = fftconvolve(wave.astype(np.float64) ** 2, window / window.sum(), "same")[hop // 2 :: hop]
    decibels = 10 * np.log10(np.maximum(power, 0) + 1e-8)
    if not len(decibels):
        return decibels
    loudest = np.sort(decibels)[-max(1, len(decibels) // 3) :]
    return np.clip(decibels - 10 * np.log10(np.mean(10 ** (loudest / 10))), -30, 10) / 10


def shape(
    curves: np.ndarray, segments: Segments, times: np.ndarray, frame: float, strength: float = 1.0
) -> dict[str, np.ndarray]:
    """Fitted curves (T, C) -> weights from 0 to 1 by shape name, both sides alike; lips that must touch do, and the tongue.

    frame: seconds between frames, so that a closure is on one of them. strength: of the rounding that is laid on top.
    """
    z = dict(zip(CHANNELS, curves.T.copy(), strict=True))
    debt = sum(WIDENS[name] * np.minimum(z[name], 0) for name in WIDENS)  # metres of width that clipping would take
    z["mouthStretch"] = np.maximum(z["mouthStretch"], 0) + np.maximum(debt, 0) / WIDENS["mouthStretch"]
    z["mouthPucker"] = np.maximum(z["mouthPucker"], 0) + np.minimum(debt, 0) / WIDENS["mouthPucker"]
    opens, moves = 1 - rest(segments, times), 1 - rest(segments, times, *SHORT_CORNERS)
    z = {name: np.clip(value, 0, 1) * (opens if name in OPENS else moves) for name, value in z.items()}
    pucker, funnel = rounding(segments, times)
    z["mouthPucker"] = np.maximum(z["mouthPucker"], np.minimum(strength * pucker, 1))
    z["mouthFunnel"] = np.maximum(z["mouthFunnel"], np.minimum(strength * funnel, 1))
    for name in ("mouthStretch", "mouthSmile"):  # or the corners would be drawn both ways
        z[name] = z[name] * (1 - np.minimum(pucker / 0.6, 1))
    z["mouthClose"] = np.minimum(z["mouthClose"], z["jawOpen"])  # it only takes back what the jaw parted
    bite = contact(segments, LABIODENTAL, times, frame, begin=0.25)
    for name, goal in {**BITE, "mouthClose": np.maximum(z["jawOpen"] - TEETH, 0)}.items():
        z[name] = z[name] * (1 - bite) + goal * bite
    dental = contact(segments, DENTAL, times, frame)
    z["mouthClose"] = z["mouthClose"] * (1 - dental)
    for name, least in SHOW.items():
        z[name] = np.maximum(z[name], least * dental)
    shut = contact(segments, BILABIAL, times, frame)
    for name in OPENERS:
        z[name] = z[name] * (1 - shut)
    for name in ("mouthRollLower", "mouthRollUpper"):
        z[name] = np.maximum(z[name], 0.1 * shut)
    z["mouthClose"] = z["mouthClose"] * (1 - shut) + z["jawOpen"] * shut
    kinds = sorted(set(TONGUE.values()))
    tongue = [v * contact(segments, tuple(p for p in TONGUE if TONGUE[p] == v), times, frame) for v in kinds]
    z["tongueOut"] = np.max(tongue, axis=0) * np.clip(z["jawOpen"] / 0.05, 0, 1)  # not through shut teeth
    return z


def rest(segments: Segments, times: np.ndarray, least: float = SHORT[0], whole: float = SHORT[1]) -> np.ndarray:
    """(T,) from 0 to 1, which it is inside of pauses: dominance has long tails, but a silent mouth is shut.

    Pauses of less than `least` seconds are none; those of `whole` seconds and more are whole ones.
    """
    out, last = np.zeros(len(times)), len(segments.phones) - 1
    for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
        length, edge = end - start, i in (0, last)
        if phone != SILENCE or (length <= least and not edge):
            continue
        rise, fall = min(CLOSING, 0.4 * length), min(PARTING, 0.45 * length) / 2
        begin, stop = start + min(CLOSED, 0.4 * length) - rise, end - fall
        if i and segments.phones[i - 1] in BILABIAL:
            begin = start - rise  # they are together already
        if i < last and segments.phones[i + 1] in BILABIAL:
            stop = end + fall
        begin, stop = (-np.inf if i == 0 else begin), (np.inf if i == last else stop)
        depth = np.clip(length / CLOSED if edge else (length - least) / (whole - least), 0, 1)
        inside = np.clip(np.minimum((times - begin) / rise, (stop - times) / fall), 0, 1)
        out = np.maximum(out, depth * (0.5 - 0.5 * np.cos(np.pi * inside)))
    return out


def rounding(segments: Segments, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(T,) mouthPucker and (T,) mouthFunnel that the phonemes of ROUND ask for at least."""
    out = np.zeros((2, len(times)))
    for phones, first, last, *goal in ROUND:
        for phone, start, end in zip(segments.phones, segments.start, segments.end, strict=True):
            if phone not in phones:
                continue
            length = end - start
            begin, stop = start + first * length, start + last * length
            part = slice(np.searchsorted(times, begin - ROUNDS), np.searchsorted(times, stop + ROUNDS))
            away = np.clip(np.maximum(begin - times[part], times[part] - stop) / ROUNDS, 0, 1)
            bell = min(1.0, (length / FULL) ** 0.5) * (0.5 + 0.5 * np.cos(np.pi * away))
            out[:, part] = np.maximum(out[:, part], np.array(goal)[:, None] * bell)
    return out[0], out[1]


def contact(segments: Segments, phones: tuple[str, ...], times: np.ndarray, frame: float, begin: float = 0.0) -> np.ndarray:
    """(T,) from 0 to 1, which it is during the phonemes from a share `begin` of their time on, with soft ramps around."""
    out, lengths = np.zeros(len(times)), segments.length
    for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
        if phone not in phones:
            continue
        begins = max(start, end - LONGEST) if phone != "M" else start  # aligners give a stop the pause before it
        begins += begin * (end - begins)
        middle, half = (begins + end) / 2, max((end - begins) / 2, frame / 2 + 1e-6)
        # A short vowel between two closures opens all the same: it keeps its middle.
        before, after = (min(RAMP, max(lengths[j] / 2, 0.02)) if 0 <= j < len(lengths) else RAMP for j in (i - 1, i + 1))
        part = slice(np.searchsorted(times, middle - half - before), np.searchsorted(times, middle + half + after))
        t = times[part] - middle
        away = np.clip((np.abs(t) - half) / np.where(t < 0, before, after), 0, 1)
        out[part] = np.maximum(out[part], 0.5 + 0.5 * np.cos(np.pi * away))
    return out


@lru_cache(maxsize=1)
def model() -> Coarticulation:
    """The tables that ship."""
    return Coarticulation.load(asset("coarticulation.json"))


def _mean(loudness: np.ndarray, start: float, end: float) -> float:
    first = int(start * LOUDNESS_RATE)
    part = loudness[first : max(first + 1, int(end * LOUDNESS_RATE))]
    return float(part.mean()) if len(part) else -3.0
