"""Does a model show the emotion it is asked for, as far as it is asked, and do its lips still say what the voice says?

Some clips of a data set are spoken neutrally and with every emotion at several intensities, without blinks, gaze and head
motion. Measured are:

seen          whether a reader that training did not use names the emotion: `readers` says which two, and what they cannot tell.
displacement  mean over the vertices of the face, and over frames, of their distance from the neutral prediction, in mm; its
              rank correlation with intensity (Spearman), and the share of clips in which each step of intensity adds to it.
exact         whether intensity 0 gives the bytes of the neutral prediction.
closures      share of the /p b m/ at which the lips shut, as `metrics.bilabial_recall`; the phonemes of the data set, or, where
              it has none, those that the model itself hears.
recorded      correlation of lip aperture with the recorded lips, and the lag at which it is best; `neutral` the same with the
              neutral prediction, which an emotion should not delay.
content       mouth trajectories against those of the neutral prediction after the mean of each has been taken away, which is
              what an emotion may hold: correlation, and root mean square in mm.

E emotions, I intensities, T frames at 50 a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead import metrics
from talkinghead.audio import activity
from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import Cache, clip_state
from talkinghead.evaluate.emotion import readers
from talkinghead.evaluate.emotion.sheets import FPS, INTENSITIES
from talkinghead.evaluate.measures.clip import Recorded, blocks, correlations, has, read_motion_of
from talkinghead.evaluate.measures.lips import tracked_lips
from talkinghead.evaluate.systems import Model, System
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import EMOTIONS

if TYPE_CHECKING:
    from rich.table import Table

    from talkinghead.animate.talker import Talker

VERSION = 1  # goes up when the same motion would give other figures
FELT = EMOTIONS[1:]
PATHS = ("aperture", "width", "upper_lip", "lower_lip")
SURE = 0.5  # probability from which a phoneme counts as heard
STEP = 3  # frames: every so many are looked at for displacement
READERS = {
    "units": "action units, by the literature; knows no neutral",
    "geometry": "regression on geometry, trained on the authored expressions of other people; eight classes",
}
CAVEAT = (
    "Neither reader was used in training and neither sees pictures. The reader of action units tells whether the units move "
    "that the literature lists for an emotion; the trained one has the authored expressions as its reference, so it tells "
    "whether the model shows these, and not whether people would name them."
)
HEADER = (
    "The reader geometry was trained on the authored expressions, the generator of the training data: it tells whether a model "
    "shows these."
)
EXPLAINED = (
    "seen: share of the clips in which the reader of action units, or the one of geometry, names the emotion (chance is 1 in "
    "7, and 1 in 8). moved: mean distance of the face's vertices from the neutral prediction; Spearman: its rank correlation "
    "with intensity; monotone: share of clips in which each step of intensity adds to it. p b m shut: share of these "
    "consonants at which the lips shut within 60 ms. r and lag: correlation of lip aperture with the recorded lips, and with "
    "the neutral prediction, and the lag at which it is best. The last four: aperture and width against those of the neutral "
    "prediction after the mean of each was taken away, correlation and root mean square."
)


def models(systems: Sequence[System]) -> tuple[list[Model], list[str]]:
    """Those that can be told an emotion, and notes on other models. Raises InputError if there is none."""
    found = [system for system in systems if isinstance(system, Model)]
    felt = [system for system in found if getattr(system.talker.config, "emotions", [])]
    if not felt:
        raise InputError("evaluate: --emotions needs a model that can be told an emotion; none of these can")
    return felt, [
        f"{system.name} speaks neutrally only, so nothing is said of its emotions" for system in found if system not in felt
    ]


def choose(clips: Sequence[Clip], count: int) -> list[Clip]:
    """At most `count` clips, evenly spread, half of them with a recorded emotion where there are such."""
    named = [clip for clip in clips if clip.emotion in FELT]
    plain = [clip for clip in clips if clip.emotion not in FELT]
    half = min(len(named), max(count // 2, count - len(plain)))
    picked = {clip.id for some, n in ((named, half), (plain, count - half)) for clip in _spread(some, n)}
    return [clip for clip in clips if clip.id in picked]


def _spread(clips: list[Clip], count: int) -> list[Clip]:
    if not clips or count < 1:
        return []
    return [clips[i] for i in np.unique(np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int))]


def measure_emotions(
    model: Model,
    folder: Path,
    clips: Sequence[Clip],
    cache: Cache,
    *,
    intensities: Sequence[float] = INTENSITIES,
    step: Callable[[], None] = lambda: None,
) -> dict:
    """The figures of `figures` for one model on these clips, kept in `cache` clip by clip; `step` is called after each."""
    parts = []
    for clip in clips:
        mine = model.identity(clip.id)
        key = None if mine is None else f"emotions {VERSION} {intensities} {clip_state(folder, clip)} {mine}"
        part = cache.get(f".emotions {model.name}", clip.id, key)
        if part is None:
            part = measure_clip(model.talker, folder, clip, intensities, prior=model.options.prior, seed=model.options.seed)
            cache.put(f".emotions {model.name}", clip.id, key, part)
        parts.append(part)
        step()
    return figures(parts, intensities)


def measure_clip(talker: Talker, folder: Path, clip: Clip, intensities: Sequence[float] = INTENSITIES, **how) -> dict:
    """One clip, neutral and in every emotion: plain data, pooled by `figures`. `how` goes to `Talker.animate`."""
    motion = read_motion_of(folder, clip)
    recorded = Recorded(folder, clip, motion, None, None, tracked_lips(folder, clip), None)
    style = clip.speaker if clip.speaker in talker.config.styles else None
    how = {"head": motion.head, "annotation": clip.annotation, "style": style, "fps": FPS, "idle": 0.0, **how}

    def speak(emotion: str, intensity: float) -> Animation:
        return talker.animate(recorded.audio, emotion=emotion, intensity=intensity, **how)

    plain, phonemes = speak(EMOTIONS[0], 1.0), clip.phonemes
    if not phonemes and talker.config.phones:
        phonemes = heard(talker, recorded.audio)
    out: dict = {
        "neutral": _measured(plain, plain, recorded, phonemes),
        "phonemes": "data" if clip.phonemes else "model" if phonemes else None,
        "exact": all(np.array_equal(speak(e, 0.0).coefficients, plain.coefficients) for e in (FELT[0], FELT[-1])),
        "emotions": {},
    }
    for emotion in FELT:
        out["emotions"][emotion] = {
            f"{intensity:g}": _measured(speak(emotion, intensity), plain, recorded, phonemes) for intensity in intensities
        }
    if clip.emotion in FELT:
        own = speak(clip.emotion, 1.0 if clip.intensity is None else clip.intensity)
        out["own"] = {"emotion": clip.emotion, **_measured(own, plain, recorded, phonemes)}
        if readers.readable(motion.head):
            out["own"]["truth"] = readers.descriptors(motion).mean(0).tolist()
    return out


def heard(talker: Talker, audio: Path) -> list[tuple[float, float, str]]:
    """[(start, end, phoneme)] in seconds that the model's own encoder is sure of."""
    likely = np.exp(talker.phoneme_posteriors(audio))
    best, sure = likely.argmax(1), likely.max(1) >= SURE
    return [
        (float(start / FPS), float(end / FPS), name)
        for index, name in enumerate(talker.config.phones)
        for start, end in activity.runs((best == index) & sure)
    ]


