"""The microphone of the page: sound in over a WebSocket, frames of the head that is shown out.

The page first sends {"result": its id, "emotion", "settings"} and gets {"ready": true}; then it sends samples, int16,
little-endian, mono at 16 kHz, in pieces of any size, each of which is answered by {"frames": those that it completes}.
{"emotion"} changes the emotion while it runs. What is wrong is {"error": one line}, after which the connection is closed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from talkinghead.demo.workshop import Workshop, settings_of
from talkinghead.errors import InputError
from talkinghead.streaming.frames import Frame

LONGEST = 1 << 16  # bytes of a message
FOREIGN, WRONG = 1008, 1003  # codes by which connections are closed (RFC 6455)


class Microphone:
    """An address for WebSockets. `Limits.live` pages may use it at a time."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop, self._count = workshop, 0

    async def answer(self, socket: WebSocket) -> None:
        """Serve one page until it goes."""
        if not _own_page(socket):
            return await socket.close(FOREIGN)
        await socket.accept()
        with suppress(WebSocketDisconnect, RuntimeError):  # the second is Starlette's for a page that has gone meanwhile
            try:
                await self._serve(socket)
            except InputError as error:
                await socket.send_json({"error": str(error)})
                await socket.close(WRONG)

    async def _serve(self, socket: WebSocket) -> None:
        if self._count >= self._workshop.limits.live:
            raise InputError(f"{self._count} others are speaking already; try again in a minute")
        self._count += 1
        try:
            stream = await run_in_threadpool(self._workshop.stream, _object(await _message(socket)))
            await socket.send_json({"ready": True})
            while True:
                found = await _message(socket)
                if isinstance(found, str):
                    stream.emotion = settings_of(_object(found)).emotion
                else:
                    frames = await run_in_threadpool(stream.push, _samples(found))
                    await socket.send_json({"frames": [_told(frame) for frame in frames]})
        finally:
            self._count -= 1


def _own_page(socket: WebSocket) -> bool:
    """Whether the page is of this server: browsers let pages of other sites connect, too, but tell who they are."""
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2] == socket.headers.get("host")


async def _message(socket: WebSocket) -> str | bytes:
    found = await socket.receive()
    if found["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(found.get("code", 1006))
    message = found.get("text") or found.get("bytes") or b""
    if len(message) > LONGEST:
        raise InputError("this is too much at once")
    return message


def _object(message: str | bytes) -> dict[str, Any]:
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError("a JSON object is expected")
    return content


def _samples(message: bytes) -> np.ndarray:
    if len(message) % 2:
        raise InputError("sound: samples of 16 bits are expected")
    return np.frombuffer(message, "<i2")


def _told(frame: Frame) -> dict[str, Any]:
    arrays = {
        "weights": (frame.weights, 4),
        "rotation": (frame.rotation, 5),
        "tongue": (frame.tongue, 6),
        "gaze": (frame.gaze, 5),
    }
    values = {name: np.round(np.ravel(array).astype(float), digits).tolist() for name, (array, digits) in arrays.items()}
    return {"time": frame.time, **values}
