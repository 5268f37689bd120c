"""How far a face goes: with its words, with what it feels, above and below. T frames, K shapes of a head."""

from __future__ import annotations

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner

MOST = 3.0
UPPER = ("brow", "eye", "cheek", "nose")  # how the names of the upper face's shapes begin
UNHEARD = ("eyeBlink", "eyeLook")  # speech does not tell when a person blinks or looks away: their mean is a sleepy stare
DROOP = 0.22  # weight of eyeBlink that an emotion may add at most: lids that droop, not ones that fall shut
OWN = 0.5  # how far a seed's manner of showing emotion is from nobody's, of how far any is


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
    """The manner in which the person of a seed shows emotion."""
    drawn = Manner.draw(np.random.default_rng([seed, len(EMOTIONS)]))
    return Manner(*(OWN * drawn.vector().astype(float)).tolist())


def apply_gains(
    speech: np.ndarray,
    felt: np.ndarray,
    head: Head,
    expressiveness: float = 1.0,
    articulation: float = 1.0,
    upper_face: float = 1.0,
    lower_face: float = 1.0,
) -> np.ndarray:
    """(T, K) neutral motion and (T, K) what an emotion changes of it -> (T, K) weights in [0, 1], each part as far as asked.

    Blinks and looks are left out, since speech does not tell when; but an emotion may lower the lids.
    """
    upper = np.array([name.startswith(UPPER) for name in head.names])
    said = np.where([name.startswith(UNHEARD) for name in head.names], 0, speech)
    felt = np.where([name.startswith("eyeLook") for name in head.names], 0, felt)
    felt = np.where([name.startswith("eyeBlink") for name in head.names], np.minimum(felt, DROOP), felt)
    motion = np.where(upper, 1, articulation) * said.clip(0, 1) + expressiveness * felt
    return (np.where(upper, upper_face, lower_face) * motion).clip(0, 1).astype(np.float32)
