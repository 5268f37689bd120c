"""Smooth rises and falls between 0 and 1."""

from __future__ import annotations

import numpy as np


def rise(phase: np.ndarray) -> np.ndarray:
    """0 to 1, softly."""
    phase = np.clip(phase, 0, 1)
    return phase * phase * (3 - 2 * phase)


def fall(phase: np.ndarray) -> np.ndarray:
    """1 to 0, the mirror of `rise`."""
    return 1 - rise(phase)


def ease(phase: np.ndarray) -> np.ndarray:
    """0 to 1 with the least jerk (Flash and Hogan 1985) as phase goes from 0 to 1."""
    phase = np.clip(phase, 0, 1)
    return phase**3 * (10 - 15 * phase + 6 * phase**2)
