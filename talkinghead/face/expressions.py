"""The eight emotions as weights of ARKit's shapes, authored from documented facial action units, and how they meet speech.

T frames, K shapes, E emotions. A curve is (T, E): how strongly each of EMOTIONS is shown, in [0, 1], a row's sum at most 1;
the column of neutral counts for nothing. Nothing here is captured from people.

[E] Ekman, Friesen 1978, Facial Action Coding System; Friesen, Ekman 1983, EMFACS-7 (which units tell which emotion).
[D] Du, Tao, Martinez 2014, Compound facial expressions of emotion. PNAS 111 (units that most people use for each emotion).
[C] Ekman, Friesen 1986, A new pan-cultural facial expression of emotion. Motivation and Emotion 10 (contempt: one corner).
[H] Hess, Kleck 1990, Differentiating emotion elicited and deliberate emotional facial expressions. EJSP 20 (onsets, offsets).
[S] Schmidt, Cohn, Tian 2003, Signal characteristics of spontaneous facial expressions. Biological Psychology 65 (smiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

EMOTIONS = ("neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry", "contempt")
# What action units [E] are in ARKit's shapes; those of SIDED are there twice, left and right.
UNITS: dict[str, dict[str, float]] = {
    "1": {"browInnerUp": 1.0},
    "2": {"browOuterUp": 1.0},
    "4": {"browDown": 1.0},
    "5": {"eyeWide": 1.0},
    "6": {"cheekSquint": 1.0, "eyeSquint": 0.4},
    "7": {"eyeSquint": 1.0},
    "9": {"noseSneer": 1.0},
    "10": {"mouthUpperUp": 0.7},
    "12": {"mouthSmile": 1.0},
    "14": {"mouthDimple": 1.0},
    "15": {"mouthFrown": 1.0},
    "16": {"mouthLowerDown": 0.8},
    "17": {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.4},
    "20": {"mouthStretch": 1.0},
    "23": {"mouthPress": 0.6, "mouthRollLower": 0.25, "mouthRollUpper": 0.25},
    "25": {"mouthLowerDown": 0.35, "mouthUpperUp": 0.25},
    "26": {"jawOpen": 0.35},
    "43": {"eyeBlink": 1.0},
}
# Units of each emotion at full intensity; what `open` and `eyes` of a manner add (or, below 0, take away).
USUAL: dict[str, dict[str, float]] = {
    "happy": {"6": 0.8, "12": 0.8, "25": 0.3},
    "sad": {"1": 0.9, "4": 0.35, "15": 0.8, "17": 0.35, "43": 0.2},
    "surprised": {"1": 0.9, "2": 0.9, "5": 0.7, "25": 0.2, "26": 0.6},
    "fearful": {"1": 0.9, "2": 0.4, "4": 0.4, "5": 0.8, "20": 0.7, "25": 0.4, "26": 0.25},
    "disgusted": {"4": 0.4, "7": 0.4, "9": 0.9, "10": 0.6, "15": 0.35, "17": 0.3},
    "angry": {"4": 1.0, "5": 0.3, "7": 0.6, "9": 0.2, "17": 0.2, "23": 0.7},
    "contempt": {"7": 0.15, "12": 0.45, "14": 0.8},
}
OPEN: dict[str, dict[str, float]] = {
    "happy": {"25": 0.35, "26": 0.1},
    "sad": {"25": 0.15, "17": -0.15},
    "surprised": {"26": 0.35, "25": 0.1},
    "fearful": {"25": 0.25, "26": 0.15},
    "disgusted": {"10": 0.3, "25": 0.2, "17": -0.2},
    "angry": {"23": -0.4, "10": 0.25, "16": 0.3},
    "contempt": {},
}
EYES: dict[str, dict[str, float]] = {
    "happy": {"6": 0.2, "12": -0.15},
    "sad": {"1": 0.1, "4": 0.15, "15": -0.25},
    "surprised": {"5": 0.25, "26": -0.2},
    "fearful": {"5": 0.2, "20": -0.25},
    "disgusted": {"4": 0.2, "7": 0.2, "10": -0.2},
    "angry": {"7": 0.25, "5": 0.2, "23": -0.2},
    "contempt": {"7": 0.2, "2": 0.2},
}
LOPSIDED = 0.2  # how much stronger one side is at manner.side 1; smiles of people differ by some 10 % [S]
WIDE = 0.0025  # metres between the lips at which nothing of an expression gives way
PARTING = ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthShrugUpper", "noseSneer")
SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple", "mouthFrown")
REST = 0.5  # seconds: lips shut for longer are at rest and not in a consonant


@dataclass(frozen=True)
class Manner:
    """How a person shows emotion; each in [-1, 1]. side: which half of the face does more (1: its own left). open: lips further
    apart, or less. eyes: more with the eyes and brows, or more with the mouth."""

    side: float = 0.0
    open: float = 0.0
    eyes: float = 0.0

    def vector(self) -> np.ndarray:
        """(3,) float32."""
        return np.array([self.side, self.open, self.eyes], np.float32)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Manner:
        return cls(*rng.uniform(-1, 1, 3).tolist())


def pose(curve: np.ndarray, names: Sequence[str], manner: Manner = Manner()) -> np.ndarray:
    """(T, E) curve -> (T, K) float32 weights of the shapes `names` for the expression alone."""
    usual, opened, eyed = _matrices(tuple(names))
    matrix = np.clip(usual + manner.open * opened + manner.eyes * eyed, 0, 1)
    side = np.array([name.endswith("Left") - float(name.endswith("Right")) for name in names])
    gain = np.repeat(1 + LOPSIDED * manner.side * side[None], len(EMOTIONS), 0)
    lean = np.sign(manner.side) if manner.side else -1.0  # contempt is shown by one corner, the right one if nobody tells
    mouth = np.array([name.startswith("mouth") for name in names])
    gain[EMOTIONS.index("contempt")] = np.where(mouth & (side == -lean), 0.1, 1)
    return np.clip(np.asarray(curve)[:, 1:] @ (matrix * gain)[1:], 0, 1).astype(np.float32)


def layer(
    speech: np.ndarray, curve: np.ndarray, names: Sequence[str], manner: Manner = Manner(), fps: float = 50.0
) -> np.ndarray:
    """(T, K) speech with an expression on top; articulation wins at the lips. A curve of zeros gives `speech` back.

    Where speech shuts the lips for a consonant, what parts them gives way; where it rounds them, what spreads them does.
    """
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    speech = np.asarray(speech, np.float32)
    names = tuple(names)
    shown = pose(curve, names, manner)
    moved, rest = _gap(names)
    shut = np.clip(1 - (speech @ moved + rest) / WIDE, 0, 1)
    pause = uniform_filter1d(minimum_filter1d(shut, max(1, round(REST * fps))), max(1, round(0.2 * fps)))
    shut = shut * (1 - pause)
    columns = {name: i for i, name in enumerate(names)}
    rounded = np.max(
        [speech[:, columns[name]] for name in ("mouthPucker", "mouthFunnel") if name in columns], axis=0, initial=0
    )
    for name, i in columns.items():
        if name.startswith(PARTING):
            shown[:, i] *= 1 - shut
        elif name.startswith(SPREADING):
            shown[:, i] *= 1 - 0.6 * np.clip(1.5 * rounded, 0, 1)
    return speech + shown * (1 - speech)


def used(names: Sequence[str]) -> np.ndarray:
    """(K,) float32: 1 for the shapes that any expression uses, in any manner."""
    return np.any([(matrix != 0).any(0) for matrix in _matrices(tuple(names))], axis=0).astype(np.float32)


def draw_curve(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T, E) float32, a random curve to train with, at (T,) seconds: one emotion or two, held, coming, going or changing.

    Onsets last 0.3 to 0.8 s and offsets 0.5 to 1.5 s [H][S].
    """
    out = np.zeros((len(times), len(EMOTIONS)), np.float32)
    first, second = 1 + rng.permutation(len(EMOTIONS) - 1)[:2]
    full, share, kind = rng.uniform(0.1, 1), rng.uniform(0.2, 0.8), rng.uniform()
    full = 1.0 if rng.uniform() < 0.25 else full
    start, end = times[0], times[-1]
    comes = _ease((times - rng.uniform(start - 0.5, end)) / rng.uniform(0.3, 0.8))
    goes = 1 - _ease((times - rng.uniform(start, end)) / rng.uniform(0.5, 1.5))
    if kind < 0.45:
        out[:, first] = full
    elif kind < 0.6:
        out[:, first], out[:, second] = full * share, full * (1 - share)
    elif kind < 0.8:
        out[:, first] = full * comes
    elif kind < 0.9:
        out[:, first] = full * goes
    else:
        out[:, first], out[:, second] = full * (1 - comes), full * comes
    return out


