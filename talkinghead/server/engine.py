"""All live streams of a process: a few threads step them in batches; the event loop only queues sound and takes frames."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

from talkinghead.server.channel import Channel
from talkinghead.server.lane import Lane
from talkinghead.server.limits import HOP, SWITCH
from talkinghead.server.meters import Meters
from talkinghead.streaming.pool import PooledStream

if TYPE_CHECKING:
    from talkinghead.animate.settings import AnimateSettings
    from talkinghead.animate.talker import Talker
    from talkinghead.head.head import Head

REST = 2.0  # times as long as it took to make a stream, nothing is made: many new heads do not hold up streams that run
LANES = 4  # at most: the network runs beside Python, what follows it does not


class Engine:
    """The lanes, one for each processor. Raises InputError for a talker that cannot stream."""

    def __init__(self, talker: Talker, meters: Meters) -> None:
        _ = talker.streaming
        sys.setswitchinterval(SWITCH)
        self.talker = talker
        self._lanes = [Lane(talker, meters) for _ in range(min(LANES, os.cpu_count() or 1))]
        self._opening = ThreadPoolExecutor(1, "talkinghead-open")

    @property
    def alive(self) -> bool:
        return all(lane.alive for lane in self._lanes)

    async def open(self, rate: int, settings: AnimateSettings, head: Callable[[], Head | None]) -> Channel:
        """A new stream, made in a thread of its own: to make a head takes long. Raises InputError."""

        def made() -> PooledStream:
            begun = time.thread_time()
            stream = self.talker.stream(of=PooledStream, hop=HOP, rate=rate, head=head(), settings=settings)
            time.sleep(REST * (time.thread_time() - begun))
            return cast(PooledStream, stream)

        stream = await asyncio.get_running_loop().run_in_executor(self._opening, made)
        return min(self._lanes, key=lambda lane: lane.load).add(stream)

    def close(self) -> None:
        """End the threads."""
        for lane in self._lanes:
            lane.close()
        self._opening.shutdown(wait=False, cancel_futures=True)
