"""The rates and the one clock of frames: sound at 16 kHz, features at 50 a second. T frames."""

from __future__ import annotations

from math import ceil

import numpy as np

from talkinghead.errors import InputError

RATE = 16000  # samples a second of all sound inside the package
FRAME = 320  # samples per feature: wav2vec 2.0's strides multiply to 320, so 50 features a second
FPS = RATE / FRAME
MOMENTS = 100  # values a second of prosody
FPS_RANGE = (1, 240)  # frames a second that can be asked for


def frame_count(seconds: float, fps: float) -> int:
    """Frames that cover `seconds`: the last one may reach beyond the end by less than a frame."""
    return max(1, ceil(seconds * fps - 1e-6))


def frame_times(frames: int, fps: float) -> np.ndarray:
    """(T,) seconds at which frames are shown: frame t at (t + 0.5) / fps. Everything in the package uses this clock."""
    return (np.arange(frames) + 0.5) / fps


def check_fps(fps: float | None) -> None:
    """Raises InputError for a frame rate that cannot be asked for; None is none that is asked for."""
    if fps is not None and not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise InputError(f"fps is {fps:g}: choose {FPS_RANGE[0]} to {FPS_RANGE[1]}")
