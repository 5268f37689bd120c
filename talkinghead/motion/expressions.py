"""The eight emotions as weights of ARKit's shapes, authored from documented facial action units, and how they meet speech.

T frames, K shapes, E emotions. A curve is (T, E): how strongly each of EMOTIONS is shown, in [0, 1], a row's sum at most 1;
the column of neutral counts for nothing. Nothing here is captured from people: which units make an emotion is from the
literature, how far each of them goes was set by hand: by eye, on pictures of several heads, with two free classifiers of
photographs (face-api, fer) as a second opinion. No weights come from those.

Brows, lids (eyeWide, eyeSquint and, for lids that droop, eyeBlink), cheeks, nose, jaw and lips take part; eyeLook does not:
where the eyes look and how the head is held is in `affect`.

[E] Ekman, Friesen 1978, Facial Action Coding System; Friesen, Ekman 1983, EMFACS-7 (which units tell which emotion).
[D] Du, Tao, Martinez 2014, Compound facial expressions of emotion. PNAS 111, table 1 (units that most people use for each).
[M] Matsumoto, Ekman 2004, The relationship among expressions, labels, and descriptions of contempt. JPSP 87; Ekman, Friesen
    1986, A new pan-cultural facial expression of emotion. Motivation and Emotion 10 (one corner of the mouth, 12 and 14).
[H] Hess, Kleck 1990, Differentiating emotion elicited and deliberate emotional facial expressions. EJSP 20 (onsets, offsets).
[S] Schmidt, Cohn, Tian 2003, Signal characteristics of spontaneous facial expressions. Biological Psychology 65 (smiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import lip_gap
from talkinghead.motion.easing import ease, smoothstep
from talkinghead.motion.emotions import EMOTIONS

# What action units [E] are in ARKit's shapes; a name without its side stands for both.
UNITS: dict[str, dict[str, float]] = {
    "1": {"browInnerUp": 1.0},
    "2": {"browOuterUp": 1.0},
    "4": {"browDown": 1.0},
    "5": {"eyeWide": 1.0},
    "6": {"cheekSquint": 1.0, "eyeSquint": 0.35},
    "7": {"eyeSquint": 1.0},
    "9": {"noseSneer": 1.0},
    "10": {"mouthUpperUp": 1.0},
    "12": {"mouthSmile": 1.0},
    "14": {"mouthDimple": 1.0},
    "15": {"mouthFrown": 1.0},
    "16": {"mouthLowerDown": 1.0},
    "17": {"mouthShrugLower": 1.0},
    "20": {"mouthStretch": 1.0},
    "22": {"mouthFunnel": 1.0},
    "24": {"mouthRollLower": 1.0, "mouthRollUpper": 1.0},  # and 23; mouthPress draws the corners out, as in a smile
    "25": {"mouthLowerDown": 0.6, "mouthUpperUp": 0.4},
    "26": {"jawOpen": 1.0},
    "43": {"eyeBlink": 1.0},
}
# Units of each emotion at full intensity; what `open` and `eyes` of a manner add (or, below 0, take away).
# 2 in anger: browDown lowers a brow's outer end more than the inner one, which frowning muscles leave where it is.
USUAL: dict[str, dict[str, float]] = {
    "happy": {"6": 0.6, "10": 0.2, "12": 1.0, "14": 0.25, "25": 0.4, "26": 0.05},
    "sad": {"1": 1.0, "4": 0.4, "15": 0.9, "17": 0.5, "43": 0.2},
    "surprised": {"1": 1.0, "2": 0.9, "5": 0.9, "26": 0.36, "25": 0.15},
    "fearful": {"1": 1.0, "2": 0.25, "4": 0.45, "5": 1.0, "15": 0.2, "20": 0.9, "25": 0.6, "26": 0.07},
    "disgusted": {"4": 0.55, "6": 0.3, "7": 0.45, "9": 1.0, "10": 0.9, "15": 0.65, "16": 0.2, "17": 0.15},
    "angry": {"2": 0.4, "4": 1.0, "5": 0.45, "7": 0.5, "9": 0.85, "10": 0.25, "15": 0.35, "16": 0.5, "17": 0.15, "20": 0.25},
    "contempt": {"2": 0.25, "7": 0.3, "12": 0.6, "14": 1.0, "43": 0.12},
}
OPEN: dict[str, dict[str, float]] = {
    "happy": {"10": 0.2, "25": 0.4, "26": 0.05},
    "sad": {"25": 0.2, "17": -0.2},
    "surprised": {"26": 0.16, "25": 0.1},
    "fearful": {"25": 0.3, "26": 0.05},
    "disgusted": {"10": 0.1, "16": 0.25, "17": -0.25, "26": 0.04},
    "angry": {"10": 0.25, "16": 0.4, "17": -0.4, "20": 0.15, "24": -0.5, "26": 0.05},  # below 0 the lips are pressed (23, 24)
    "contempt": {},
}
EYES: dict[str, dict[str, float]] = {
    "happy": {"6": 0.15, "12": -0.15},
    "sad": {"4": 0.15, "43": 0.08, "15": -0.2},
    "surprised": {"5": 0.1, "2": 0.1, "26": -0.1},
    "fearful": {"4": 0.1, "20": -0.2, "25": -0.15},
    "disgusted": {"4": 0.2, "7": 0.05, "10": -0.15},
    "angry": {"2": 0.1, "7": 0.1, "5": 0.2, "16": -0.2},
    "contempt": {"7": 0.15, "2": 0.25, "12": -0.1},
}
GROWTH = 1.7  # how fast an expression grows at first: a little of it is to be seen
LOPSIDED = 0.2  # how much stronger one side is at manner.side 1; smiles of people differ by some 10 % [S]
TURN = (0.04, 0.12)  # manner.side between which contempt goes from the right corner to the left one: at 0 it is the right one's
OTHER = 0.06  # of contempt that the other corner shows
SHUT, JAW = 2.5, 9.0  # mm: between the lips, below which what parts them gives way; opened by the jaw, for all it adds
TALK, LOUD = 0.8, 0.6  # of what parts the lips, and of a jaw that drops, that is left while speech opens them
PARTING = ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel")
SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple")
PRESSING = ("mouthRollLower", "mouthRollUpper", "mouthShrugLower")
REST = 0.5  # seconds: lips shut for longer are at rest and not in a consonant
SOFT = 0.04  # seconds by which what parts the lips gives way before they are shut
PRESS = 0.1  # mm that shut lips are pressed together
PRESSED, BITTEN, ROUND = 0.06, 0.35, 0.5  # weights of rolled lips that tell a closure, of a lip at the teeth, of rounding


@dataclass(frozen=True)
class Manner:
    """How a person shows emotion; each in [-1, 1]. side: which half of the face does more (1: its own left). open: lips further
    apart and teeth bared, or less. eyes: more with the eyes and brows, or more with the mouth."""

    side: float = 0.0
    open: float = 0.0
    eyes: float = 0.0

    def vector(self) -> np.ndarray:
        """(3,) float32."""
        return np.array([self.side, self.open, self.eyes], np.float32)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Manner:
        """Somebody's; never one whose contempt is between the two corners of the mouth, not even half as far from nobody's."""
        side, opened, eyes = rng.uniform(-1, 1, 3).tolist()
        return cls(side if side < 0 else 1 - (1 - 2.1 * TURN[1]) * (1 - side), opened, eyes)


def pose(curve: np.ndarray, names: Sequence[str], manner: Manner = Manner()) -> np.ndarray:
    """(T, E) curve -> (T, K) float32 weights of the shapes `names` for the expression alone; none falls as intensity grows."""
    shown = np.clip(np.asarray(curve, np.float32)[:, 1:], 0, 1)
    shown = shown * (GROWTH - (GROWTH - 1) * shown)
    return np.minimum(shown @ _weights(tuple(names), manner), 1)


def layer(
    speech: np.ndarray, curve: np.ndarray, names: Sequence[str], manner: Manner = Manner(), fps: float = 50.0
) -> np.ndarray:
    """(T, K) speech with an expression on top; articulation wins at the lips. A curve of zeros gives `speech` back.

    Where speech shuts the lips for a consonant, or rolls the lower one to the teeth, what would part them gives way; where it
    rounds them, what spreads them does; where it opens them, what presses them does. A jaw that drops in surprise drops as
    far as speech lets it: not over closures, and by LOUD of it at open vowels. Lips that have been shut for long are at rest,
    not in a consonant: there the whole expression shows.
    """
    speech, names = np.asarray(speech, np.float32), tuple(names)
    shown = pose(curve, names, manner)
    part, jaw, close, spread, press, look, rest = _plan(names)
    rolled, bitten, round_, opened, gap = (speech @ look).T
    gap = np.maximum(gap + rest, 0)  # mm
    shut = 1 - smoothstep(gap / SHUT)
    pause = _rest(shut * (1 - np.minimum(rolled / PRESSED, 1)), fps)
    bite = smoothstep(bitten / BITTEN)
    free = np.maximum(TALK * (1 - _soft(shut, fps)) * (1 - bite), pause)
    pause = pause * np.clip(shown @ look[:, 4], 0, 1)  # only an expression that parts the lips at rest keeps them from meeting
    shown[:, part] *= free[:, None]
    shown[:, jaw] *= np.maximum(LOUD * smoothstep(opened / JAW) * (1 - bite), pause)[:, None]
    shown[:, spread] *= (1 - 0.7 * smoothstep(round_ / ROUND))[:, None]
    shown[:, press] *= (1 - 0.8 * smoothstep(gap / (2 * SHUT)) * (1 - bite))[:, None]
    out = speech + shown * (1 - speech)
    if len(jaw) and len(close):
        _meet(out, look[:, -1], rest, part, jaw[0], close[0], shut * shut * (1 - pause), curve)
    return out


def _meet(
    out: np.ndarray, moved: np.ndarray, rest: float, part: np.ndarray, jaw: int, close: int, shut: np.ndarray, curve: np.ndarray
) -> None:
    """Lips that speech (almost) shuts are shut wholly, in place, under as much as a third of an expression.

    Sneers, frowns and stretched corners part them by some tenths of a millimetre, and what is still between them shows.
    """
    level = shut * np.minimum(3 * np.asarray(curve, np.float32)[:, 1:].sum(1), 1)
    out[:, part] *= (1 - level)[:, None]
    wide = level * np.maximum(out @ moved + rest + PRESS, 0)
    shift = np.minimum(wide / -moved[close], np.maximum(out[:, jaw] - out[:, close], 0))  # it only takes back what jaws opened
    out[:, close] += shift
    out[:, jaw] -= np.minimum((wide + shift * moved[close]) / moved[jaw], out[:, jaw])


def used(names: Sequence[str]) -> np.ndarray:
    """(K,) float32: 1 for the shapes that any expression uses, in any manner."""
    return np.any([(matrix != 0).any(0) for matrix in _matrices(tuple(names))], axis=0).astype(np.float32)


def draw_curve(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T, E) float32, a random curve to train with, at (T,) seconds: one emotion or two, held, coming, going or changing.

    Onsets last 0.3 to 0.7 s, an apex 0.5 to 4 s, offsets 0.5 to 1.5 s [H][S].
    """
    out = np.zeros((len(times), len(EMOTIONS)), np.float32)
    first, second = 1 + rng.permutation(len(EMOTIONS) - 1)[:2]
    full, share, kind = rng.uniform(0.15, 1), rng.uniform(0.2, 0.8), rng.uniform()
    full = 1.0 if rng.uniform() < 0.3 else full
    onset, apex, offset = rng.uniform([0.3, 0.5, 0.5], [0.7, 4.0, 1.5])
    begin = rng.uniform(times[0] - onset - apex, times[-1])
    comes = ease((times - begin) / onset)
    bump = np.minimum(comes, 1 - ease((times - begin - onset - apex) / offset))
    if kind < 0.4:
        out[:, first] = full
    elif kind < 0.55:
        out[:, first], out[:, second] = full * share, full * (1 - share)
    elif kind < 0.85:
        out[:, first] = full * bump
    else:
        out[:, first], out[:, second] = full * (1 - comes), full * comes
    return out


