"""Voice activity: in which frames of a recording nobody speaks. T frames."""

from __future__ import annotations

import numpy as np

SILENT = 1e-4  # largest sample of a sound track that has no sound
QUIET, QUIET_RUN, QUIET_EDGE = 25.0, 0.3, 0.1  # decibels under speech; seconds: shortest silence, and its unsure ends


def runs(mask: np.ndarray) -> np.ndarray:
    """(n, 2) first and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def quiet_frames(wave: np.ndarray, rate: int, frames: int, fps: float) -> np.ndarray:
    """(T,) bool: frames in a silence of the sound, where a face should rest.

    Quiet: the RMS of the 40 ms around the frame is 25 dB or more under the clip's 95th percentile; only runs of 0.3 s count,
    and 0.1 s at either end of them is left out, because lips prepare the next sound and finish the last one.
    """
    times, half = (np.arange(frames) + 0.5) / fps, 0.02
    power = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    low, high = (np.clip(np.round((times + side) * rate).astype(int), 0, len(wave)) for side in (-half, half))
    level = 10 * np.log10((power[high] - power[low]) / np.maximum(high - low, 1) + 1e-12)
    mask, edge = np.zeros(frames, bool), round(QUIET_EDGE * fps)
    for start, end in runs((level < np.percentile(level, 95) - QUIET) & (high > low)):
        if end - start >= QUIET_RUN * fps:
            mask[start + edge : end - edge] = True
    return mask
