"""The rates and the one clock of frames: sound at 16 kHz, features at 50 a second. T frames."""

from __future__ import annotations

from math import ceil

import numpy as np

RATE = 16000


def frame_count(seconds: float, fps: float) -> int:
    """Frames that cover `seconds`: the last one may reach beyond the end by less than a frame."""
    return max(1, ceil(seconds * fps - 1e-6))


def frame_times(frames: int, fps: float) -> np.ndarray:
    """(T,) seconds at which frames are shown: frame t at (t + 0.5) / fps. Everything in the package uses this clock."""
    return (np.arange(frames) + 0.5) / fps


FRAME = 320  # samples per feature: wav2vec 2.0's strides multiply to 320, so 50 features a second
FPS = RATE / FRAME
