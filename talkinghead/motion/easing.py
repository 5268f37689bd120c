"""Smooth transitions from 0 to 1. A phase below 0 counts as 0, a phase above 1 as 1."""

from __future__ import annotations

import numpy as np


def smoothstep(phase: np.ndarray) -> np.ndarray:
    """0 to 1 by the cubic with slope 0 at both ends, 3 p^2 - 2 p^3; `smoothstep` of GLSL."""
    phase = np.minimum(np.maximum(phase, 0), 1)  # a third of the time of np.clip
    return phase * phase * (3 - 2 * phase)


def ease(phase: np.ndarray) -> np.ndarray:
    """0 to 1 with the least jerk (Flash and Hogan 1985), as movements of people do."""
    phase = np.minimum(np.maximum(phase, 0), 1)
    return phase**3 * (10 - 15 * phase + 6 * phase**2)


class Path:
    """(T, n) values at (T,) seconds that go from one place to the next; time and memory grow with the length alone.

    All values after the last step are the same, and are written when something follows.
    """

    def __init__(self, times: np.ndarray, width: int) -> None:
        self.times, self.place = times, np.zeros(width)
        self._values, self._written = np.zeros((len(times), width)), 0

    def go(self, start: float, lasts: float, step: np.ndarray) -> None:
        """Move by (n,) `step` within `lasts` seconds from `start` on, and stay there."""
        first, last = np.searchsorted(self.times, [start, start + lasts])
        self.add(start, start + lasts, ease((self.times[first:last] - start) / lasts)[:, None] * step)
        self._values[last : self._written] += step
        self.place = self.place + step

    def add(self, start: float, end: float, values: np.ndarray) -> None:
        """Add (m, n) values to those of the m frames from `start` to before `end`."""
        first, last = np.searchsorted(self.times, [start, end])
        if last > self._written:
            self._values[self._written : last] = self.place
            self._written = last
        self._values[first:last] += values

    def whole(self) -> np.ndarray:
        self._values[self._written :] = self.place
        self._written = len(self._values)
        return self._values
