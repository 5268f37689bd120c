"""Fit the coarticulation model (`talkinghead.speech.coarticulation`) to tracked faces whose words are known, and measure it.

    python tools/train/fit_coarticulation.py DATA [-o assets/coarticulation.json] [--say z=zed] [--credit TEXT] [--licence TEXT]
    python tools/train/fit_coarticulation.py DATA --measure [--phones FOLDER]

DATA was made by `talkinghead prepare video` and has transcripts, which are aligned (extra `align`) into DATA/phones.jsonl.
The fit sees the clips of the split train; `--measure` prints JSON lines about the split test: correlation of lip aperture and
width with the tracked lips at no lag and at the best constant one, beside one viseme per phoneme blurred by 40 ms; and how
often and when lips shut at /p b m/. `--phones` names a folder with phones.jsonl, whose speakers nobody filmed. Some minutes.

Phonemes share strength by what the mouth does for them (`features`): a response is what phonetics expects (`anchors`, scaled),
plus what the classes of the phoneme add, plus a part of its own that costs most, so that phonemes that DATA lacks move, too.
How much each costs was chosen by words that were left out of the fit: of two lists of nine of GRID's words, the correlation of
lip aperture while they are said is 0.60 and 0.72, with dominance functions (M. Cohen, D. Massaro 1993) it was 0.52 and 0.69.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkinghead import load_audio
from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.errors import InputError
from talkinghead.evaluate.measures.lips import tracked_lips
from talkinghead.head.head import Head
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.metrics.lips import LAGS, SHUT, lagged
from talkinghead.models.template import eye_distance
from talkinghead.speech import coarticulation as co
from talkinghead.speech import phonemes
from talkinghead.speech.align import align
from talkinghead.speech.phonemes import PHONES, SILENCE, VOWELS

# Vowels: how open, how rounded, how far back (-1 front). From charts of American English.
VOWEL_CHART = """
    AA 1.0 0.0 0.3    AE 0.8 0.0 -0.6   AH 0.5 0.0 0.0    AO 0.7 0.6 0.7    AW 0.9 0.4 0.3    AY 0.9 0.0 -0.3   EH 0.6 0.0 -0.6
    ER 0.35 0.4 0.0   EY 0.5 0.0 -0.8   IH 0.3 0.0 -0.6   IY 0.15 0.0 -1.0  OW 0.5 0.8 0.8    OY 0.5 0.6 0.3    UH 0.3 0.6 0.6
    UW 0.15 1.0 0.8
