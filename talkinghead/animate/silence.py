"""A recording in which nothing is heard: the face rests, and that is said."""

from __future__ import annotations

import warnings
from pathlib import Path

from talkinghead.audio.activity import SILENT
from talkinghead.errors import InputWarning


def warn_of_silence(loudest: float, path: str | Path) -> None:
    """Warn if the loudest sample of a file is softer than what any microphone gives."""
    if loudest < SILENT:
        heard = f"no sound is heard, its loudest sample is {loudest:.1g} of full scale"
        warnings.warn(f"{path}: {heard}; the mouth stays shut", InputWarning, stacklevel=3)
