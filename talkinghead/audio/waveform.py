"""`Waveform`: the samples of one recording, read a part at a time, so that hours of sound need no more memory than a minute."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Self

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.blocks import Rows, spans

BLOCK = 60 * RATE  # samples that are read at a time where all are gone through: whole frames


class Waveform:
    """(n,) float32 samples at 16 kHz of a recording; `audio.load.open_audio` makes it of a file.

    A context manager: what it holds on the disk is gone when it is closed.
    """

    def __init__(self, samples: np.ndarray | Rows) -> None:
        self._samples = samples

    @classmethod
    def of(cls, wave: np.ndarray | Waveform) -> Waveform:
        """(n,) samples at 16 kHz as a `Waveform`; one that is one already stays the same."""
        return wave if isinstance(wave, Waveform) else cls(np.asarray(wave, np.float32))

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def seconds(self) -> float:
        return len(self) / RATE

    def samples(self, start: int, stop: int) -> np.ndarray:
        """(stop - start,) samples; 0 before the first and after the last."""
        first, last = max(0, min(start, len(self))), max(0, min(stop, len(self)))
        found, before = self._samples[first:last], min(max(0, -start), stop - start)
        missing = stop - start - len(found)
        return np.pad(found, (before, missing - before)) if missing else found

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples from the first to the last, at most BLOCK at a time."""
        return (self._samples[span] for span in spans(len(self), BLOCK))

    def mean(self, of: Callable[[np.ndarray], float] = np.mean) -> float:
        """Of all samples; `of` is how the mean of some is computed."""
        return sum(float(of(block)) * len(block) for block in self.blocks()) / len(self)

    @cached_property
    def loudest(self) -> float:
        """The largest sample, without its sign."""
        return max(float(np.abs(block).max(initial=0)) for block in self.blocks())

    def fingerprint(self) -> str:
        """16 hex digits that identify the samples, rounded to 16 bits."""
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(np.round(np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
        return digest.hexdigest()[:16]

    def close(self) -> None:
        if isinstance(self._samples, Rows):
            self._samples.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
