"""Long recordings through a speech encoder, a piece at a time. S samples, T frames at 50 a second, D features."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from talkinghead.audio.clock import FRAME
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import spans
from talkinghead.models.runtime.level_track import LevelTrack

WINDOW, CONTEXT = 1000, 100  # features: long audio is encoded in 20 s pieces with 2 s of context on either side


def stream_features(recording: Waveform, encode: Callable[[np.ndarray], np.ndarray], margin: int) -> Iterator[np.ndarray]:
    """Features (n, D) float32 of a recording of any length, in blocks that follow each other.

    encode: (T * 320 + margin,) samples at unit level -> (T, D). margin: samples that one feature sees beyond its frame.
    """
    level, side = LevelTrack(recording), margin // 2
    for first, last, inner in encoded_windows(max(1, -(-len(recording) // FRAME))):
        yield encode(level.part(first * FRAME - side, last * FRAME + margin - side))[inner]


def encoded_windows(frames: int, context: int | None = None) -> Iterator[tuple[int, int, slice]]:
    """First and one past the last frame of each piece that is encoded, and which of its features are taken.

    context: features on either side of a piece, CONTEXT if not given.
    """
    context = CONTEXT if context is None else context
    if frames <= WINDOW + 2 * context:
        yield 0, frames, slice(0, frames)
        return
    for span in spans(frames, WINDOW):
        first, last = max(0, span.start - context), min(frames, span.stop + context)
        yield first, last, slice(span.start - first, span.stop - first)
