"""The eight emotions as weights of ARKit's shapes, from documented facial action units, and their combination with speech.

T frames, K shapes, E emotions. A curve is (T, E) intensities of EMOTIONS in [0, 1] whose rows sum to at most 1; the column
of neutral is ignored. Nothing here is captured from people. The literature says which units make an emotion. Their weights were
set by eye on pictures of several heads, and with two free classifiers of photographs (face-api, fer).

Shapes of brows, lids (eyeWide, eyeSquint, eyeBlink for drooping lids), cheeks, nose, jaw and lips are used, eyeLook is not:
gaze and head pose by emotion are in `affect`.

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
    "29": {"jawForward": 1.0, "mouthShrugLower": 0.9},  # which goes on shutting the lips that jawForward alone parts by 1.4 mm
    "43": {"eyeBlink": 1.0},
}
# Units of each emotion at full intensity; what `open` and `eyes` of a manner add (or, below 0, take away).
# 1 in disgust: noseSneer lowers the inner ends of brows by as much as browDown does, which would be anger.
# 2 in anger: browDown lowers a brow's outer end more than the inner one, which frowning muscles leave where it is.
USUAL: dict[str, dict[str, float]] = {
    "happy": {"6": 0.75, "10": 0.15, "12": 1.0, "14": 0.2, "25": 0.4, "26": 0.05},
    "sad": {"1": 1.0, "4": 0.7, "6": 0.4, "7": 0.2, "15": 1.0, "17": 0.5, "43": 0.25},
    "surprised": {"1": 0.85, "2": 1.0, "5": 1.0, "26": 0.4, "25": 0.1},
    "fearful": {"1": 1.0, "2": 0.15, "4": 0.9, "5": 1.0, "10": 0.2, "15": 0.8, "20": 1.0, "25": 0.6, "26": 0.07},
    "disgusted": {"1": 0.15, "6": 0.6, "7": 0.45, "9": 1.0, "10": 0.95, "15": 0.3, "16": 0.35, "17": 0.05, "43": 0.28},
    "angry": {
        "2": 0.5,
        "4": 1.0,
        "5": 0.2,
        "7": 0.8,
        "9": 0.5,
        "10": 0.05,
        "15": 0.33,
        "16": 0.55,
        "17": 0.1,
        "22": 0.2,
        "24": 0.5,
        "29": 0.35,
    },
    "contempt": {"2": 0.3, "7": 0.25, "12": 0.45, "14": 1.0, "17": 0.25, "43": 0.2},
}
OPEN: dict[str, dict[str, float]] = {
    "happy": {"10": 0.2, "25": 0.4, "26": 0.05},
    "sad": {"25": 0.2, "17": -0.2},
    "surprised": {"26": 0.16, "25": 0.1},
    "fearful": {"25": 0.3, "26": 0.05},
    "disgusted": {"16": 0.25, "17": -0.2, "26": 0.05},
    "angry": {"10": 0.1, "16": 0.4, "17": -0.3, "22": 0.1, "24": -0.4, "26": 0.05},  # below 0 the lips are pressed (23, 24)
    "contempt": {},
}
EYES: dict[str, dict[str, float]] = {
    "happy": {"6": 0.15, "12": -0.15},
    "sad": {"4": 0.1, "43": 0.08, "15": -0.2},
    "surprised": {"5": 0.1, "2": 0.1, "26": -0.1},
    "fearful": {"4": 0.1, "20": -0.2, "25": -0.15},
    "disgusted": {"6": 0.2, "7": 0.1, "10": -0.15},
    "angry": {"2": -0.1, "7": 0.1, "5": 0.15, "16": -0.2},
    "contempt": {"7": 0.15, "2": 0.25, "12": -0.1},
}
# What lips at rest add: in a pause the lips of anger are pressed and not bared (23, 24) [E].
SILENT: dict[str, dict[str, float]] = {
    "angry": {"10": -1.0, "16": -1.0, "17": 0.3, "22": -1.0, "24": 0.2},
}
PARTING = ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel")
SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple")
PRESSING = ("mouthRollLower", "mouthRollUpper", "mouthShrugLower")


@dataclass(frozen=True)
class ExpressionTuning:
    """Numbers of `pose` and `layer`. Set by eye where no source is named; a test or an ablation replaces `TUNING`."""

    growth: float = 1.7  # slope of weights over intensity at intensity 0, so that weak emotions are visible; at 1: 2 - growth
    asymmetry: float = 0.2  # share by which one side is stronger at manner.side 1; smiles of people differ by some 10 % [S]
    contempt_side: tuple[float, float] = (0.04, 0.12)  # manner.side over which contempt goes from the right corner to the left
    contempt_other: float = 0.06  # share of contempt that the other corner shows
    shut: float = 2.5  # mm between the lips below which shapes that part them are reduced
    jaw: float = 9.0  # mm opened by the jaw of speech at which an expression adds its whole share of jawOpen
    speech_share: float = 0.8  # share of shapes that part the lips that is left while speech opens them
    jaw_share: float = 0.6  # share of jawOpen that is left while speech opens the jaw
    rest: float = 0.5  # seconds: lips that are shut for longer are at rest and not in a consonant
    rest_ramp: float = 0.2  # seconds over which a rest begins and ends
    soft: float = 0.04  # seconds before lips are shut at which shapes that part them begin to be reduced
    press: float = 0.1  # mm that shut lips are pressed together
    rolled: float = 0.06  # weight of rolled lips that means a closure
    bitten: float = 0.35  # weight of mouthRollLower that means the lower lip is at the teeth
    rounded: float = 0.5  # weight of mouthPucker and mouthFunnel that means round lips
    spread_cut: float = 0.7  # share of spreading shapes that is removed while lips are round
    press_cut: float = 0.8  # share of pressing shapes that is removed while lips are open


TUNING = ExpressionTuning()


@dataclass(frozen=True)
class Manner:
    """Style of expressions; each number in [-1, 1].

    side: the stronger half of the face (1: its own left). open: lips further apart and teeth bared, or less. eyes: more
    expression by eyes and brows, or more by the mouth.
    """

    side: float = 0.0
    open: float = 0.0
    eyes: float = 0.0

    def vector(self) -> np.ndarray:
        """(3,) float32."""
        return np.array([self.side, self.open, self.eyes], np.float32)

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Manner:
        """Samples a style. Styles with symmetric contempt are left out, also at half their distance from the average style."""
        side, opened, eyes = rng.uniform(-1, 1, 3).tolist()
        return cls(side if side < 0 else 1 - (1 - 2.1 * TUNING.contempt_side[1]) * (1 - side), opened, eyes)


def pose(curve: np.ndarray, names: Sequence[str], manner: Manner = Manner(), *, silent: bool = False) -> np.ndarray:
    """(T, E) curve -> (T, K) float32 weights of the shapes `names` for the expression alone; none falls as intensity grows.

    silent: as it is between words, see SILENT.
    """
    return posed(curve, authored_weights(names, manner, silent))


def posed(curve: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(..., T, E) curves and (..., E - 1, K) of `authored_weights` -> (..., T, K) of `pose`."""
    shown = np.clip(np.asarray(curve, np.float32)[..., 1:], 0, 1)
    shown = shown * (TUNING.growth - (TUNING.growth - 1) * shown)
    return np.minimum(shown @ weights, 1)


