"""An emotion as the priors take it. T frames, E emotions."""

from __future__ import annotations

import numpy as np

from talkinghead.motion.emotions import EMOTIONS

MANNER_SIZE = 3  # numbers of a `motion.expressions.Manner`
EMOTION_SIZE = (len(EMOTIONS) - 1) * (1 + MANNER_SIZE)  # numbers per frame: intensities, and their products with the manner


def emotion_input(curve: np.ndarray, manner: np.ndarray) -> np.ndarray:
    """(T, E) curve and (3,) manner -> (T, EMOTION_SIZE) float32.

    The intensity of each emotion but neutral, and its products with the manner: 0 where there is no emotion.
    """
    intensity = np.asarray(curve, np.float32)[:, 1:]
    products = intensity[..., None] * np.asarray(manner, np.float32)
    return np.concatenate([intensity, products.reshape(len(intensity), -1)], 1)
