"""The server as a process: an address, and an end that cuts nobody off."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from fastapi import FastAPI

from talkinghead.server.app import application
from talkinghead.server.connections import Sweep
from talkinghead.server.limits import GRACE, MESSAGE, Limits
from talkinghead.server.models import live_talker
from talkinghead.web.address import bound, names, url

SENT = 256 << 10  # bytes that the system keeps for a client that does not read


def serve(
    host: str,
    port: int,
    limits: Limits,
    *,
    model: str | None = None,
    recordings: str | None = None,
    token: str = "",
    origins: tuple[str, ...] = (),
) -> None:
    """Serve until SIGTERM or Ctrl-C. port: 0 takes a free one. model: of live streams. recordings: of whole recordings, both as
    `Talker.from_pretrained` takes them. token, origins: see `access.Access`.

    Raises InputError for a model that cannot stream, and for an address that cannot be had.
    """
    with bound(host, port) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENT)
        talker = live_talker(model)
        app = application(talker, limits, model=recordings, token=token, hosts=names(host), origins=origins)
        asyncio.run(Server(app, f"{url(host, door)}/docs  (Ctrl-C ends it)").serve([door]))


class Server(uvicorn.Server):
    """uvicorn, whose end lets live streams finish, and which cuts connections that nobody uses.

    told: printed once clients can connect.
    """

    def __init__(self, app: FastAPI, told: str = "") -> None:
        self.app, self.sweep, self.told = app, Sweep(), told
        super().__init__(
            uvicorn.Config(
                app,
                http=self.sweep.http,
                ws=self.sweep.sockets,
                loop="asyncio",  # on others the size of reads is not ours to choose
                ws_max_size=MESSAGE,
                ws_per_message_deflate=False,  # weights hardly shrink
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=int(GRACE),
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        sweeping = asyncio.create_task(self.sweep.run())
        try:
            await super().serve(sockets)
        finally:
            sweeping.cancel()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.told:
            print(self.told, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self.app.state.house.leave()
        await super().shutdown(sockets)