def _measured(shown: Animation, plain: Animation, recorded: Recorded, phonemes) -> dict:
    """What one prediction is, beside the neutral one: numbers and lists only."""
    head = shown.head
    out: dict = {"displacement": displacement(shown, plain)}
    if readers.readable(head):
        now, before = (readers.descriptors(motion).mean(0) for motion in (shown, plain))
        out |= {"descriptors": now.tolist(), "change": (now - before).tolist()}
    if has(head, "aperture"):
        rest = replace(plain, coefficients=0 * plain.coefficients[:1], residual=None, gaze=None)
        shut = metrics.SHUT + float(rest.lip_aperture()[0])
        aperture = shown.lip_aperture()
        out["closures"] = metrics.bilabial_recall(aperture, shown.fps, shut, phonemes or ())
        out["recorded"] = correlations(shown, recorded)["aperture"]
        out["neutral"] = metrics.lagged(plain.times, plain.lip_aperture(), shown.times, aperture).tolist()
    mine, its = trajectories(shown), trajectories(plain)
    out["content"] = {name: preserved(mine[name], its[name]) for name in mine}
    return out


def displacement(shown: Animation, plain: Animation) -> float:
    """mm: mean distance of the vertices of the face from where the other prediction has them, over every STEP-th frame."""
    head = shown.head
    known = [head.regions[name] > 0.5 for name in ("upper_face", "lower_face") if name in head.regions]
    face = np.any(known, axis=0) if known else np.ones(len(head.template), bool)
    face = face if face.any() else ~face
    basis = head.basis[:, face].reshape(len(head.names), -1)
    moved = (shown.coefficients - plain.coefficients)[::STEP]
    total = 0.0
    for window in blocks(len(moved), int(face.sum())):
        total += float(np.linalg.norm((moved[window] @ basis).reshape(-1, 3), axis=1).sum())
    return total / (len(moved) * int(face.sum())) * 1000