""".split()
CHART = {VOWEL_CHART[i]: [float(x) for x in VOWEL_CHART[i + 1 : i + 4]] for i in range(0, len(VOWEL_CHART), 4)}
GLIDE = ("AW", "AY", "EY", "OW", "OY")
CONSONANTS = {
    "labial": "P B M",
    "labiodental": "F V",
    "dental": "TH DH",
    "alveolar": "T D N S Z L",
    "retroflex": "R",
    "palatal": "SH ZH CH JH Y",
    "velar": "K G NG",
    "glottal": "HH",
    "stop": "P B T D K G CH JH",
    "nasal": "M N NG",
    "fricative": "F V TH DH S Z SH ZH HH",
    "sibilant": "S Z SH ZH CH JH",
    "approximant": "R Y W",
    "lateral": "L",
    "voiced": "B M V DH D N Z L R ZH JH Y G NG W",
    "rounded": "SH ZH CH JH R W",
    "spread": "Y",
}
# What phonetics expects of consonants, as weights of channels; of vowels, `anchors` makes it from the chart. Heights of the jaw
# after P. Keating, B. Lindblom, J. Lubker, J. Kreiman 1994, Variability in jaw height for segments in English and Swedish VCVs:
# highest in /s z sh/, then /t d f/, lowest in /h/, /k/ and /l/.
ANCHORS = {
    "P B M": {"jawOpen": 0.06, "mouthClose": 0.06},
    "F V": {"jawOpen": 0.04, "mouthUpperUp": 0.15, "mouthRollLower": 0.1},
    "TH DH": {"jawOpen": 0.08, "mouthLowerDown": 0.1, "mouthUpperUp": 0.1},
    "T D N": {"jawOpen": 0.08, "mouthLowerDown": 0.15, "mouthUpperUp": 0.12},
    "S Z": {"jawOpen": 0.03, "mouthLowerDown": 0.2, "mouthUpperUp": 0.2, "mouthStretch": 0.1},
    "L": {"jawOpen": 0.14, "mouthLowerDown": 0.12, "mouthUpperUp": 0.1},
    "R": {"jawOpen": 0.08, "mouthPucker": 0.5, "mouthFunnel": 0.1},
    "W": {"jawOpen": 0.06, "mouthPucker": 1.0},
    "SH ZH CH JH": {"jawOpen": 0.04, "mouthPucker": 0.4, "mouthFunnel": 0.25, "mouthLowerDown": 0.1, "mouthUpperUp": 0.1},
    "Y": {"jawOpen": 0.06, "mouthLowerDown": 0.1, "mouthUpperUp": 0.1, "mouthSmile": 0.15},
    "K G NG": {"jawOpen": 0.12, "mouthLowerDown": 0.12, "mouthUpperUp": 0.1},
    "HH": {"jawOpen": 0.14, "mouthLowerDown": 0.1, "mouthUpperUp": 0.08},
}
STEP, LAGS_EACH_WAY = 0.04, 9  # seconds: a response reaches 0.38 s to both sides of a sound
CLASS, OWN, SMOOTH = 10.0, 1000.0, 3.0  # frames that the ridge is worth: of a class, of a phoneme, and of bends over the lags
FAR = 4  # lags from now on which the ridge is twice as strong
ANCHOR_BLUR = 0.06  # seconds
VISEME = {  # of the naive teacher
    **dict.fromkeys("P B M".split(), "PP"),
    **dict.fromkeys("F V".split(), "FF"),
    **dict.fromkeys("TH DH".split(), "TH"),
    **dict.fromkeys("T D".split(), "DD"),
    **dict.fromkeys("K G HH NG".split(), "kk"),
    **dict.fromkeys("CH JH SH ZH".split(), "CH"),
    **dict.fromkeys("S Z".split(), "SS"),
    **dict.fromkeys("N L".split(), "nn"),
    **dict.fromkeys("R ER".split(), "RR"),
    **dict.fromkeys("AA AE AH AW AY".split(), "aa"),
    **dict.fromkeys("EH EY".split(), "E"),
    **dict.fromkeys("IH IY Y".split(), "I"),
    **dict.fromkeys("AO OW OY".split(), "O"),
    **dict.fromkeys("UH UW W".split(), "U"),
    SILENCE: "sil",
}


def features() -> np.ndarray:
    """(P, F) what the mouth does for each of PHONES; nothing in silence."""
    rows = []
    for p in PHONES:
        vowel = [float(p in VOWELS), *CHART.get(p, (0.0, 0.0, 0.0)), float(p in GLIDE)]
        rows.append([*vowel, *(float(p in members.split()) for members in CONSONANTS.values())])
    return np.array(rows)


def anchors() -> np.ndarray:
    """(P, C) what phonetics expects of PHONES, on a scale of its own: the fit finds how far this speaker goes, by channel."""
    rows = {p: targets for members, targets in ANCHORS.items() for p in members.split()} | {SILENCE: {}}
    for p, (opened, rounded, back) in CHART.items():
        spread = max(-back, 0.0) * (1 - opened / 2)
        rows[p] = {"jawOpen": 0.1 + 0.35 * opened, "mouthPucker": 0.9 * rounded, "mouthSmile": 0.3 * spread}
        rows[p] |= {"mouthStretch": 0.2 * spread, "mouthLowerDown": 0.2 * (1 - rounded), "mouthUpperUp": 0.2 * (1 - rounded)}
    return np.array([[rows[p].get(name, 0.0) for name in co.CHANNELS] for p in PHONES])


def aligned(folder: Path, clips: list[Clip], say: dict[str, str]) -> dict[str, list]:
    """Phonemes of each clip, from DATA/phones.jsonl as far as they are there."""
    path = folder / "phones.jsonl"
    known = {line["id"]: line["phones"] for line in map(json.loads, path.read_text().splitlines())} if path.exists() else {}
    with path.open("a") as file:
        for clip in clips:
            if clip.id in known or not clip.transcript:
                continue
            try:
                text = " ".join(say.get(word, word) for word in clip.transcript.split())
                spans = align(load_audio(folder / clip.audio), text).phones
            except InputError as error:
                print(f"left out {clip.id}: {error}")
                continue
            known[clip.id] = [[name, start, end] for start, end, name in spans]
            file.write(json.dumps({"id": clip.id, "phones": known[clip.id]}) + "\n")
    return known


def spans_of(phones: list) -> list[tuple[float, float, str]]:
    """[[phone, start, end]...] of phones.jsonl -> ((start, end, phone)...)."""
    return [(start, end, name) for name, start, end in phones]


@dataclass(frozen=True, eq=False)
class Seen:
    """One clip: (T, C) shapes at (T,) times, the clip's rate, and its phonemes."""

    times: np.ndarray
    fps: float
    shapes: np.ndarray
    segments: co.Segments


