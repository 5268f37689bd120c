"""Gains of articulation and expression, of upper and lower face. T frames, K shapes of a head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.columns import beginning_with
from talkinghead.motion.easing import smoothstep
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import SPREADING, TUNING, Manner

MOST = 3.0
UPPER = ("brow", "eye", "cheek", "nose")  # prefixes of the names of the upper face's shapes
CORNERS = ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch")  # each moves the gap of the lips by 0.2 mm at most
# The model predicts the mean of eyelids and gaze, which do not correlate with sound; they are set to zero.
UNCORRELATED = ("eyeBlink", "eyeLook")
DROOP = 0.36  # largest weight of eyeBlink that an emotion adds: lids droop and do not shut
STYLE_SCALE = 0.5  # scale in [0, 1] of the random style of a seed around the average style


def check_gains(**gains: float) -> None:
    """Raises InputError for a gain that is not a number from 0 to 3."""
    for name, value in gains.items():
        if not 0 <= value <= MOST:
            raise InputError(f"{name} is {value:g}: choose 0 to {MOST:g}; 1 is usual")


def check_strengths(**strengths: float) -> None:
    """Raises InputError for a strength of nonverbal motion that is not a number from 0 to 100."""
    for name, strength in strengths.items():
        if not 0 <= strength <= 100:
            raise InputError(f"{name} is {strength}: choose 0 (off) or more; 1 is usual")


def manner_of(seed: int) -> Manner:
    """The style of expressions of a seed."""
    drawn = Manner.draw(np.random.default_rng([seed, len(EMOTIONS)]))
    return Manner(*(STYLE_SCALE * drawn.vector().astype(float)).tolist())


def whole_expression(expression: np.ndarray, neutral: np.ndarray, authored: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(..., K) change by emotion that shows at least what is authored in upper face and corners of the mouth.

    neutral: (..., K) motion without it. authored: (..., K) of `expressions.pose`. A network that learnt authored expressions
    predicts their mean and shows some three quarters of brows and lids, and less of a smile. What parts or presses the lips is
    the network's. Lips that speech rounds are not drawn apart.
    """
    names = tuple(names)
    least, spread = beginning_with(names, *UPPER, *CORNERS), beginning_with(names, *SPREADING)
    rounded = neutral[..., beginning_with(names, "mouthPucker", "mouthFunnel")].sum(-1)
    free = 1 - TUNING.spread_cut * smoothstep(rounded / TUNING.rounded)
    authored = authored * (1 - neutral.clip(0, 1)) * np.where(spread, free[..., None], 1)
    return np.where(least & (authored > np.maximum(expression, 0)), authored, expression)


def apply_gains(
    speech: np.ndarray,
    expression: np.ndarray,
    head: Head,
    expressiveness: float = 1.0,
    articulation: float = 1.0,
    upper_face: float = 1.0,
    lower_face: float = 1.0,
) -> np.ndarray:
    """(..., K) neutral motion and (..., K) change of it by emotion -> (..., K) weights in [0, 1], each part times its gain.

    Blinks and gaze of the model are removed (UNCORRELATED); an emotion may lower the lids by DROOP at most.
    """
    names = tuple(head.names)
    upper, lids = beginning_with(names, *UPPER), beginning_with(names, "eyeBlink")
    neutral = np.where(beginning_with(names, *UNCORRELATED), 0, speech)
    expression = np.where(beginning_with(names, "eyeLook"), 0, expression)
    expression = np.where(lids, np.minimum(expression, DROOP), expression)
    motion = np.where(upper, 1, articulation) * neutral.clip(0, 1) + expressiveness * expression
    return (np.where(upper, upper_face, lower_face) * motion).clip(0, 1).astype(np.float32)