def _soft(shut: np.ndarray, fps: float) -> np.ndarray:
    """(T,) never less than `shut`: it comes and goes a little earlier and later, so that lips do not burst open."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    width = max(1, round(SOFT * fps)) | 1
    return uniform_filter1d(maximum_filter1d(shut, width), width)


def _rest(shut: np.ndarray, fps: float) -> np.ndarray:
    """(T,) how much the lips are at rest: shut for REST seconds, with soft edges inside of that."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    soft = max(1, round(0.2 * fps)) | 1
    return uniform_filter1d(minimum_filter1d(shut, max(1, round(REST * fps)) | 1), soft)


def _weights(names: tuple[str, ...], manner: Manner) -> np.ndarray:
    """(E - 1, K) float32 weights of all emotions but neutral at full intensity, in a manner."""
    usual, opened, eyed = _matrices(names)
    matrix = np.clip(usual + manner.open * opened + manner.eyes * eyed, 0, 1)
    side, lopsided = _sides(names)
    gain = np.repeat(1 + LOPSIDED * manner.side * side[None], len(EMOTIONS), 0)
    left = ease(np.array((manner.side - TURN[0]) / (TURN[1] - TURN[0])))
    share = np.where(side > 0, left, np.where(side < 0, 1 - left, 1))
    gain[EMOTIONS.index("contempt")] = np.where(lopsided, OTHER + (1 - OTHER) * share, 1)
    return np.clip(matrix * gain, 0, 1)[1:].astype(np.float32)


