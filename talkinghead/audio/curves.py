"""Curves of sound: moving averages and peaks. T values.

`scipy.signal` has both, and takes longer to import than a recording to animate.
"""

from __future__ import annotations

import numpy as np


def smooth(values: np.ndarray, width: float) -> np.ndarray:
    """(T,) mean with a raised cosine over about `width` frames on either side; the ends are held."""
    half = max(1, round(width))
    window = 1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    padded = np.pad(values, half, "edge")
    return convolved(padded, window / window.sum())


def convolved(values: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(T,) and (N,) -> (T - N + 1,) where the window lies in the values."""
    if len(window) < 64 or len(values) <= len(window):
        return np.convolve(values, window, "valid")
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(values), real=True)
    product = np.asarray(rfft(values, size)) * np.asarray(rfft(window, size))
    return np.asarray(irfft(product, size))[len(window) - 1 : len(values)]


def find_peaks(values: np.ndarray, height: float, prominence: float, distance: int) -> np.ndarray:
    """(T,) -> (N,) indices of local maxima, in order, as `scipy.signal.find_peaks` finds them; the middle of flat ones.

    A peak is at least `height`, of those closer than `distance` frames the highest stay, and it stands out by at least
    `prominence` from the higher of the lowest values between it and the next higher values on either side.
    """
    rises = np.flatnonzero(np.diff(values, prepend=np.inf) > 0)  # where a maximum may begin
    ends = np.append(np.flatnonzero(np.diff(values) != 0), len(values) - 1)  # last frames of stretches of one value
    last = ends[np.searchsorted(ends, rises)]
    inside = last < len(values) - 1
    rises, last = rises[inside], last[inside]
    falls = values[last + 1] < values[last]
    found = ((rises + last) // 2)[falls]
    found = found[values[found] >= height]
    kept = np.ones(len(found), bool)
    for i in np.argsort(values[found], kind="stable")[::-1]:
        if kept[i]:
            near = slice(*np.searchsorted(found, [found[i] - distance + 1, found[i] + distance]))
            kept[near] = False
            kept[i] = True
    found = found[kept]
    stands_out = [values[i] - max(_lowest(values[i::-1]), _lowest(values[i:])) for i in found]
    return found[np.asarray(stands_out, float) >= prominence]


def _lowest(values: np.ndarray) -> float:
    """The lowest value before the first one that is higher than values[0]."""
    reach = 64
    while True:
        higher = np.flatnonzero(values[:reach] > values[0])
        if len(higher) or reach >= len(values):
            return float(values[: higher[0] if len(higher) else None].min())
        reach *= 4
