"""Recordings as they are opened to be animated. One in which nothing is heard: the face rests, and that is said."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.audio.clock import RATE
from talkinghead.audio.load import open_audio
from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputWarning


def warn_of_silence(loudest: float, path: str | Path) -> None:
    """Warn if the loudest sample of a file is softer than what any microphone gives."""
    if loudest < SILENT:
        heard = f"no sound is heard, its loudest sample is {loudest:.1g} of full scale"
        warnings.warn(f"{path}: {heard}; the mouth stays shut", InputWarning, stacklevel=3)


@contextmanager
def opened(audio: str | Path | np.ndarray | Waveform, rate: int | None, track: int | None) -> Iterator[Waveform]:
    """A recording for as long as it is animated; a `Waveform` stays open. Warns where nothing is heard in a file.

    rate: of samples, RATE if None. The other arguments and the errors are those of `open_audio`.
    """
    source_rate = None if isinstance(audio, str | Path) else rate or RATE
    recording = open_audio(audio, source_rate=source_rate, track=track)
    try:
        if isinstance(audio, str | Path):
            warn_of_silence(recording.loudest, audio)
        yield recording
    finally:
        if recording is not audio:
            recording.close()