def collect(folder: Path, clips: list[Clip], phones: dict[str, list]) -> list[Seen]:
    """What the fit sees."""
    head, out = Head.default(), []
    for clip in clips:
        animation, wave, lips = read_animation(folder, clip), load_audio(folder / clip.audio), tracked_lips(folder, clip)
        segments = co.segments_of(spans_of(phones[clip.id]), clip.duration, co.loudness_of(wave))
        shapes = np.stack([animation.coefficients[:, columns(head, name)].mean(1) for name in co.CHANNELS], 1)
        if lips is not None:
            width = np.interp(animation.times, lips.times, lips.width) * eye_distance(head)
            widen(shapes, animation.times, width, segments)
        out.append(Seen(animation.times, animation.fps, shapes, segments))
    return out


def widen(shapes: np.ndarray, times: np.ndarray, width: np.ndarray, segments: co.Segments) -> None:
    """Make (T, C) shapes as wide as the tracked lips, (T,) metres: solved shapes are within [0, 1], and hide what is narrow."""
    which = np.clip(np.searchsorted(segments.end, times), 0, len(segments.phones) - 1)
    quiet = np.array([segments.phones[k] == SILENCE for k in which])
    width = width - np.median(width[quiet] if quiet.any() else width)  # beyond the speaker's at rest
    head = Head.default()
    moved = head.landmark("lip_corner_left", head.basis) - head.landmark("lip_corner_right", head.basis)
    widens = np.array([moved[columns(head, name), 0].sum() for name in co.CHANNELS])
    missing = width - shapes @ widens
    for name in ("mouthStretch", "mouthPucker"):  # half of it each
        k = co.CHANNELS.index(name)
        shapes[:, k] += missing / 2 / widens[k]


def tracks(seen: Seen) -> np.ndarray:
    """(T, D): how much of each step around a frame has each feature, a vowel and a consonant by loudness, each phoneme."""
    phone, loudness = np.array([PHONES.index(p) for p in seen.segments.phones]), seen.segments.loudness
    assert loudness is not None, "`collect` measured it"
    inside = np.minimum(seen.segments.end, seen.times[:, None] + STEP / 2)
    inside = np.clip(inside - np.maximum(seen.segments.start, seen.times[:, None] - STEP / 2), 0, None) / STEP
    one = inside @ np.eye(len(PHONES))[phone]
    vowel, speech = np.isin(phone, [PHONES.index(p) for p in VOWELS]), phone != PHONES.index(SILENCE)
    loud = np.stack([inside @ (loudness * kind) for kind in (vowel, speech & ~vowel)], 1)
    return np.concatenate([one @ features(), loud, one[:, :-1]], 1)


def lags_of(values: np.ndarray, fps: float) -> np.ndarray:
    """(T, D) -> (T, L * D): the values from LAGS_EACH_WAY steps before to as many after each frame."""
    frames = np.arange(len(values))
    rows = [frames + round(k * STEP * fps) for k in range(-LAGS_EACH_WAY, LAGS_EACH_WAY + 1)]
    return np.concatenate([values[np.clip(row, 0, len(values) - 1)] for row in rows], 1)


def ridge() -> np.ndarray:
    """(L * D, L * D) penalty: phonemes are like their class unless the data insist; responses are smooth, and short."""
    strength = np.concatenate([np.full(features().shape[1] + 2, CLASS), np.full(len(PHONES) - 1, OWN)])
    lag = np.arange(-LAGS_EACH_WAY, LAGS_EACH_WAY + 1)
    bend = np.diff(np.eye(len(lag)), 2, axis=0)
    return np.kron(np.diag(1 + (lag / FAR) ** 2) + SMOOTH * bend.T @ bend, np.diag(strength))