def layer(
    speech: np.ndarray, curve: np.ndarray, names: Sequence[str], manner: Manner = Manner(), fps: float = 50.0
) -> np.ndarray:
    """(T, K) speech with an expression added; articulation has priority at the lips. A curve of zeros returns `speech`.

    Shapes of the expression that part the lips are reduced where speech shuts them or rolls the lower one to the teeth, those
    that spread them where speech rounds them, those that press them where speech opens them, jawForward where the lower lip is
    at the teeth. jawOpen is removed at closures and reduced at open vowels (`jaw_share`). Lips that are shut for longer than
    `rest` are not in a consonant: the whole expression is added, as it is between words.
    """
    speech, names = np.asarray(speech, np.float32), tuple(names)
    shown = pose(curve, names, manner)
    part, jaw, close, spread, press, thrust, look, rest = _plan(names)
    rolled, bitten, round_, opened, gap = (speech @ look).T
    gap = np.maximum(gap + rest, 0)  # mm
    shut = 1 - smoothstep(gap / TUNING.shut)
    pause = _rest(shut * (1 - np.minimum(rolled / TUNING.rolled, 1)), fps)
    bite = smoothstep(bitten / TUNING.bitten)
    free = np.maximum(TUNING.speech_share * (1 - _soft(shut, fps)) * (1 - bite), pause)
    shown += pause[:, None] * (pose(curve, names, manner, silent=True) - shown)
    pause = pause * np.clip(shown @ look[:, 4], 0, 1)  # at rest only an expression that parts the lips opens them
    shown[:, part] *= free[:, None]
    shown[:, jaw] *= np.maximum(TUNING.jaw_share * smoothstep(opened / TUNING.jaw) * (1 - bite), pause)[:, None]
    shown[:, spread] *= (1 - TUNING.spread_cut * smoothstep(round_ / TUNING.rounded))[:, None]
    shown[:, press] *= (1 - TUNING.press_cut * smoothstep(gap / (1.5 * TUNING.shut)))[:, None]
    shown[:, thrust] *= (1 - bite)[:, None]
    out = speech + shown * (1 - speech)
    if len(jaw) and len(close):
        _close_parted(out, look[:, -1], rest, part, jaw[0], close[0], shut * shut * (1 - pause), curve)
    return out


