"""Moving averages. T values."""

from __future__ import annotations

import numpy as np


def smooth(values: np.ndarray, width: float) -> np.ndarray:
    """(T,) mean with a raised cosine over about `width` frames on either side; the ends are held."""
    half = max(1, round(width))
    window = 1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    padded = np.pad(values, half, "edge")
    return convolved(padded, window / window.sum())


def convolved(values: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(T,) and (N,) -> (T - N + 1,) where the window lies in the values. `scipy.signal` would take a second to import."""
    if len(window) < 64 or len(values) <= len(window):
        return np.convolve(values, window, "valid")
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(values), real=True)
    return irfft(rfft(values, size) * rfft(window, size), size)[len(window) - 1 : len(values)]
