"""A server in a thread, and clients of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from talkinghead.animate.talker import Talker
from talkinghead.server import recordings
from talkinghead.server.app import application
from talkinghead.server.limits import Limits
from talkinghead.server.serve import Server
from talkinghead.web.address import LOCAL, bound

TOKEN = "a secret"


class InThread(recordings.Recordings):
    """Works in this process, which is quicker to start."""

    def _made(self) -> Executor:
        return ThreadPoolExecutor(1)


class Running:
    """A server, and ways to ask it."""

    def __init__(self, server: Server, thread: threading.Thread, place: str) -> None:
        self.server, self.thread, self.place = server, thread, place

    @property
    def house(self):
        return self.server.app.state.house

    def ask(self, path: str, data: bytes | None = None, **headers: str):
        """(status, content, headers) of a request with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}", **headers}
        request = urllib.request.Request(f"http://{self.place}{path}", data, {k: v for k, v in headers.items() if v})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read(), error.headers

    def open(self, **more):
        """A WebSocket, nothing said."""
        return connect(f"ws://{self.place}/stream?token={TOKEN.replace(' ', '%20')}", compression=None, **more)

    @contextmanager
    def stream(self, **hello):
        """(WebSocket, the answer to the hello)."""
        with self.open() as line:
            line.send(json.dumps({"type": "hello", **hello}))
            yield line, json.loads(line.recv(timeout=30))

    def until(self, true) -> None:
        for _ in range(1000):
            if true():
                return
            time.sleep(0.02)
        raise TimeoutError


@contextmanager
def running(talker: Talker, limits: Limits, token: str = TOKEN):
    """A server with clients' ways to ask it. Recordings are worked on by the same talker."""
    recordings._loaded[:] = [talker]
    app = application(talker, limits, token=token, hosts=LOCAL, origins=("https://friend.example",), recordings=InThread)
    door = bound("127.0.0.1", 0)
    server = Server(app)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([door])), daemon=True)
    thread.start()
    found = Running(server, thread, f"127.0.0.1:{door.getsockname()[1]}")
    found.until(lambda: server.started)
    try:
        yield found
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def sent(line, data: bytes, size: int = 1000) -> None:
    """Send bytes in pieces."""
    for start in range(0, len(data), size):
        line.send(data[start : start + size])


def rest(line) -> tuple[list, int]:
    """All messages until the end, and its code."""
    found = []
    try:
        while True:
            message = line.recv(timeout=30)
            found.append(json.loads(message) if isinstance(message, str) else message)
    except ConnectionClosed as end:
        return found, end.rcvd.code
