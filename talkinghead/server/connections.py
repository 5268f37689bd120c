"""Connections that nobody can hold open at no cost: those that say nothing, read nothing or never end are cut.

uvicorn's protocols, with the methods that asyncio calls. `Sweep` looks at all of them, once a second.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from talkinghead.server.limits import HELLO, UNREAD

CHUNK = 16 << 10  # bytes that are read at a time: what they may hold of tiny messages is parsed in some ms
UNSENT = 4 << 20  # bytes that wait for a client, as answers to its pings do
EVERY = 1.0  # seconds between two looks
CLOSING = 3.0  # seconds that the end of a connection may take


class Watched(asyncio.Protocol):
    """A connection that a sweep looks at."""

    everybody: set[Watched]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.line = cast(asyncio.Transport, transport)
        self.line.max_size = CHUNK  # pyright: ignore[reportAttributeAccessIssue]  # of asyncio's own loop
        self.silent: float | None = time.monotonic()  # since when nothing whole has been asked for
        self.stuck: float | None = None  # since when nothing is read
        self.ending: float | None = None
        self.heard = b""
        self.everybody.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.everybody.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.silent is not None:
            self.heard = self.heard[-3:] + data
            if b"\r\n\r\n" in self.heard:
                self.silent = None
        if self.line.get_write_buffer_size() > UNSENT:
            self.line.abort()
            return
        super().data_received(data)

    def pause_writing(self) -> None:
        self.stuck = time.monotonic()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stuck = None
        super().resume_writing()

    def overdue(self, now: float) -> bool:
        """Whether nothing is to be expected any more."""
        if self.line.is_closing() and self.ending is None:
            self.ending = now
        limits = (self.silent, HELLO), (self.stuck, UNREAD), (self.ending, CLOSING)
        return any(since is not None and now - since > most for since, most in limits)


class Sweep:
    """The protocols for one server, and what ends their connections."""

    def __init__(self) -> None:
        everybody: set[Watched] = set()

        class Http(Watched, H11Protocol):
            pass

        class Sockets(Watched, WebSocketsSansIOProtocol):
            pass

        Http.everybody = Sockets.everybody = everybody
        self.everybody, self.http, self.sockets = everybody, Http, Sockets

    async def run(self) -> None:
        """Cut what is overdue, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            for connection in tuple(self.everybody):
                if connection.line.get_protocol() is not connection:  # it has become a WebSocket
                    self.everybody.discard(connection)
                elif connection.overdue(time.monotonic()):
                    connection.line.abort()