def trajectories(animation: Animation) -> dict[str, np.ndarray]:
    """(T,) mm of those of PATHS that the head has landmarks for."""
    out = {name: getattr(animation, f"lip_{name}")() for name in ("aperture", "width") if has(animation.head, name)}
    for name, mark in (("upper_lip", "lip_upper_inner"), ("lower_lip", "lip_lower_inner")):
        if mark in animation.head.landmarks:
            out[name] = animation.landmark(mark)[:, 1]
    return {name: 1000 * path.astype(np.float64) for name, path in out.items()}


def preserved(path: np.ndarray, plain: np.ndarray) -> tuple[float | None, float]:
    """Correlation of two (T,) trajectories (None if the second stands still), and the RMS of their difference, means apart."""
    r = metrics.pearson(path / 1000, plain / 1000)
    difference = (path - path.mean()) - (plain - plain.mean())
    return (float(r) if np.isfinite(r) else None), float(np.sqrt(np.mean(difference**2)))


def figures(parts: list[dict], intensities: Sequence[float] = INTENSITIES) -> dict:
    """Clips pooled: {"clips", "exact", "neutral": row, "emotions": {emotion: row}, "all": row, "confusions", ...}.

    A row: "seen" {reader: {intensity: share}}, "displacement" {intensity: mm}, "spearman", "monotone", and, at the largest
    intensity, "closures", "bilabials", "recorded" and "neutral" {"r", "r_at_lag", "lag_ms"}, "content" {path: {"r", "mm"}}.
    """
    steps = [f"{intensity:g}" for intensity in intensities]
    rows = {}
    confusions: dict[str, dict[str, dict[str, int]]] = {name: {} for name in READERS}
    for emotion in FELT:
        table = [[part["emotions"][emotion][step] for step in steps] for part in parts]
        row = _row([found[-1] for found in table])
        row |= _growth(np.array([[one["displacement"] for one in found] for found in table]), intensities)
        for name in READERS:
            seen = [_read(name, [found[i] for found in table]) for i in range(len(steps))]
            if seen[-1]:
                shares = {
                    step: round(float(np.mean([s == emotion for s in some])), 3) for step, some in zip(steps, seen, strict=True)
                }
                row.setdefault("seen", {})[name] = shares
                confusions[name][emotion] = {other: seen[-1].count(other) for other in EMOTIONS if other in seen[-1]}
        rows[emotion] = row
    neutral = _row([part["neutral"] for part in parts])
    plain = _read("geometry", [part["neutral"] for part in parts])
    if plain:
        neutral["seen"] = {"geometry": round(float(np.mean([s == EMOTIONS[0] for s in plain])), 3)}
        confusions["geometry"] = {EMOTIONS[0]: {o: plain.count(o) for o in EMOTIONS if o in plain}} | confusions["geometry"]
    out = {
        "clips": len(parts),
        "intensities": list(intensities),
        "exact": all(part["exact"] for part in parts),
        "phonemes": sorted({part["phonemes"] for part in parts if part["phonemes"]}),
        "readers": READERS,
        "caveat": CAVEAT,
        "neutral": neutral,
        "emotions": rows,
        "all": _mean(list(rows.values())),
        "confusions": {name: table for name, table in confusions.items() if table},
    }
    own = [part["own"] for part in parts if "own" in part]
    return out | ({"own": _own(parts)} if own else {})


