"""A clip as an adapter lists it (`Take`) and reads it (`Recording`), and the result of a conversion (`Converted`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.data.manifest import Clip
from talkinghead.speech.spans import Spans


@dataclass(frozen=True)
class Take:
    """A clip to convert. Small and picklable: it is sent to the worker that reads it.

    files: all that it is made from; when one of them changes the clip is converted again. details: arguments of `read`.
    """

    id: str
    speaker: str
    files: tuple[Path, ...]
    split: str | None = None  # as published; None: chosen by speaker
    annotation: str = "arkit"
    emotion: str | None = None
    intensity: float | None = None  # 0 to 1
    transcript: str | None = None
    words: Spans | None = None
    phonemes: Spans | None = None
    licence: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Recording:
    """A take as it was read: sound and motion that begin together. T frames, V vertices, K names.

    wave: (n,) float32 at 16 kHz, from `load_audio`. Either coefficients (T, K) and names, or vertices (T, V, 3) and the
    speaker's template (V, 3) in metres. rotation (T, 3), translation (T, 3), gaze (T, 2, 2) as in `Animation`.
    missing: (T,) bool, frames that the source lacks and that were interpolated, if any.
    meta: more entries of the motion file; words, phonemes and transcript in it are the clip's where the take has none.
    """

    wave: np.ndarray
    fps: float
    names: tuple[str, ...] = ()
    coefficients: np.ndarray | None = None
    vertices: np.ndarray | None = None
    template: np.ndarray | None = None
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    gaze: np.ndarray | None = None
    missing: np.ndarray | None = None
    quality: dict[str, float] = field(default_factory=dict)  # named figures for the report
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Converted:
    """The clips of a source in the output folder; `quality` and `dropped` by id."""

    clips: Sequence[Clip]
    quality: dict[str, dict[str, float]]
    dropped: dict[str, str]  # reasons
    split: str | None = None  # how the splits were chosen, in words