def fit(data: list[Seen], provenance: dict) -> co.Coarticulation:
    """Ridge regression of the shapes on the phonemes around (A. Hoerl, R. Kennard 1970), in closed form; seconds on one core.

    First the anchors, blurred, by one factor a channel; then what is left by classes of phonemes, by loudness and by phonemes.
    """
    lags, width = 2 * LAGS_EACH_WAY + 1, features().shape[1]
    bell = np.exp(-0.5 * (np.arange(-LAGS_EACH_WAY, LAGS_EACH_WAY + 1) * STEP / ANCHOR_BLUR) ** 2)
    expected = (bell / bell.sum())[:, None, None] * anchors()[None, :-1]  # (L, P - 1, C)
    gram, moment, cross, up, down = 0.0, 0.0, 0.0, 0.0, 0.0
    for seen in data:
        x = lags_of(tracks(seen), seen.fps)
        prior = np.einsum("tlp,lpc->tc", x.reshape(len(x), lags, -1)[:, :, width + 2 :], expected)
        gram, moment, cross = gram + x.T @ x, moment + x.T @ seen.shapes, cross + x.T @ prior
        up, down = up + (prior * seen.shapes).sum(0), down + (prior**2).sum(0)
    gain = np.clip(up / np.maximum(down, 1e-9), 0, None)
    found = np.linalg.solve(gram + ridge(), moment - cross * gain).reshape(lags, -1, len(co.CHANNELS))
    response = np.einsum("pf,lfc->plc", features()[:-1], found[:, :width]) + found[:, width + 2 :].transpose(1, 0, 2)
    response += (expected * gain).transpose(1, 0, 2)
    silent = np.zeros((1, *response.shape[1:]))
    loud = found[:, width : width + 2].transpose(1, 0, 2)
    return co.Coarticulation(PHONES, STEP, np.concatenate([response, silent]), loud, levels(data), provenance)


def levels(data: list[Seen]) -> np.ndarray:
    """(P,) mean loudness of each phoneme in 10 dB; of those that are not there, that of all."""
    phone = np.concatenate([[PHONES.index(p) for p in seen.segments.phones] for seen in data])
    loudness = np.concatenate([seen.segments.loudness for seen in data if seen.segments.loudness is not None])
    means = [loudness[phone == p].mean() if (phone == p).any() else np.nan for p in range(len(PHONES))]
    return np.where(np.isnan(means), loudness[phone != PHONES.index(SILENCE)].mean(), means)


def columns(head: Head, name: str) -> list[int]:
    """Rows of a channel in the head's basis: one, or one for each side."""
    return [head.index(name + side) for side in (("Left", "Right") if name in co.PAIRED else ("",))]


def visemes(spans: list, seconds: float, fps: float):
    """The naive teacher: one viseme for each phoneme, blurred by a Gaussian of 40 ms."""
    from scipy.ndimage import gaussian_filter1d

    from talkinghead import Animation
    from talkinghead.audio.clock import frame_count, frame_times

    head = Head.default()
    segments = co.segments_of(spans, seconds)
    times = frame_times(frame_count(seconds, fps), fps)
    which = np.clip(np.searchsorted(segments.end, times), 0, len(segments.phones) - 1)
    rows = viseme_matrix(head)[[NAMES.index(VISEME[segments.phones[i]]) for i in which]]
    return Animation(gaussian_filter1d(rows, 0.04 * fps, axis=0), fps, head)


