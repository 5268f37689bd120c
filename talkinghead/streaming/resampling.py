"""Sound of any rate at 16 kHz, while it comes. n samples in, 16 kHz out.

A windowed sinc on either side of each sample that comes out (J. Smith 2002, Digital Audio Resampling Home Page). It looks
ahead by `Resampler.delay`; resamplers for files, which are steeper, are late by 40 ms and more in a stream.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

import numpy as np

from talkinghead.audio.clock import RATE

CROSSINGS = 16  # zeros of the sinc on either side
STEEP = 8.0  # shape of the Kaiser window: 80 dB below what passes
PASSES = 0.92  # share of the lower of the two Nyquist frequencies at which half of the amplitude passes


class Resampler:
    """(n,) float32 samples at `rate` -> samples at 16 kHz, block after block; what is given together does not change them.

    delay: seconds of sound that are known before a sample comes out.
    """

    def __init__(self, rate: int) -> None:
        step = Fraction(rate, RATE)
        self._up, self._down = step.denominator, step.numerator
        self._taps = filter_bank(self._up, self._down)
        self._half = 0 if self._taps is None else self._taps.shape[1] // 2
        self.delay = self._half / rate
        self._held, self._first = np.zeros(self._half, np.float32), -self._half  # samples, and the number of the first of them
        self._made = 0  # samples that have come out

    def push(self, samples: np.ndarray) -> None:
        self._held = np.concatenate([self._held, samples])

    def missing(self, size: int) -> int:
        """How many more samples the next block of `size` samples needs."""
        last = (self._made + size - 1) * self._down // self._up + self._half
        return max(0, last + 1 - (self._first + len(self._held)))

    def block(self, size: int) -> np.ndarray:
        """The next (size,) samples, when none is missing."""
        out = self._held[:size] if self._taps is None else self._filtered(size, self._taps)
        self._made += size
        kept = max(0, self._made * self._down // self._up - self._half - self._first)
        self._held, self._first = self._held[kept:], self._first + kept
        return out

    def rest(self) -> np.ndarray:
        """All samples that are left when the sound ends here."""
        count = max(0, (self._first + len(self._held)) * self._up // self._down - self._made)
        if not count:
            return np.zeros(0, np.float32)
        self.push(np.zeros(self.missing(count), np.float32))
        return self.block(count)

    def _filtered(self, size: int, taps: np.ndarray) -> np.ndarray:
        width = taps.shape[1]
        windows = np.lib.stride_tricks.as_strided(  # as sliding_window_view, in a tenth of the time
            self._held, (len(self._held) - width + 1, width), self._held.strides * 2, writeable=False
        )
        if self._up == 1:
            first = self._made * self._down - self._half - self._first
            return windows[first : first + size * self._down : self._down] @ taps[0]
        places = np.arange(self._made, self._made + size, dtype=np.int64) * self._down
        near = windows[places // self._up - self._half - self._first]
        return np.einsum("kt,kt->k", near, taps[places % self._up])


@lru_cache(maxsize=8)
def filter_bank(up: int, down: int) -> np.ndarray | None:
    """(up, taps) float32: weights of the samples around each of the places between two; None where nothing changes."""
    if up == down:
        return None
    cutoff = PASSES * min(1.0, up / down)  # of the rate that comes in
    half = int(np.ceil(CROSSINGS / cutoff))
    away = np.arange(-half, half + 1) - np.arange(up)[:, None] / up  # samples from the place to those around it
    window = np.i0(STEEP * np.sqrt(np.clip(1 - (away / (half + 1)) ** 2, 0, 1)))
    taps = np.sinc(away * cutoff) * window
    return (taps / taps.sum(1, keepdims=True)).astype(np.float32)
