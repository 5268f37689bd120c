"""Phonemes and their times -> motion of lips, jaw and tongue, without a network: responses fitted to a filmed face.

Every phoneme has a response that begins before and ends after its sound. Responses are summed, so short phonemes undershoot
(S. Ohman 1967, Numerical model of coarticulation, JASA 41; the responses are fitted). Channel c, a weight of a shape, is

    z_c(t) = sum_i integral over the segment i of h_pc(s - t) ds      h_pc = response_pc + loudness_i loud_kc

for phoneme p of segment i, of kind k (vowel or consonant), with its loudness in 10 dB. Pauses have no response: z = 0, at rest.
`tools/train/fit_coarticulation.py` fits the responses to tracked motion (assets/coarticulation.json tells to whose), those of
phonemes that are rare there to what is known of phonemes like them. What a tracker cannot see, or a sum cannot do, is laid on
top: lips and tongue that touch, lips that are round, pauses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE, frame_count, frame_times
from talkinghead.audio.curves import convolved
from talkinghead.errors import InputError
from talkinghead.files import asset
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.motion.animation import Animation
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, SILENCE, VOWELS, arpabet

VERSION = 3  # goes up when the same phonemes would give other motion
PAIRED = ("mouthLowerDown", "mouthUpperUp", "mouthPress", "mouthSmile", "mouthStretch", "mouthFrown")
CHANNELS = (
    *("jawOpen", "mouthClose", "mouthLowerDown", "mouthUpperUp", "mouthRollLower", "mouthRollUpper"),
    *("mouthPress", "mouthShrugLower", "mouthShrugUpper", "mouthPucker", "mouthFunnel"),
    *("mouthSmile", "mouthStretch", "mouthFrown"),
)
NAMES = frozenset(n + side for n in CHANNELS for side in (("Left", "Right") if n in PAIRED else ("",))) | {"tongueOut"}
OPENS = (*CHANNELS[:9], "mouthFunnel")  # shapes that rest in every pause; corners of the mouth rest in long pauses only
OPENERS = ("mouthLowerDown", "mouthUpperUp", "mouthFunnel", "mouthShrugUpper")
LOUDNESS_RATE = 100.0  # values a second
# Metres by which a shape widens the mouth of the default head at weight 1; negative weights go to an opposite shape by it.
WIDENS = {"mouthPucker": -0.0088, "mouthFunnel": -0.0046, "mouthSmile": 0.0147, "mouthStretch": 0.0106}
# Millimetres by which each shape parts the lips at weight 1.
PARTS = {"jawOpen": 34, "mouthClose": -34, "mouthLowerDown": 4, "mouthUpperUp": 5, "mouthFunnel": 12, "mouthShrugUpper": 4}

DENTAL = ("TH", "DH")
# Weights of the face while the lower lip or the tongue touches the teeth.
BITE = {"mouthRollLower": 0.45, "mouthUpperUp": 0.22, "mouthShrugLower": 0.15, "mouthLowerDown": 0.0}  # as in `visemes`
SHOW = {"jawOpen": 0.08, "mouthLowerDown": 0.12, "mouthUpperUp": 0.1}  # at least, so that the tongue is visible
TONGUE = {**dict.fromkeys(DENTAL, 0.6), "L": 0.16, **dict.fromkeys(("T", "D", "N"), 0.1)}  # weight of tongueOut
CUT = ("P", "B", "F", "V", *DENTAL, "L", "T", "D", "N")  # phonemes whose contact lasts `longest` at most

# Least rounding: phonemes, from and to which share of them, mouthPucker, mouthFunnel. The man of GRID hardly rounds his lips:
# his mouth is 1.3 mm narrower in /uw/ than at rest, others' by several millimetres (V. Fromkin 1964, Lip positions in American
# English vowels; M. Linker 1982, Articulatory and acoustic correlates of labial activity).
ROUND = (
    (("UW",), 0.0, 1.0, 0.48, 0.0),
    (("W",), 0.0, 1.0, 0.52, 0.0),
    (("OW",), 0.3, 1.0, 0.35, 0.0),
    (("AO",), 0.0, 1.0, 0.36, 0.0),
    (("OY",), 0.0, 0.4, 0.35, 0.0),
    (("AW",), 0.7, 1.0, 0.15, 0.0),
    (("UH",), 0.0, 1.0, 0.25, 0.0),
    (("R",), 0.0, 1.0, 0.22, 0.04),
    (("ER",), 0.0, 1.0, 0.16, 0.04),
    (("SH", "ZH", "CH", "JH"), 0.0, 1.0, 0.22, 0.2),
)


@dataclass(frozen=True)
class CoarticulationTuning:
    """Numbers of `limited`, `shape`, `rest`, `rounding` and `contact`; a test or an ablation replaces `TUNING`.

    Contacts were measured on 477 bilabials and 211 labiodentals of GRID: the median lips are shut for the time of an aligned
    /p b m/. Pauses were measured on 999 sentences of GRID's speaker: his lips are together 0.05 s after the last sound and part
    0.3 to 0.15 s before the next one, also before /b/, to breathe.
    """

    wide: float = 8.0  # mm between the lips above which sums of responses are compressed, at strength 1
    widest: float = 14.0  # mm that compressed sums approach
    least: float = 2.5  # mm between the lips of a vowel
    ramp: float = 0.06  # seconds to and from a contact; GRID
    longest: float = 0.12  # seconds of a contact, from its end: aligners give a stop the pause before it
    teeth: float = 0.06  # jawOpen at which the lower lip meets the upper teeth
    closed: float = 0.08  # seconds after the start of a pause at which the lips are together; GRID
    closing: float = 0.1  # seconds that lips take to come together
    parting: float = 0.3  # seconds before the end of a pause at which lips begin to part; GRID
    short: tuple[float, float] = (0.08, 0.18)  # seconds of pauses in which lips stay open, and in which they meet
    short_corners: tuple[float, float] = (0.3, 0.6)  # the same of the corners of the mouth
    # Seconds before a sound at which rounding begins, over any consonants (J. Perkell, M. Matthies 1992, Temporal measures of
    # anticipatory labial coarticulation).
    rounds: float = 0.12
    full: float = 0.09  # seconds of a phoneme for whole rounding; shorter ones get less
    rounder: float = 1.8  # factor of the fitted mouthPucker


TUNING = CoarticulationTuning()


@dataclass(frozen=True, eq=False)
class Coarticulation:
    """The fitted tables. P phonemes, L lags, C channels (CHANNELS)."""

    phones: tuple[str, ...]
    step: float  # seconds from lag to lag
    response: np.ndarray  # (P, L, C) weights: what a phoneme does that fills the step at that lag; the middle lag is now
    loud: np.ndarray  # (2, L, C) weights for every 10 dB of vowels, and of consonants
    level: np.ndarray  # (P,) 10 dB, mean loudness
    provenance: dict

    @classmethod
    def load(cls, path: Path) -> Coarticulation:
        """Read what `save` wrote. Raises InputError for anything else."""
        try:
            data = parse_json(path.read_text(encoding="utf-8"))
            if data["version"] != VERSION or data["channels"] != list(CHANNELS):
                raise ValueError("of another version")
            rows, loud = data["phones"], np.array([data["loud"]["vowels"], data["loud"]["consonants"]], np.float64)
            response = np.array([rows[p]["response"] for p in rows], np.float64)
            if response.shape[1:] != loud.shape[1:] or response.shape[2] != len(CHANNELS) or response.shape[1] % 2 == 0:
                raise ValueError(f"responses of shape {response.shape} and {loud.shape}")
            level = np.array([rows[p]["level"] for p in rows], np.float64)
            out = cls(tuple(rows), float(data["step"]), response, loud, level, data["provenance"])
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise InputError(f"{path}: no tables of coarticulation ({error})") from None
        if not all(np.isfinite(table).all() for table in (response, loud, level)) or not out.step > 0:
            raise InputError(f"{path}: has values that are not finite")
        return out

    def save(self, path: Path) -> None:
        """Write JSON that people can read."""
        from talkinghead.files import replacing

        def text(table: np.ndarray) -> str:
            return json.dumps(np.round(table, 4).tolist())

        rows = ",\n".join(
            f'  {json.dumps(p)}: {{"level": {self.level[i]:.4f}, "response": {text(self.response[i])}}}'
            for i, p in enumerate(self.phones)
        )
        head = {"version": VERSION, "provenance": self.provenance, "channels": CHANNELS, "step": self.step}
        loud = f'{{"vowels": {text(self.loud[0])}, "consonants": {text(self.loud[1])}}}'
        body = f'{json.dumps(head, indent=1)[:-2]},\n "loud": {loud},\n "phones": {{\n{rows}\n }}\n}}\n'
        with replacing(path) as fresh:
            fresh.write_text(body, encoding="utf-8")

    def curves(self, segments: Segments, times: np.ndarray) -> np.ndarray:
        """(T, C) weights at `times` (increasing, seconds), as fitted: not bounded, and without contacts."""
        out = np.zeros((len(times), len(CHANNELS)))
        reach = self.step * self.response.shape[1] / 2
        for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
            if phone == SILENCE:
                continue
            row = self.phones.index(phone)
            loud = self.level[row] if segments.loudness is None else segments.loudness[i]
            done, louder = self._integrals[row], self._integrals[len(self.phones) + (phone not in VOWELS)]
            part = slice(np.searchsorted(times, start - reach), np.searchsorted(times, end + reach))
            before, after = (np.clip(t - times[part], -reach, reach) for t in (start, end))
            out[part] += done(after) - done(before) + loud * (louder(after) - louder(before))
        return out

    @cached_property
    def _integrals(self) -> list[Callable[[np.ndarray], np.ndarray]]:
        """Of each response, then of `loud`, from its beginning to a time: smooth curves through what the steps add up to."""
        from scipy.interpolate import PchipInterpolator

        count = self.response.shape[1]
        edges = (np.arange(count + 1) - count / 2) * self.step
        sums = np.cumsum(np.concatenate([self.response, self.loud]), 1)
        sums = np.concatenate([np.zeros_like(sums[:, :1]), sums], 1)
        return [PchipInterpolator(edges, table) for table in sums]


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
    """Motion of the mouth for `phones`, for `seconds` at `fps`, on the default head if none is given.

    phones: (start, end, phoneme) in seconds; ARPAbet, IPA as the Montreal Forced Aligner writes it, or TIMIT's and Festival's
    names; gaps are pauses. loudness: (n,) of the recording by `loudness_of`; without it every phoneme has its mean loudness.
    strength: factor of the motion, 0 to 3; at 1 that of the fitted speaker, who moves his mouth little. Contacts are complete
    at any strength.
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
    weights = shape(strength * limited(model().curves(segments, times)), segments, times, 1 / fps, strength)
    names = [n + side for n in weights for side in (("Left", "Right") if n in PAIRED else ("",)) if n + side in head.names]
    values = np.stack([weights[n.removesuffix("Left").removesuffix("Right")] for n in names], 1)
    meta = {"model": "coarticulation", "version": VERSION, "synthesised": True}
    return Animation(head.scatter_coefficients(values.astype(np.float32), names), fps, head, meta=meta)


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
    hop = round(RATE / LOUDNESS_RATE)
    window = np.hanning(4 * hop + 1)
    power = convolved(np.pad(wave.astype(np.float64) ** 2, 2 * hop), window / window.sum())[hop // 2 :: hop]
    decibels = 10 * np.log10(np.maximum(power, 0) + 1e-8)
    if not len(decibels):
        return decibels
    loudest = np.sort(decibels)[-max(1, len(decibels) // 3) :]
    return np.clip(decibels - 10 * np.log10(np.mean(10 ** (loudest / 10))), -30, 10) / 10


def limited(curves: np.ndarray) -> np.ndarray:
    """(T, C) curves whose lips part by at most `widest`, by the shapes of PARTS, with mouthPucker times `rounder`."""
    columns = [CHANNELS.index(name) for name in PARTS]
    gap = np.maximum(curves[:, columns] @ np.array([*PARTS.values()]), 1e-9)
    beyond = TUNING.widest - TUNING.wide
    most = np.where(gap > TUNING.wide, TUNING.wide + beyond * np.tanh((gap - TUNING.wide) / beyond), gap)
    out = curves.copy()
    out[:, columns] *= (most / gap)[:, None]
    out[:, CHANNELS.index("mouthPucker")] *= TUNING.rounder
    return out


def shape(
    curves: np.ndarray, segments: Segments, times: np.ndarray, frame: float, strength: float = 1.0
) -> dict[str, np.ndarray]:
    """Fitted curves (T, C) -> weights in [0, 1] by shape name, equal on both sides, with contacts of lips and tongue.

    frame: seconds between frames, so that a closure falls on one of them. strength: factor of the added rounding.
    """
    z = dict(zip(CHANNELS, curves.T.copy(), strict=True))
    debt = sum(WIDENS[name] * np.minimum(z[name], 0) for name in WIDENS)  # metres of width that clipping would take
    z["mouthStretch"] = np.maximum(z["mouthStretch"], 0) + np.maximum(debt, 0) / WIDENS["mouthStretch"]
    z["mouthPucker"] = np.maximum(z["mouthPucker"], 0) + np.minimum(debt, 0) / WIDENS["mouthPucker"]
    opens, moves = 1 - rest(segments, times), 1 - rest(segments, times, TUNING.short_corners)
    z = {name: np.clip(value, 0, 1) * (opens if name in OPENS else moves) for name, value in z.items()}
    pucker, funnel = rounding(segments, times)
    z["mouthPucker"] = np.maximum(z["mouthPucker"], np.minimum(strength * pucker, 1))
    z["mouthFunnel"] = np.maximum(z["mouthFunnel"], np.minimum(strength * funnel, 1))
    for name in ("mouthStretch", "mouthSmile"):  # or the corners would be drawn both ways
        z[name] = z[name] * (1 - np.minimum(pucker / 0.6, 1))
    gap = np.sum([z[name] * parts for name, parts in PARTS.items()], axis=0)
    vowel = min(strength, 1.0) * TUNING.least * contact(segments, VOWELS, times, frame, begin=0.3)
    z["jawOpen"] += np.maximum(vowel - gap, 0) / PARTS["jawOpen"]
    z["mouthClose"] = np.minimum(z["mouthClose"], z["jawOpen"])  # it only takes back what the jaw parted
    bite = contact(segments, LABIODENTALS, times, frame, begin=0.25)
    for name, goal in {**BITE, "mouthClose": np.maximum(z["jawOpen"] - TUNING.teeth, 0)}.items():
        z[name] = z[name] * (1 - bite) + goal * bite
    dental = contact(segments, DENTAL, times, frame)
    z["mouthClose"] = z["mouthClose"] * (1 - dental)
    for name, least in SHOW.items():
        z[name] = np.maximum(z[name], least * dental)
    shut = contact(segments, BILABIALS, times, frame)
    for name in OPENERS:
        z[name] = z[name] * (1 - shut)
    for name in ("mouthRollLower", "mouthRollUpper"):
        z[name] = np.maximum(z[name], 0.1 * shut)
    z["mouthClose"] = z["mouthClose"] * (1 - shut) + z["jawOpen"] * shut
    kinds = sorted(set(TONGUE.values()))
    tongue = [v * contact(segments, tuple(p for p in TONGUE if TONGUE[p] == v), times, frame) for v in kinds]
    z["tongueOut"] = np.max(tongue, axis=0) * np.clip(z["jawOpen"] / 0.05, 0, 1)  # not through shut teeth
    return z


def rest(segments: Segments, times: np.ndarray, limits: tuple[float, float] | None = None) -> np.ndarray:
    """(T,) degree of rest, 1 inside of pauses: responses have long tails, but a silent mouth is shut.

    limits: seconds of a pause up to which there is no rest, and from which on it is complete; `TUNING.short` if not given.
    """
    least, whole = limits or TUNING.short
    out, last = np.zeros(len(times)), len(segments.phones) - 1
    for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
        length, edge = end - start, i in (0, last)
        if phone != SILENCE or (length <= least and not edge):
            continue
        rise, fall = min(TUNING.closing, 0.4 * length), min(TUNING.parting, (0.45 if i else 0.8) * length) / 2
        begin, stop = start + min(TUNING.closed, 0.4 * length) - rise, end - fall
        if i and segments.phones[i - 1] in BILABIALS:
            begin = start - rise  # they are together already
        begin, stop = (-np.inf if i == 0 else begin), (np.inf if i == last else stop)
        depth = np.clip(length / TUNING.closed if edge else (length - least) / (whole - least), 0, 1)
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
            part = slice(np.searchsorted(times, begin - TUNING.rounds), np.searchsorted(times, stop + TUNING.rounds))
            away = np.clip(np.maximum(begin - times[part], times[part] - stop) / TUNING.rounds, 0, 1)
            bell = min(1.0, (length / TUNING.full) ** 0.5) * (0.5 + 0.5 * np.cos(np.pi * away))
            out[:, part] = np.maximum(out[:, part], np.array(goal)[:, None] * bell)
    return out[0], out[1]


def contact(segments: Segments, phones: tuple[str, ...], times: np.ndarray, frame: float, begin: float = 0.0) -> np.ndarray:
    """(T,) from 0 to 1, which it is during the phonemes from a share `begin` of their time on, with soft ramps around."""
    out, lengths = np.zeros(len(times)), segments.length
    for i, (phone, start, end) in enumerate(zip(segments.phones, segments.start, segments.end, strict=True)):
        if phone not in phones:
            continue
        begins = max(start, end - TUNING.longest) if phone in CUT else start  # aligners give a stop the pause before it
        begins += begin * (end - begins)
        middle, half = (begins + end) / 2, max((end - begins) / 2, frame / 2 + 1e-6)
        # A short vowel between two closures opens all the same: it keeps its middle.
        before, after = (
            min(TUNING.ramp, max(lengths[j] / 2, 0.02)) if 0 <= j < len(lengths) else TUNING.ramp for j in (i - 1, i + 1)
        )
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
