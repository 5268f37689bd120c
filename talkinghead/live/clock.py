"""When sound is heard. Two clocks run here: that of a sound device, which counts samples, and that of the computer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

GAP = 0.1  # seconds by which sound is late where it was interrupted
WINDOW = 2.0  # seconds of sound
DRIFT = 0.001  # seconds a second by which clocks of sound devices and computers differ at most


@dataclass(frozen=True)
class Clock:
    """The computer's clock; tests have another one. now: seconds. epoch: seconds since 1970 at `now` 0."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def epoch(self) -> float:
        return time.time() - self.now()


class Timeline:
    """Seconds of the sound -> seconds of the clock.

    Blocks arrive late by chance, never early: of the last WINDOWs the earliest counts. So clocks may drift apart, and sound may
    be held up; where it is late by more than GAP, what follows is as late at once.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self._earliest = [float("inf"), float("inf")]  # of the window before, and of this one
        self._window = 0.0  # where this one began

    def heard(self, end: float, arrived: float) -> None:
        """A block that ends at second `end` of the sound has arrived."""
        seen = arrived - end
        if self.begun and seen > self.at(0) + GAP:
            self._earliest = [float("inf"), seen]
            self.gaps += 1
        if end - self._window >= WINDOW:
            self._earliest, self._window = [self._earliest[1], float("inf")], end
        self._earliest[1] = min(self._earliest[1], seen)

    @property
    def begun(self) -> bool:
        """Whether anything was heard."""
        return min(self._earliest) < float("inf")

    def at(self, seconds: float) -> float:
        """When a second of the sound is heard."""
        return min(self._earliest) + seconds