def _close_parted(
    out: np.ndarray, moved: np.ndarray, rest: float, part: np.ndarray, jaw: int, close: int, shut: np.ndarray, curve: np.ndarray
) -> None:
    """Shuts, in place, lips that speech shuts and an expression parts again by some tenths of a millimetre.

    Complete from a third of an intensity on. Unlike `lip_closure.close_lips`, which shuts lips that speech leaves open, it
    measures the gap once and leaves all shapes but those of jaw, mouthClose and lips.
    """
    level = shut * np.minimum(3 * np.asarray(curve, np.float32)[:, 1:].sum(1), 1)
    out[:, part] *= (1 - level)[:, None]
    wide = level * np.maximum(out @ moved + rest + TUNING.press, 0)
    # mouthClose undoes jawOpen, and no more.
    shift = np.minimum(wide / -moved[close], np.maximum(out[:, jaw] - out[:, close], 0))
    out[:, close] += shift
    out[:, jaw] -= np.minimum((wide + shift * moved[close]) / moved[jaw], out[:, jaw])


def used(names: Sequence[str]) -> np.ndarray:
    """(K,) float32: 1 for the shapes that any expression of any style uses."""
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
    """(T,) `shut` or more: begins earlier and ends later by about `soft`, so that lips do not open abruptly."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    width = max(1, round(TUNING.soft * fps)) | 1
    return uniform_filter1d(maximum_filter1d(shut, width), width)


def _rest(shut: np.ndarray, fps: float) -> np.ndarray:
    """(T,) degree of rest of the lips: 1 inside of closures of `rest` seconds and more, with ramps of `rest_ramp` inside."""
    from scipy.ndimage import minimum_filter1d, uniform_filter1d

    soft = max(1, round(TUNING.rest_ramp * fps)) | 1
    return uniform_filter1d(minimum_filter1d(shut, max(1, round(TUNING.rest * fps)) | 1), soft)


def authored_weights(names: Sequence[str], manner: Manner, silent: bool = False) -> np.ndarray:
    """(E - 1, K) float32 weights of all emotions but neutral at full intensity, in a style."""
    names = tuple(names)
    usual, opened, eyed, rested = _matrices(names)
    matrix = np.clip(usual + manner.open * opened + manner.eyes * eyed + silent * rested, 0, 1)
    side, lopsided = _sides(names)
    gain = np.repeat(1 + TUNING.asymmetry * manner.side * side[None], len(EMOTIONS), 0)
    left = ease(np.array((manner.side - TUNING.contempt_side[0]) / (TUNING.contempt_side[1] - TUNING.contempt_side[0])))
    share = np.where(side > 0, left, np.where(side < 0, 1 - left, 1))
    gain[EMOTIONS.index("contempt")] = np.where(lopsided, TUNING.contempt_other + (1 - TUNING.contempt_other) * share, 1)
    return np.clip(matrix * gain, 0, 1)[1:].astype(np.float32)


@lru_cache(maxsize=8)
def _sides(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(K,) 1 for shapes of the head's left, -1 for those of its right; (K,) whether contempt has the shape on one side only."""
    side = np.array([name.endswith("Left") - float(name.endswith("Right")) for name in names])
    return side, np.array([name.startswith(("mouth", "browOuterUp", "cheek")) for name in names])


@lru_cache(maxsize=8)
def _matrices(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(E, K) weights of the usual expressions, and what `open`, `eyes` and lips at rest add."""
    return tuple(_matrix(table, names) for table in (USUAL, OPEN, EYES, SILENT))  # type: ignore[return-value]


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
    """Columns of what parts, of jawOpen, of mouthClose, of what spreads, of what presses, of jawForward; (K, 5) what `layer`
    reads of speech (lips rolled in, the lower one alone, rounding, mm that the jaw opens, mm between the lips); mm between them
    at rest."""
    part, spread, press, thrust = (
        np.array([i for i, name in enumerate(names) if name.startswith(group)], int)
        for group in (PARTING, SPREADING, PRESSING, ("jawForward",))
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
    return part, jaw, close, spread, press, thrust, look, rest


def _lip_gap(names: tuple[str, ...]) -> tuple[np.ndarray, float]:
    """(K,) float32 mm by which each shape parts the lips of the default head, 0 for others; mm between them at rest."""
    head = Head.default()
    moved, rest = lip_gap(head)
    of = dict(zip(head.names, 1000 * moved, strict=True))
    return np.array([of.get(name, 0) for name in names], np.float32), 1000 * rest
