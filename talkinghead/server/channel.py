"""One live stream, as the event loop sees it: sound and orders go to the thread that steps it, frames come back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.server.limits import GATHER, STEP, UNREAD, UNREAD_FRAMES
from talkinghead.streaming.frames import Frame
from talkinghead.streaming.pool import PooledStream

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Lane(Protocol):
        """What steps streams, see `lane.Lane`."""

        def order(self, channel: Channel, what: Callable[[], object], *, in_turn: bool = False) -> None: ...

        def finish(self, channel: Channel) -> None: ...

        def forget(self, channel: Channel) -> None: ...


class EndedError(Exception):
    """A stream ends before its client asked for it, with a code of `limits.CODES` and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Channel:
    """One stream, as the event loop sees it. `next` gives its frames one after the other, and None after the last."""

    def __init__(self, lane: Lane, stream: PooledStream) -> None:
        self.stream, self.seconds = stream, 0.0
        self._lane, self._rate = lane, stream.rate
        self._frames: deque[Frame | None] = deque()
        self._some = asyncio.Event()
        self._most = int(UNREAD * stream.fps) + 1
        self._arrivals: deque[tuple[float, float]] = deque()  # (seconds of sound, monotonic seconds when it had come)
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def push(self, samples: np.ndarray) -> None:
        self.seconds += len(samples) / self._rate
        self._arrivals.append((self.seconds, time.monotonic()))
        self._lane.order(self, lambda: self.stream.push(samples))

    def feel(self, emotion: str) -> None:
        self._lane.order(self, lambda: setattr(self.stream, "emotion", emotion), in_turn=True)

    def finish(self) -> None:
        self._lane.finish(self)

    def close(self) -> None:
        """Forget it, whatever is left of it."""
        self._lane.forget(self)

    @property
    def latency(self) -> float:
        """Seconds by which frames follow the sound at most, as long as the server has time."""
        return self.stream.latency + GATHER + STEP

    async def next(self) -> Frame | None:
        """The next frame, None after the last."""
        while not self._frames:
            self._some.clear()
            await self._some.wait()
        return self._frames.popleft()

    def delay(self, when: float) -> float:
        """Seconds since the sound came that a frame at `when` needs."""
        needed = when + self.stream.latency
        while len(self._arrivals) > 1 and self._arrivals[0][0] < needed:
            self._arrivals.popleft()
        return time.monotonic() - self._arrivals[0][1] if self._arrivals and self._arrivals[0][0] >= needed else 0.0

    def take(self, frames: list[Frame], last: bool) -> None:
        """Frames of a step; on the event loop."""
        self._frames.extend(frames)
        if last:
            self._frames.append(None)
        elif len(self._frames) > self._most:
            self.fail(UNREAD_FRAMES, f"frames of {UNREAD:g} s were not read")
        self._some.set()

    def fail(self, code: int, reason: str) -> None:
        if not self.broken.done():
            self.broken.set_exception(EndedError(code, reason))
            self.broken.exception()  # it is read, also if nobody waits
