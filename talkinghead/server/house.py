"""What all clients of a server share: the talker, seats for live streams, and their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from talkinghead.server.channel import Channel, EndedError
from talkinghead.server.engine import Engine
from talkinghead.server.limits import BUSY, CODES, FULL, GRACE, LEAVING, LOOK, SHED, Limits
from talkinghead.server.meters import Meters

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker
    from talkinghead.server.protocol import Hello
    from talkinghead.server.recordings import Recordings


class Seated(Protocol):
    """A live stream's client. delay: seconds by which its last frame was late."""

    delay: float

    def leave(self, code: int) -> None: ...


class House:
    """Of one server, made on its event loop."""

    def __init__(self, talker: Talker, recordings: Recordings, limits: Limits, meters: Meters) -> None:
        self.recordings, self.limits, self.meters = recordings, limits, meters
        self.engine = Engine(talker, meters)
        self.seated: dict[Seated, None] = {}  # in the order in which they came
        self._shed = 0.0  # when the last was ended for the sake of the others
        self._behind, self._looked = 0.0, 0.0  # and when it was looked at
        self.waiting = 0  # recordings
        self.closing = False

    @property
    def behind(self) -> float:
        """Seconds by which frames are late: the median of all streams, as those that send ahead of time have older sound."""
        if not self.seated:
            return 0.0
        now = time.monotonic()
        if now - self._looked >= LOOK:  # it is asked for with each message
            self._looked = now
            self._behind = sorted(session.delay for session in self.seated)[len(self.seated) // 2]
        return self._behind

    @contextmanager
    def seat(self, session: Seated) -> Iterator[None]:
        """Raises EndedError if all are taken, or none is to be had any more."""
        if self.closing:
            raise EndedError(LEAVING, "the server ends")
        if len(self.seated) >= self.limits.clients or self.behind > BUSY:
            raise EndedError(FULL, CODES[FULL])
        self.seated[session] = None
        self.meters.open.set(len(self.seated))
        try:
            yield
        finally:
            self.seated.pop(session, None)
            self.meters.open.set(len(self.seated))

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """A place in the queue of recordings; whether there is one."""
        free = self.waiting < self.limits.waiting and not self.closing
        self.waiting += free
        self.meters.waiting.set(self.waiting)
        try:
            yield free
        finally:
            self.waiting -= free
            self.meters.waiting.set(self.waiting)

    async def open(self, hello: Hello) -> Channel:
        """A stream for a hello. Raises InputError for what it cannot have."""
        return await self.engine.open(hello.rate, hello.settings(), hello.person)

    def sheds(self, session: Seated) -> bool:
        """Whether a stream is to end, since the server is too slow for all: the one that came last, and one at a time."""
        now = time.monotonic()
        if session is not next(reversed(self.seated), None) or now - self._shed < SHED:
            return False
        self._shed = now
        return True

    async def leave(self) -> None:
        """End every stream, with the frames of the sound that came; those that take too long are cut off by the caller."""
        self.closing = True
        for session in tuple(self.seated):
            session.leave(LEAVING)
        for _ in range(int(GRACE / 0.05)):
            if not self.seated:
                return
            await asyncio.sleep(0.05)

    def close(self) -> None:
        self.engine.close()
        self.recordings.close()
