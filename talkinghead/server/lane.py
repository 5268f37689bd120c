"""A thread that steps some of the live streams in one batch."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from talkinghead.errors import InputError
from talkinghead.server.channel import Channel
from talkinghead.server.limits import CATCH_UP, DEFECT, GATHER, GATHER_EACH, WRONG
from talkinghead.server.meters import Meters
from talkinghead.streaming.frames import Frame
from talkinghead.streaming.pool import PooledStream, StreamPool

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker

LOG = logging.getLogger("talkinghead.server")


class Lane:
    """The thread, its pool of streams, and what is queued for it."""

    def __init__(self, talker: Talker, meters: Meters) -> None:
        self._talker, self._meters, self._pool = talker, meters, StreamPool(talker)
        self._loop = asyncio.get_running_loop()
        self._orders: deque[tuple[Channel, Callable[[], object], bool]] = deque()
        self._channels: dict[PooledStream, Channel] = {}  # of the thread alone, as the pool is
        self._wake, self._ending = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="talkinghead-lane", daemon=True)
        self.load = 0  # streams, as the event loop counts them
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def add(self, stream: PooledStream) -> Channel:
        """Take a stream."""
        channel = Channel(self, stream)

        def add() -> None:
            self._channels[stream] = channel
            self._pool.add(stream)

        self.load += 1
        self.order(channel, add)
        return channel

    def order(self, channel: Channel, what: Callable[[], object], *, in_turn: bool = False) -> None:
        """Queue what the thread does with a stream before its next step. in_turn: when it has heard the sound before it."""
        self._orders.append((channel, what, in_turn))
        if not self._wake.is_set():
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

        self.load -= 1
        self.order(channel, forget)

    def close(self) -> None:
        """End the thread."""
        self._ending = True
        self._wake.set()
        self._thread.join(5)

    def _work(self) -> None:
        """Step after a while in which streams gather in a batch; a shorter one while one has sound for several steps, and none
        while most have, as after a moment in which others had the processor.

        Steps keep their pace, which is that of the sound: after one that came late the next is as much earlier.
        """
        due = time.monotonic()
        while not self._ending:
            self._wake.wait()
            self._wake.clear()
            more = 0.0
            try:
                self._obey()
                more = self._step()
            except Exception:  # no stream is to be trusted any more, those to come are
                LOG.exception("a defect in a step of all streams")
                self._fail_all()
            if more or self._orders:
                self._wake.set()
            gather = 0.0 if more > 0.5 else min(GATHER, GATHER_EACH * self.load) * (CATCH_UP if more else 1)
            due = max(due, time.monotonic() - 2 * gather) + gather
            time.sleep(max(0.0, due - time.monotonic()))

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

    def _step(self) -> float:
        """One step of the streams that have sound; the share of all streams that has some for another."""
        begun, used, network = time.monotonic(), time.thread_time(), self._pool.network_seconds
        found = self._pool.step()
        if not found:
            return 0.0
        self._meters.step.observe(time.monotonic() - begun)
        network = self._pool.network_seconds - network
        self._meters.cpu.labels("network").inc(network)
        self._meters.cpu.labels("layers").inc(time.thread_time() - used - network)
        given = [(self._channels[stream], frames, stream.done) for stream, frames in found.items() if stream in self._channels]
        self._tell(_deliver, given)
        return sum(stream.ready for stream in found) / max(1, len(self._channels))

    def _fail_all(self) -> None:
        for channel in self._channels.values():
            self._tell(channel.fail, DEFECT, "a defect of the server")
        self._channels.clear()
        self._orders.clear()
        self._pool = StreamPool(self._talker)

    def _tell(self, function: Callable[..., None], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)


def _deliver(given: list[tuple[Channel, list[Frame], bool]]) -> None:
    for channel, frames, last in given:
        channel.take(frames, last)