def _row(ones: list[dict]) -> dict:
    """Closures, lags and content of predictions of several clips."""
    out: dict = {}
    shut = np.array([one["closures"] for one in ones if "closures" in one]).reshape(-1, 2).sum(0)
    if shut[1]:
        out |= {"closures": round(float(shut[0] / shut[1]), 3), "bilabials": int(shut[1])}
    for name in ("recorded", "neutral"):
        lags = np.array([one[name] for one in ones if name in one and np.isfinite(one[name]).all()])
        if len(lags):
            mean = lags.mean(0)
            best = max(range(len(mean)), key=lambda i: (round(mean[i], 9), -abs(i - len(mean) // 2)))
            values = {"r": mean[len(mean) // 2], "r_at_lag": mean[best]}
            out[name] = {key: round(float(v), 3) for key, v in values.items()} | {"lag_ms": round(1000 * metrics.LAGS[best])}
    for path in PATHS:
        pairs = [one["content"][path] for one in ones if path in one["content"]]
        rs = [r for r, _ in pairs if r is not None]
        if rs:
            far = float(np.sqrt(np.mean([mm**2 for _, mm in pairs])))
            out.setdefault("content", {})[path] = {"r": round(float(np.mean(rs)), 3), "mm": round(far, 3)}
    return out


def _growth(values: np.ndarray, intensities: Sequence[float]) -> dict:
    """Of (clips, I) displacements: their means, mean rank correlation with intensity, share of clips that only grow."""
    from scipy.stats import rankdata

    with_none = np.concatenate([np.zeros((len(values), 1)), values], 1)  # intensity 0 is neutral
    ranks = rankdata(with_none, axis=1)
    order = rankdata([0.0, *intensities])
    spread = ranks.std(1) * order.std()
    both = ((ranks - ranks.mean(1, keepdims=True)) * (order - order.mean())).mean(1)
    rho = np.where(spread > 0, both / np.maximum(spread, 1e-12), 0.0)
    return {
        "displacement": {f"{i:g}": round(float(mm), 3) for i, mm in zip(intensities, values.mean(0), strict=True)},
        "spearman": round(float(rho.mean()), 3),
        "monotone": round(float((np.diff(with_none, axis=1) > 0).all(1).mean()), 3),
    }


def _read(reader: str, ones: list[dict]) -> list[str]:
    """What a reader makes of predictions; [] where the head has too few landmarks."""
    if not all("descriptors" in one for one in ones):
        return []
    if reader == "units":
        return [readers.by_units(np.array(one["change"])) for one in ones]
    return readers.geometry()(np.array([one["descriptors"] for one in ones]))


def _own(parts: list[dict]) -> dict:
    """Of clips with a recorded emotion, told to the model: does that bring it nearer, and do the readers read the recording?"""
    some = [part for part in parts if "own" in part]
    lags = {
        name: [one["recorded"] for one in ones if "recorded" in one and np.isfinite(one["recorded"]).all()]
        for name, ones in (("told", [part["own"] for part in some]), ("neutral", [part["neutral"] for part in some]))
    }
    out: dict = {"clips": len(some)}
    middle = len(metrics.LAGS) // 2
    out |= {f"{name}_r": round(float(np.mean([row[middle] for row in rows])), 3) for name, rows in lags.items() if rows}
    known = [part["own"] for part in some if "truth" in part["own"]]
    if known:
        seen = readers.geometry()(np.array([own["truth"] for own in known]))
        out["recorded_seen"] = round(float(np.mean([s == own["emotion"] for s, own in zip(seen, known, strict=True)])), 3)
    return out


def _mean(rows: list) -> dict:
    """Means over emotions of nested dicts of numbers with the same keys; counts are left out."""
    out: dict = {}
    for key in rows[0]:
        values = [row[key] for row in rows if key in row]
        if key != "bilabials":
            out[key] = _mean(values) if isinstance(values[0], dict) else round(float(np.mean(values)), 3)
    return out


# What is shown: heading, where it is in a row, digits. The terminal has room for those of BRIEF.
COLUMNS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("seen: units", ("seen", "units", "1"), 2),
    ("geometry", ("seen", "geometry", "1"), 2),
    ("units at 0.5", ("seen", "units", "0.5"), 2),
    ("geometry at 0.5", ("seen", "geometry", "0.5"), 2),
    ("moved mm", ("displacement", "1"), 2),
    ("Spearman", ("spearman",), 2),
    ("monotone", ("monotone",), 2),
    ("p b m shut", ("closures",), 2),
    ("r recorded", ("recorded", "r"), 3),
    ("lag ms", ("recorded", "lag_ms"), 0),
    ("r neutral", ("neutral", "r"), 3),
    ("lag ms", ("neutral", "lag_ms"), 0),
    ("aperture r", ("content", "aperture", "r"), 3),
    ("mm", ("content", "aperture", "mm"), 2),
    ("width r", ("content", "width", "r"), 3),
    ("mm", ("content", "width", "mm"), 2),
)
BRIEF = {
    0: "units",
    1: "geometry",
    4: "mm",
    5: "Spearman",
    7: "p b m",
    8: "r rec.",
    10: "r neut.",
    13: "mm open",
    15: "mm wide",
}


def cells(found: dict) -> dict[str, list[str]]:
    """{row: cells of COLUMNS as text} of what `figures` returned; "–" where there is nothing."""
    rows = {EMOTIONS[0]: found["neutral"], **found["emotions"], "all": found["all"]}
    return {name: [_cell(row, path, digits) for _, path, digits in COLUMNS] for name, row in rows.items()}


def _cell(row, path: tuple[str, ...], digits: int) -> str:
    for key in path:
        row = row.get(key) if isinstance(row, dict) else row if key == "1" else None
        if row is None:
            return "–"
    return f"{row:.{digits}f}"


def told(found: dict) -> str:
    """One line under the table."""
    where = {"data": "of the data set", "model": "that the model hears"}
    phonemes = " and ".join(where[name] for name in found["phonemes"])
    parts = [
        f"{found['clips']} clips, at intensity 1 where none is named",
        "intensity 0 is neutral to the bit" if found["exact"] else "intensity 0 is NOT neutral to the bit",
        f"phonemes {phonemes}" if phonemes else "no phonemes are known",
    ]
    if own := found.get("own"):
        parts.append(
            f"told the recorded emotion of {own['clips']} clips: "
            + ", ".join(f"{k} {v}" for k, v in own.items() if k != "clips")
        )
    return "; ".join(parts)


def rich_table(name: str, found: dict) -> Table:
    """For the terminal, the columns of BRIEF."""
    from rich.table import Table

    look = {"box": None, "pad_edge": False, "header_style": "bold", "title_justify": "left", "padding": (0, 1, 0, 0)}
    table = Table(title=f"{name}: emotions", **look)
    table.add_column("")
    for heading in BRIEF.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for row, values in cells(found).items():
        table.add_row(row, *(values[i] for i in BRIEF))
    return table
