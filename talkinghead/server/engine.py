"""All live streams of a process: one thread steps them in one batch, the event loop only queues sound and takes frames."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from talkinghead.errors import InputError
from talkinghead.server.limits import DEFECT, UNREAD, UNREAD_FRAMES, WRONG
from talkinghead.server.meters import Meters
from talkinghead.streaming.frames import Frame
from talkinghead.streaming.pool import PooledStream, StreamPool

if TYPE_CHECKING:
    from talkinghead.animate.settings import AnimateSettings
    from talkinghead.animate.talker import Talker
    from talkinghead.head.head import Head

LOG = logging.getLogger("talkinghead.server")
GATHER = 0.008  # seconds between steps at least: sound of other streams that comes meanwhile goes into the same batch


class EndedError(Exception):
    """A stream ends before its client asked for it, with a code of `limits.CODES` and why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Channel:
    """One stream, as the event loop sees it. `next` gives its frames one after the other, and None after the last."""

    def __init__(self, engine: Engine, stream: PooledStream) -> None:
        self.stream, self.seconds = stream, 0.0
        self._engine, self._rate = engine, stream.rate
        self._frames: deque[Frame | None] = deque()
        self._some = asyncio.Event()
        self._most = int(UNREAD * stream.fps) + 1
        self._made = 0.0  # time of the last frame
        self._arrivals: deque[tuple[float, float]] = deque()  # (seconds of sound, monotonic seconds when it had come)
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def push(self, samples: np.ndarray) -> None:
        self.seconds += len(samples) / self._rate
        self._arrivals.append((self.seconds, time.monotonic()))
        self._engine.order(self, lambda: self.stream.push(samples))

    def feel(self, emotion: str) -> None:
        self._engine.order(self, lambda: setattr(self.stream, "emotion", emotion), in_turn=True)

    def finish(self) -> None:
        self._engine.finish(self)

    @property
    def behind(self) -> float:
        """Seconds of sound that have come and are not heard yet."""
        return self.seconds - self._made - self.stream.latency

    def close(self) -> None:
        """Forget it, whatever is left of it."""
        self._engine.forget(self)

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
        self._made = frames[-1].time if frames else self._made
        if last:
            self._frames.append(None)
        elif len(self._frames) > self._most:
            self.fail(UNREAD_FRAMES, f"frames of {UNREAD:g} s were not read")
        self._some.set()

    def fail(self, code: int, reason: str) -> None:
        if not self.broken.done():
            self.broken.set_exception(EndedError(code, reason))
            self.broken.exception()  # it is read, also if nobody waits


class Engine:
    """The thread, its pool of streams, and what is queued for it. Raises InputError for a talker that cannot stream."""

    def __init__(self, talker: Talker, meters: Meters) -> None:
        _ = talker.streaming
        self.talker, self.meters, self._pool = talker, meters, StreamPool(talker)
        self._loop = asyncio.get_running_loop()
        self._orders: deque[tuple[Channel, Callable[[], object], bool]] = deque()
        self._channels: dict[PooledStream, Channel] = {}  # of the thread alone, as the pool is
        self._wake, self._ending = threading.Event(), False
        self._opening = ThreadPoolExecutor(1, "talkinghead-open")
        self._thread = threading.Thread(target=self._work, name="talkinghead-streams", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    async def open(self, rate: int, settings: AnimateSettings, head: Callable[[], Head | None]) -> Channel:
        """A new stream, made in a thread of its own: to make a head takes long. Raises InputError."""

        def made() -> PooledStream:
            stream = self.talker.stream(of=PooledStream, rate=rate, head=head(), settings=settings)
            return cast(PooledStream, stream)

        channel = Channel(self, await self._loop.run_in_executor(self._opening, made))
        self.order(channel, lambda: self._add(channel))
        return channel

    def order(self, channel: Channel, what: Callable[[], object], *, in_turn: bool = False) -> None:
        """Queue what the thread does with a stream before its next step. in_turn: when it has heard the sound before it."""
        self._orders.append((channel, what, in_turn))
        self._wake.set()

    def finish(self, channel: Channel) -> None:
        def finish() -> None:
            channel.stream.finish()
            if channel.stream.done:  # no sound has come: no step will tell
                self._tell(channel.take, [], True)

        self.order(channel, finish)

    def forget(self, channel: Channel) -> None:
        def forget() -> None:
            self._channels.pop(channel.stream, None)
            self._pool.close(channel.stream)

        self.order(channel, forget)

    def close(self) -> None:
        """End the thread."""
        self._ending = True
        self._wake.set()
        self._thread.join(5)
        self._opening.shutdown(wait=False, cancel_futures=True)

    def _add(self, channel: Channel) -> None:
        self._channels[channel.stream] = channel
        self._pool.add(channel.stream)

    def _work(self) -> None:
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            begun = time.monotonic()
            try:
                self._obey()
                while self._step() and not self._ending:
                    self._obey()
            except Exception:  # no stream is to be trusted any more, those to come are
                LOG.exception("a defect in a step of all streams")
                self._fail_all()
            time.sleep(max(0.0, GATHER - (time.monotonic() - begun)))

    def _obey(self) -> None:
        held: list[tuple[Channel, Callable[[], object], bool]] = []
        while self._orders:
            channel, what, in_turn = order = self._orders.popleft()
            if (in_turn and channel.stream.ready) or any(channel is other for other, *_ in held):
                held.append(order)
                continue
            try:
                what()
            except InputError as error:
                self._tell(channel.fail, WRONG, str(error))
            except Exception:
                LOG.exception("a defect in a stream")
                self._tell(channel.fail, DEFECT, "a defect of the server")
        self._orders.extendleft(reversed(held))

    def _step(self) -> bool:
        """One step of the streams that have sound; whether there were any."""
        begun = time.monotonic()
        found = self._pool.step()
        if not found:
            return False
        self.meters.step.observe(time.monotonic() - begun)
        given = [(self._channels[stream], frames, stream.done) for stream, frames in found.items() if stream in self._channels]
        self._tell(_deliver, given)
        return True

    def _fail_all(self) -> None:
        for channel in self._channels.values():
            self._tell(channel.fail, DEFECT, "a defect of the server")
        self._channels.clear()
        self._orders.clear()
        self._pool = StreamPool(self.talker)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


def _deliver(given: list[tuple[Channel, list[Frame], bool]]) -> None:
    for channel, frames, last in given:
        channel.take(frames, last)
