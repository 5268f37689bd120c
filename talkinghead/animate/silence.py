"""A recording in which nothing is heard: the face rests, and that is said."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.errors import InputWarning


def warn_of_silence(wave: np.ndarray, source: str | Path | np.ndarray) -> None:
    """Warn if (n,) samples at most whisper below what any microphone gives; source: where they are from."""
    loudest = float(np.abs(wave).max(initial=0))
    if loudest < SILENT:
        name = source if isinstance(source, str | Path) else "the recording"
        heard = f"no sound is heard, its loudest sample is {loudest:.1g} of full scale"
        warnings.warn(f"{name}: {heard}; the mouth stays shut", InputWarning, stacklevel=3)
