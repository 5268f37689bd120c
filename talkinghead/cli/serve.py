"""The verb serve."""

from __future__ import annotations

import os
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from talkinghead.errors import InputError

TOKEN = "TALKINGHEAD_TOKEN"


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8760,
    token: Annotated[str, arg(metavar="TEXT")] = "",
    origin: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="URL")] = (),
    clients: int = 32,
    minutes: float = 240.0,
    idle: float = 30.0,
    seconds: float = 600.0,
    megabytes: float = 64.0,
    waiting: int = 8,
    model: Annotated[str | None, arg(metavar="MODEL")] = None,
    recordings: Annotated[str | None, arg(metavar="MODEL")] = None,
) -> None:
    """Serve many clients: live streams over WebSockets, and whole recordings over HTTP. Needs the extra serve.

    The page /docs has all addresses and messages, /health and /metrics are for those who watch it. SIGTERM and Ctrl-C let
    streams finish. Only this machine can reach it, unless --host says more. It speaks no TLS: put a proxy before it, such as
    Caddy (`reverse_proxy localhost:8760`) or nginx (`proxy_pass`, with the headers Upgrade and Connection passed on, and
    proxy_buffering off), leave --host as it is, and give a --token.

    Args:
        host: Address to listen at; 0.0.0.0 is reached by the whole network.
        port: Number of the port; 0 takes a free one.
        token: Clients must know it: as the header `Authorization: Bearer TOKEN`, or as `?token=TOKEN`. The variable
            TALKINGHEAD_TOKEN, which other users of this machine cannot see.
        origin: Site whose pages may use it, such as https://example.com; * for all. Those of this machine may. Repeat it
            for more.
        clients: Live streams at once.
        minutes: Longest live stream.
        idle: Seconds without sound after which a stream is closed.
        seconds: Longest recording that is posted.
        megabytes: Largest recording that is posted.
        waiting: Recordings that wait for their turn or are worked on.
        model: Model of live streams: a folder of one that can stream. The one that ships.
        recordings: Model of recordings that are posted: a folder, or its id on the Hub. The one that ships.
    """
    from talkinghead.server.limits import Limits

    limits = Limits(clients, minutes, idle, seconds, megabytes, waiting)
    try:
        from talkinghead.server.serve import serve as run
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("talkinghead"):
            raise
        raise InputError("serve needs a server; install it with: pip install 'talkinghead[serve]'") from None
    run(host, port, limits, model=model, recordings=recordings, token=token or os.environ.get(TOKEN, ""), origins=origin)
