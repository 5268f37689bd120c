"""The sound of a file as frames for an encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from talkinghead.audio.load import stereo_blocks
from talkinghead.errors import InputError

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)


class Sound:
    """The sound of a file: its own samples and channels, one or two, at one of `rates`. seconds: how long it is.

    Raises InputError for a file that `load_audio` would refuse.
    """

    def __init__(self, path: str | Path, track: int | None = None, rates: Sequence[int] = AAC_RATES) -> None:
        self.path, self.track = path, track
        blocks = stereo_blocks(path, track)
        self.source_rate, samples, self.channels = int(next(blocks)), 0, 1
        for block in blocks:
            if not np.isfinite(block).all():
                raise InputError(f"{path}: has samples that are not finite numbers; export the recording again")
            self.channels = max(self.channels, block.shape[1])
            samples += len(block)
        if not samples:
            raise InputError(f"{path}: has no samples; record or export it again")
        self.seconds = samples / self.source_rate
        self.rate = next((r for r in rates if r >= self.source_rate), rates[-1])
        self.layout = "stereo" if self.channels == 2 else "mono"

    def frames(self, form: str = "fltp") -> Iterator[av.AudioFrame]:
        """Its samples from the first to the last, without gaps, in a sample format of FFmpeg."""
        blocks = stereo_blocks(self.path, self.track)
        next(blocks)
        to_codec = av.AudioResampler(format=form, layout=self.layout, rate=self.rate)
        done = 0
        for block in (*map(self._frame, blocks), None):
            for piece in to_codec.resample(block):
                piece.pts, piece.time_base = done, Fraction(1, self.rate)
                done += piece.samples
                yield piece

    def _frame(self, block: np.ndarray) -> av.AudioFrame:
        planes = np.clip(np.broadcast_to(block, (len(block), self.channels)), -1, 1).T
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes, np.float32), format="fltp", layout=self.layout)
        frame.sample_rate = self.source_rate
        return frame