@lru_cache(maxsize=8)
def _sides(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(K,) 1 for shapes of the head's left, -1 for those of its right; (K,) whether contempt has the shape on one side only."""
    side = np.array([name.endswith("Left") - float(name.endswith("Right")) for name in names])
    return side, np.array([name.startswith(("mouth", "browOuterUp", "cheek")) for name in names])


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
def _plan(names: tuple[str, ...]):
    """Columns of what parts, of jawOpen, of mouthClose, of what spreads, of what presses; (K, 5) what `layer` reads of speech
    (lips rolled in, the lower one alone, rounding, mm that the jaw opens, mm between the lips); mm between them at rest."""
    part, spread, press = (
        np.array([i for i, name in enumerate(names) if name.startswith(group)], int) for group in (PARTING, SPREADING, PRESSING)
    )
    jaw = np.array([i for i in part if names[i] == "jawOpen"], int)
    close = np.array([i for i, name in enumerate(names) if name == "mouthClose"], int)
    part = np.setdiff1d(part, jaw)
    moved, rest = _lip_gap(names)
    look = np.zeros((len(names), 5), np.float32)
    for i, name in enumerate(names):
        look[i, 0] = name in ("mouthRollLower", "mouthRollUpper") or 0.2 * name.startswith("mouthPress")
        look[i, 1] = name == "mouthRollLower"
        look[i, 2] = name in ("mouthPucker", "mouthFunnel")
        look[i, 3] = moved[i] if name in ("jawOpen", "mouthClose") else 0
        look[i, 4] = moved[i]
    return part, jaw, close, spread, press, look, rest


def _lip_gap(names: tuple[str, ...]) -> tuple[np.ndarray, float]:
    """(K,) float32 mm by which each shape parts the lips of the default head, 0 for others; mm between them at rest."""
    head = Head.default()
    moved, rest = lip_gap(head)
    of = dict(zip(head.names, 1000 * moved, strict=True))
    return np.array([of.get(name, 0) for name in names], np.float32), 1000 * rest
