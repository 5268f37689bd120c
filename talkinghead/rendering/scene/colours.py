"""Colours of numbers."""

from __future__ import annotations

import numpy as np

# From pale to dark, so that the order is seen without colours, too: grey where nothing differs, yellow, red, purple.
HEAT = (
    np.array([(222, 224, 228), (254, 232, 150), (253, 187, 88), (244, 120, 62), (212, 45, 50), (140, 12, 66), (70, 4, 60)])
    / 255
)


def heat_colours(shares: np.ndarray) -> np.ndarray:
    """(...,) numbers, of which 0 to 1 are told apart -> (..., 3) sRGB in [0, 1]."""
    place = np.clip(np.nan_to_num(shares), 0, 1) * (len(HEAT) - 1)
    low = np.minimum(place.astype(int), len(HEAT) - 2)
    share = (place - low)[..., None]
    return HEAT[low] * (1 - share) + HEAT[low + 1] * share
