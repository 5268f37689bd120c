"""The rates and the one clock of frames: sound at 16 kHz, features at 50 a second. T frames."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np

from talkinghead.errors import InputError

RATE = 16000  # samples a second of all sound inside the package
FRAME = 320  # samples per feature: wav2vec 2.0's strides multiply to 320, so 50 features a second
FPS = RATE / FRAME
MOMENTS = 100  # values a second of prosody
FPS_RANGE = (1, 240)  # frames a second that can be asked for
SIMPLE, FINEST = 12, 100_000  # largest denominators of rates: of those that are rounded when they are written, and of any


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


def exact_rate(fps: float) -> Fraction:
    """The fraction that a rate is written for: 29.97 is 30000/1001, 16.667 is 50/3, 15.79 is 1579/100, 5 is 5."""
    if fps == round(fps):
        return Fraction(round(fps))
    ntsc, simple = Fraction(round(fps) * 1000, 1001), Fraction(fps).limit_denominator(SIMPLE)
    for meant, digits in ((ntsc, 2), (simple, 3)):
        if any(abs(round(float(meant), n) - fps) < 1e-9 for n in range(digits, 16)):
            return meant
    return Fraction(fps).limit_denominator(FINEST)
