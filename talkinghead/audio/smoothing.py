"""Moving averages."""

from __future__ import annotations

import numpy as np


def smooth(values: np.ndarray, width: float) -> np.ndarray:
    """(T,) mean with a raised cosine over about `width` frames on either side; the ends are held."""
    half = max(1, round(width))
    window = 1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    padded = np.pad(values, half, "edge")
    if half < 32:
        return np.convolve(padded, window / window.sum(), "valid")
    from scipy.signal import fftconvolve

    return fftconvolve(padded, window / window.sum(), "valid")
