"""A recording in which nothing is heard: the face rests, and that is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.errors import InputWarning


def warn_of_silence(wave: np.ndarray, path: str | Path) -> None:
    """Warn if the (n,) samples of a file are softer than what any microphone gives."""
    loudest = float(np.abs(wave).max(initial=0))
    if loudest < SILENT:
        heard = f"no sound is heard, its loudest sample is {loudest:.1g} of full scale"
        warnings.warn(f"{path}: {heard}; the mouth stays shut", InputWarning, stacklevel=3)
