"""A WebSocket that any number of programs may listen to: the messages of `live.receivers.messages`.

A program may send {"type": "emotion", "emotion": "happy:0.6"} and so change how the face feels; what is wrong with it comes
back as {"type": "error", "error": one line}. Pages of other sites are turned away by their origin, as browsers let them connect
to this machine.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from talkinghead.errors import InputError
from talkinghead.live.frames import Frame
from talkinghead.live.receivers.messages import END, frame_message
from talkinghead.live.receivers.sockets import Address

PORT = 8765
MOST_CLIENTS, LONGEST_MESSAGE = 32, 4096  # at a time; bytes of what a client may send
BEHIND = 1 << 16  # bytes that wait for a client, above which it gets no more frames until it has read some
ORIGINS = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
STARTING = 10.0  # seconds
EXAMPLE = json.dumps({"type": "emotion", "emotion": "happy:0.6"})


class WebSocket:
    """A server in a thread of its own. Raises InputError without the package `websockets`, and for an address that is taken.

    at: port 0 takes a free one. start: the first message. change: called, in the server's thread, with each emotion that a
    client sends; raises InputError. origins: of pages that may listen, beside those of this machine.
    """

    def __init__(self, at: Address, start: str, change: Callable[[Any], None], origins: tuple[str, ...] = ()) -> None:
        if find_spec("websockets") is None:
            raise InputError("the WebSocket needs a package; install it with: pip install 'talkinghead[live]'")
        logging.getLogger("websockets").setLevel(logging.CRITICAL)  # clients that vanish are no news
        self._at, self._start, self._change, self._origins = at, start, change, origins
        self._loop = asyncio.new_event_loop()
        self._clients: set[Any] = set()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._failed: OSError | None = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()], daemon=True)
        self._thread.start()
        self._ready.wait(STARTING)
        if self._failed is not None:
            self._thread.join()
            reason = self._failed.strerror or self._failed
            raise InputError(f"websocket: {at} cannot be had ({reason}); choose another port with --to websocket=:PORT")
        self.about = f"websocket ws://{self._at}"

    @property
    def port(self) -> int:
        return self._at.port

    @property
    def clients(self) -> int:
        return len(self._clients)

    def send(self, frame: Frame, heard: float) -> bool:
        if self._clients:
            self._loop.call_soon_threadsafe(self._spread, frame_message(frame, heard))
        return True

    def close(self) -> None:
        """Tell the end to all clients and close their connections."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STARTING)

    def _spread(self, text: str) -> None:
        from websockets.asyncio.server import broadcast

        broadcast([client for client in self._clients if client.transport.get_write_buffer_size() < BEHIND], text)

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        options = {"max_size": LONGEST_MESSAGE, "server_header": None, "compression": None, "close_timeout": 1.0}
        allowed = [None, ORIGINS, *self._origins]
        try:
            server = await serve(self._meet, self._at.host, self._at.port, origins=allowed, **options)
        except OSError as error:
            self._failed = error
            self._ready.set()
            return
        async with server:
            self._at = Address(self._at.host, next(iter(server.sockets)).getsockname()[1])
            self._ready.set()
            await self._stop.wait()
            self._spread(END)
            await asyncio.sleep(0)

    async def _meet(self, client: Any) -> None:
        """One client, from its first message to its last."""
        from websockets.exceptions import ConnectionClosed

        if len(self._clients) >= MOST_CLIENTS:
            await client.close(1013, "too many clients")
            return
        try:
            await client.send(self._start)
            self._clients.add(client)
            async for text in client:
                if (answer := self._take(text)) is not None:
                    await client.send(json.dumps({"type": "error", "error": answer}))
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)

    def _take(self, text: str | bytes) -> str | None:
        """What is wrong with a message, None if nothing is."""
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError):
            wanted = None
        if (
            not isinstance(wanted, dict)
            or wanted.keys() - {"type"} != {"emotion"}
            or wanted.get("type", "emotion") != "emotion"
        ):
            return f"send {EXAMPLE}"
        try:
            self._change(wanted["emotion"])
        except InputError as error:
            return str(error)
        return None
