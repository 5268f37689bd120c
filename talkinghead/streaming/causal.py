"""Filters and moments of a stream: all that they need of the past has one size. n rows at a time, always as many."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkinghead.motion.easing import ease


class Past:
    """The last rows before those of the moment; 0, or `fill`, before the first."""

    def __init__(self, count: int, *shape: int, fill: float = 0.0) -> None:
        self._rows = np.full((count, *shape), fill)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(n, ...) -> (count + n, ...): those before, then these."""
        joined = np.concatenate([self._rows, rows])
        self._rows = joined[len(rows) :]
        return joined


def moving_mean(weights: np.ndarray, hop: int) -> np.ndarray:
    """(hop, N - 1 + hop) that makes moving means of the last rows by (N,) weights, those of the earliest rows first."""
    matrix = np.zeros((hop, len(weights) - 1 + hop))
    for row in range(hop):
        matrix[row, row : row + len(weights)] = weights / weights.sum()
    return matrix


class Ahead:
    """(n, ...) values of the rows to come: motion that has begun goes on, whatever is added to it.

    The stream's `motion.easing.Path`. seconds: how far ahead a motion may last. merge: how motions at one time become one.
    """

    def __init__(self, fps: float, seconds: float, *shape: int, merge: np.ufunc = np.add) -> None:
        self.fps, self._merge, self._reach = fps, merge, int(seconds * fps)
        self._rows, self._next = np.zeros((2 * self._reach, *shape)), 0  # those before `_next` are past
        self._until = 0  # the first row in which nothing moves
        self.place = np.zeros(shape)  # what all steps so far lead to

    def go(self, lasts: float, step: np.ndarray) -> None:
        """Move by `step` within `lasts` seconds from the next row on, and stay there."""
        rows = self._span(0.0, lasts)
        rows += (ease((np.arange(len(rows)) + 1) / self.fps / lasts) - 1).reshape(-1, *[1] * (rows.ndim - 1)) * step
        self.place = self.place + step

    def add(self, lasts: float, shape: Callable[[np.ndarray], np.ndarray], wait: float = 0.0) -> None:
        """Merge shape(seconds since it began) for `lasts` seconds, `wait` seconds from the next row on."""
        rows = self._span(wait, lasts)
        rows[:] = self._merge(rows, shape((np.arange(len(rows)) + 1) / self.fps))

    def fade(self, seconds: float) -> None:
        """What has begun ends within `seconds`; where steps lead to stays."""
        rows = self._rows[self._next :]
        rows *= (1 - (np.arange(len(rows)) + 1) / self.fps / seconds).clip(0).reshape(-1, *[1] * (rows.ndim - 1))

    @property
    def still(self) -> bool:
        """Whether nothing moves: all rows to come are `place`, which is the next one, too."""
        return self._next >= self._until

    def next(self, count: int) -> np.ndarray:
        """(count, ...) values of the next rows."""
        if self._next >= self._until:
            return np.repeat(self.place[None], count, 0)
        if self._next + count > self._reach:
            self._rows[: self._reach] = self._rows[self._next : self._next + self._reach]
            self._rows[self._reach :] = 0
            self._next, self._until = 0, self._until - self._next
        self._next += count
        return self._rows[self._next - count : self._next] + self.place

    def _span(self, wait: float, lasts: float) -> np.ndarray:
        """The rows of a motion."""
        if self._next >= self._until:
            self._rows[:], self._next, self._until = 0, 0, 0
        first = self._next + round(wait * self.fps)
        last = min(first + max(1, int(lasts * self.fps)), self._next + self._reach)
        self._until = max(self._until, last)
        return self._rows[first:last]


class Waves:
    """Slow motion that is a function of time alone, computed a block at a time. of: (n,) seconds -> (n, ...)."""

    BLOCK = 64  # rows, whole multiples of what is asked for at a time

    def __init__(self, of: Callable[[np.ndarray], np.ndarray], times: Callable[[int, int], np.ndarray]) -> None:
        self._of, self._times, self._block = of, times, np.zeros(0)
        self._number: int | None = None

    def __call__(self, first: int, count: int) -> np.ndarray:
        """Values of `count` rows from row `first` on, which is a multiple of `count`."""
        number, place = divmod(first, self.BLOCK)
        if number != self._number:
            self._number, self._block = number, self._of(self._times(number * self.BLOCK, self.BLOCK))
        return self._block[place : place + count]