def _ease(phase: np.ndarray) -> np.ndarray:
    phase = np.clip(phase, 0, 1)
    return phase**3 * (10 - 15 * phase + 6 * phase**2)


@lru_cache(maxsize=8)
def _matrices(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(E, K) weights of the usual expressions, and what `open` and `eyes` add."""
    return tuple(_matrix(table, names) for table in (USUAL, OPEN, EYES))  # type: ignore[return-value]


def _matrix(table: dict[str, dict[str, float]], names: tuple[str, ...]) -> np.ndarray:
    out = np.zeros((len(EMOTIONS), len(names)))
    for emotion, units in table.items():
        for unit, strength in units.items():
            for shape, weight in UNITS[unit].items():
                for i, name in enumerate(names):
                    if name in (shape, f"{shape}Left", f"{shape}Right"):
                        out[EMOTIONS.index(emotion), i] += strength * weight
    return out


@lru_cache(maxsize=8)
def _gap(names: tuple[str, ...]) -> tuple[np.ndarray, float]:
    """(K,) metres by which each shape parts the lips of the default head, and how far apart they are at rest."""
    from talkinghead.face.head import Head

    head, lips = Head.default(), ["lip_upper_inner", "lip_lower_inner"]
    upper, lower = head.landmark(lips)[:, 1]
    moved = np.zeros(len(names))
    for i, name in enumerate(names):
        if name in head.names:
            above, below = head.landmark(lips, head.basis[head.index(name)])[:, 1]
            moved[i] = above - below
    return moved, float(upper - lower)
