"""Sound of any kind that comes piece by piece -> blocks of mono samples at 16 kHz, the same however it is cut."""

from __future__ import annotations

import numpy as np

from talkinghead.audio.decode import MOST_CHANNELS
from talkinghead.audio.load import floats
from talkinghead.audio.mix import Mix
from talkinghead.errors import InputError, shown
from talkinghead.streaming.resampling import Resampler

RATES = (8_000, 192_000)  # Hz
FINEST = 25  # Hz: rates are a multiple of this; a filter for any other has thousands of tables
MIXED = 200  # blocks a second in which channels become one


class Intake:
    """Takes (n,) or (n, C) samples of any usual type at `rate` Hz, gives blocks of `size` samples at 16 kHz.

    What is not finite counts as 0, what is beyond full scale is clipped. Channels become one as those of files do
    (`audio.mix`). delay: seconds of sound that are known before a sample comes out. seconds: of all that was taken.
    """

    def __init__(self, rate: int, size: int) -> None:
        self.rate, self._size = checked_rate(rate), size
        self._resampler = Resampler(self.rate)
        self._before = np.zeros(0, np.float32)  # at 16 kHz, of a sound that had another rate
        self._mix, self._apart = Mix(), None  # (n, C) samples of several channels that do not fill a block yet
        self._taken, self._earlier = 0, 0.0  # samples at this rate; seconds at other ones

    @property
    def delay(self) -> float:
        return self._resampler.delay + (1 / MIXED if self._apart is not None else 0)

    @property
    def seconds(self) -> float:
        return self._earlier + self._taken / self.rate

    @property
    def ready(self) -> bool:
        """Whether a block can be taken."""
        return len(self._before) >= self._size or not self._resampler.missing(self._size - len(self._before))

    def push(self, samples: np.ndarray) -> None:
        """Take samples: float32 or float64 in [-1, 1], int16, int32 or uint8. Raises InputError for any other array."""
        samples = np.asarray(samples)
        if samples.ndim not in (1, 2) or (samples.ndim == 2 and not 1 <= samples.shape[1] <= MOST_CHANNELS):
            raise InputError(f"sound: shape {samples.shape}; (n,) or (n, channels) is expected")
        piece = samples if samples.dtype == np.float32 else floats(samples, "sound")
        if samples.dtype.kind == "f" and not np.abs(piece).max(initial=0) <= 1:
            piece = np.clip(np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0), -1, 1)
        piece = piece.reshape(len(piece), -1 if piece.size else 1)
        self._taken += len(piece)
        if piece.shape[1] == 1:
            self._end_channels()
            self._resampler.push(piece[:, 0])
        else:
            self._mixed(piece)

    def silence(self, count: int) -> None:
        """Take `count` samples of silence, at the rate of the sound."""
        self.push(np.zeros((count, 1 if self._apart is None else self._apart.shape[1]), np.float32))

    def fill(self) -> None:
        """Take as much silence as the next block needs; the sound is at its end."""
        self._end_channels()
        if not self.ready:
            self._resampler.push(np.zeros(self._resampler.missing(self._size - len(self._before)), np.float32))

    def block(self) -> np.ndarray:
        """The next (size,) float32 samples, when it is `ready`."""
        size = max(0, self._size - len(self._before))
        joined = (
            np.concatenate([self._before, self._resampler.block(size)]) if len(self._before) else self._resampler.block(size)
        )
        self._before = joined[self._size :]
        return joined[: self._size]

    def change(self, rate: int) -> None:
        """Another rate from here on. Raises InputError for one that no sound card has."""
        rate = checked_rate(rate)
        if rate == self.rate:
            return
        self._end_channels()
        self._before = np.concatenate([self._before, self._resampler.rest()])
        self._earlier, self._taken = self.seconds, 0
        self.rate, self._resampler = rate, Resampler(rate)

    def _mixed(self, piece: np.ndarray) -> None:
        if self._apart is not None and self._apart.shape[1] != piece.shape[1]:
            self._end_channels()
        joined = piece if self._apart is None else np.concatenate([self._apart, piece])
        size = max(1, self.rate // MIXED)
        whole = len(joined) // size * size
        for start in range(0, whole, size):
            self._resampler.push(self._mix(joined[start : start + size]))
        self._apart = joined[whole:].copy()

    def _end_channels(self) -> None:
        """Several channels end here: what is left of them is mixed."""
        if self._apart is not None and len(self._apart):
            self._resampler.push(self._mix(self._apart))
        self._apart = None


def checked_rate(rate: float) -> int:
    """Raises InputError for a rate that no sound card has."""
    try:
        whole = int(rate)
    except (TypeError, ValueError, OverflowError):
        whole = 0
    if whole != rate or not RATES[0] <= whole <= RATES[1] or whole % FINEST:
        usual = "such as 16000, 44100 or 48000"
        raise InputError(f"rate is {shown(rate)}: choose a usual one from {RATES[0]} to {RATES[1]} Hz, {usual}")
    return whole