def measure(folder: Path, clips: list[Clip], phones: dict[str, list]) -> None:
    """Prints figures about clips whose lips were tracked."""
    tables: dict[tuple[str, str], list] = {}
    shut: dict[str, list] = {"real lips": [], "coarticulation": [], "visemes": []}
    for clip in clips:
        lips = tracked_lips(folder, clip)
        if lips is None:
            continue
        spans, wave = spans_of(phones[clip.id]), load_audio(folder / clip.audio)
        made = {
            "coarticulation": co.speak(spans, clip.duration, 50, loudness=co.loudness_of(wave)),
            "without loudness": co.speak(spans, clip.duration, 50),
            "visemes": visemes(spans, clip.duration, 50),
        }
        for system, animation in made.items():
            for what, real, found in (
                ("aperture", lips.aperture, animation.lip_aperture()),
                ("width", lips.width, animation.lip_width()),
            ):
                tables.setdefault((system, what), []).append(lagged(lips.times, real, animation.times, found))
        for system, animation in {**made, "real lips": read_animation(folder, clip)}.items():
            if system in shut:
                shut[system] += closures(phones[clip.id], animation)
    for (system, what), rows in tables.items():
        table = np.nanmean(rows, axis=0)
        best = int(table.argmax())
        r = {"r": round(float(table[len(LAGS) // 2]), 4), "r_at_best_lag": round(float(table[best]), 4)}
        line = {
            "data": folder.name,
            "system": system,
            "what": what,
            "clips": len(rows),
            "best_lag_ms": round(LAGS[best] * 1000),
        }
        print(json.dumps(line | r))
    for system, rows in shut.items():
        print(json.dumps({"data": folder.name, "system": system, **summary(rows)}))


def closures(phones: list, animation) -> list[tuple[bool, float]]:
    """For each /p b m/ but those after a pause: whether the lips shut within 20 ms of it, and when (middle, after its own)."""
    out, aperture, times = [], animation.lip_aperture(), animation.times
    for (before, _, _), (name, start, end) in pairwise(phones):
        near = (times >= start - 0.02) & (times <= end + 0.02)
        if name in phonemes.BILABIALS and before != SILENCE and near.any():
            lowest = times[near][aperture[near] < max(SHUT, float(aperture[near].min()) + 1e-6)]
            out.append((bool(aperture[near].min() < SHUT), float(lowest.mean() - (start + end) / 2)))
    return out


def summary(rows: list[tuple[bool, float]]) -> dict:
    """Share shut, and the median and the mean deviation of when."""
    late = np.array([t for _, t in rows]) * 1000
    figures = {"shut": np.mean([s for s, _ in rows]), "after_centre_ms": np.median(late), "deviation_ms": np.abs(late).mean()}
    return {"bilabials": len(rows), **{name: round(float(value), 3) for name, value in figures.items()}}


def measure_phones(folder: Path) -> None:
    """Closures, apertures in mm and stillness for speech that nobody filmed."""
    groups = {"labiodental": "F V", "open": "AA AE AY AW", "rounded": "UW OW W", "silence": SILENCE}
    rows: dict[str, list] = {"coarticulation": [], "visemes": []}
    apertures: dict[str, list[float]] = {name: [] for name in groups}
    for line in map(json.loads, (folder / "phones.jsonl").read_text().splitlines()):
        spans = spans_of(line["phones"])
        made = {"coarticulation": co.speak(spans, spans[-1][1], 50), "visemes": visemes(spans, spans[-1][1], 50)}
        for system, animation in made.items():
            rows[system] += closures(line["phones"], animation)
        aperture, times = made["coarticulation"].lip_aperture() * 1000, made["coarticulation"].times
        for name, start, end in line["phones"]:
            inside = (times >= start) & (times <= end)
            for group, members in groups.items():
                if name in members.split() and inside.any():
                    apertures[group].append(float(np.median(aperture[inside])))
    for system, found in rows.items():
        print(json.dumps({"data": folder.name, "system": system, **summary(found)}))
    medians = {group: round(float(np.median(values)), 2) for group, values in apertures.items()}
    print(json.dumps({"data": folder.name, "median_aperture_mm": medians}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("assets/coarticulation.json"))
    parser.add_argument("--say", action="append", default=[], help="word=how the aligner's dictionary calls it")
    parser.add_argument("--credit", default="")
    parser.add_argument("--licence", default="unknown")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--phones", type=Path)
    args = parser.parse_args()
    clips = read_manifest(args.data)
    phones = aligned(args.data, clips, dict(pair.split("=") for pair in args.say))
    clips = [clip for clip in clips if clip.id in phones]
    if args.measure:
        measure(args.data, [clip for clip in clips if clip.split == "test"], phones)
        if args.phones:
            measure_phones(args.phones)
        return
    train = [clip for clip in clips if clip.split == "train"]
    provenance = {
        "source": args.credit,
        "licence": args.licence,
        "clips": len(train),
        "made_by": "tools/train/fit_coarticulation.py",
    }
    fit(collect(args.data, train, phones), provenance).save(args.output)
    print(args.output)


if __name__ == "__main__":
    main()
