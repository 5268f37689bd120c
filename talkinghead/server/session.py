"""One live stream over a WebSocket: a hello, then sound and orders in, frames out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from talkinghead.errors import InputError
from talkinghead.server import limits, protocol
from talkinghead.server.channel import Channel, EndedError
from talkinghead.server.protocol import Emotion, Hello, Sound

if TYPE_CHECKING:
    from talkinghead.server.house import House

LOG = logging.getLogger("talkinghead.server")


class Session:
    """A client that was let in. `run` returns when it is over."""

    def __init__(self, socket: WebSocket, house: House) -> None:
        self.socket, self.house = socket, house
        self.code = limits.DONE  # by which the stream is closed once its frames are sent
        self.leaving = asyncio.Event()  # set: no more sound is taken
        self.frames = self.messages = 0
        self.delay = 0.0  # seconds by which the last frame was late
        self._waiting: float | None = None  # since when sound is waited for

    async def run(self) -> None:
        await self.socket.accept()
        code = limits.DEFECT
        try:
            code = await self._talk()
        except EndedError as end:
            code = end.code
            await self._say_goodbye(end)
        except (WebSocketDisconnect, RuntimeError):  # the second is Starlette's for a socket that was closed meanwhile
            code = 1006  # no closing was seen, as RFC 6455 has it
        except Exception:
            LOG.exception("a defect in a session")
            await self._say_goodbye(EndedError(code, "a defect of the server"))
        finally:
            self.house.meters.closed.labels(code).inc()

    def leave(self, code: int) -> None:
        """Take no more sound, send the frames of what came, and close with this code."""
        self.code = code
        self.leaving.set()

    async def _talk(self) -> int:
        hello = await self._hello()
        with self.house.seat(self):
            channel = await self._opened(hello)
            try:
                await self.socket.send_text(protocol.ready(channel, hello, self.house.limits.minutes * 60))
                await self._exchange(channel, hello)
            finally:
                channel.close()
        await self.socket.send_text(protocol.told("finished", frames=self.frames, seconds=round(channel.seconds, 6)))
        await self._close(self.code, limits.CODES[self.code])
        return self.code

    async def _opened(self, hello: Hello) -> Channel:
        try:
            return await self.house.open(hello)
        except InputError as error:
            raise EndedError(limits.WRONG, str(error)) from None

    async def _exchange(self, channel: Channel, hello: Hello) -> None:
        """Listen and speak at once, until every frame is sent."""
        listening = asyncio.create_task(self._listen(channel, hello))
        speaking = asyncio.create_task(self._speak(channel, hello.frames == "binary"))
        leaving, idling = asyncio.create_task(self.leaving.wait()), asyncio.create_task(self._idle())
        try:
            tasks = {listening, speaking, leaving, idling, channel.broken}
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, idling):
                if task.done():
                    task.result()
            if not speaking.done() and not channel.broken.done():
                listening.cancel()
                channel.finish()
                await asyncio.wait({speaking, channel.broken}, return_when=asyncio.FIRST_COMPLETED)
            if channel.broken.done():
                channel.broken.result()
            speaking.result()
        finally:
            for task in (listening, speaking, leaving, idling):
                task.cancel()
            await asyncio.gather(listening, speaking, leaving, idling, return_exceptions=True)

    async def _idle(self) -> None:
        """Raise EndedError when no sound comes for too long: a timeout of each message takes a tenth of the loop's time."""
        most = self.house.limits.idle
        while True:
            left = most if self._waiting is None else most - (time.monotonic() - self._waiting)
            if left <= 0:
                raise EndedError(limits.IDLE, f"no sound came for {most:g} s")
            await asyncio.sleep(left)

    async def _listen(self, channel: Channel, hello: Hello) -> None:
        """Take sound and orders, none of them before its time, until the client or the clock says that it is enough."""
        begun, sound = time.monotonic(), Sound(hello.sound, hello.channels)
        longest = self.house.limits.minutes * 60
        while True:
            self._waiting = time.monotonic()
            message = await self._message()
            self._waiting = None
            self.messages += 1
            if self.messages > limits.BURST + limits.PACE * (time.monotonic() - begun):
                raise EndedError(limits.TOO_MANY, f"more than {limits.PACE} messages a second")
            try:
                if isinstance(message, str):
                    order = protocol.read(protocol.ORDER, message)
                    if not isinstance(order, Emotion):
                        return None
                    channel.feel(protocol.emotion_of(order.emotion))
                    continue
                samples = sound.samples(message)
            except InputError as error:
                raise EndedError(limits.WRONG, str(error)) from None
            channel.push(samples)
            self.house.meters.sound.inc(len(samples) / hello.rate)
            if channel.seconds >= longest:
                return self.leave(limits.TOO_LONG)
            await self._until_time(channel, begun)

    async def _until_time(self, channel: Channel, begun: float) -> None:
        """Read nothing more while the client is ahead of time; give up if the server is too far behind."""
        ahead = channel.seconds - (time.monotonic() - begun) - limits.AHEAD
        if ahead > 0:
            await asyncio.sleep(ahead)
            self.house.meters.slowed.inc(ahead)
        if self.house.behind > limits.BEHIND and self.house.sheds(self):
            raise EndedError(limits.FULL, limits.CODES[limits.FULL])

    async def _speak(self, channel: Channel, binary: bool) -> None:
        while (frame := await channel.next()) is not None:
            if binary:
                await self.socket.send_bytes(protocol.binary_frame(frame))
            else:
                await self.socket.send_text(protocol.json_frame(frame))
            self.frames += 1
            self.house.meters.frames.inc()
            self.delay = channel.delay(frame.time)
            self.house.meters.delay.observe(self.delay)

    async def _hello(self) -> Hello:
        try:
            async with asyncio.timeout(limits.HELLO):
                message = await self._message()
        except TimeoutError:
            raise EndedError(limits.IDLE, f"no hello came for {limits.HELLO:g} s") from None
        if not isinstance(message, str):
            raise EndedError(limits.WRONG, "the first message is a hello in JSON")
        try:
            return protocol.read(protocol.HELLO, message)
        except InputError as error:
            raise EndedError(limits.WRONG, str(error)) from None

    async def _message(self) -> str | bytes:
        """The next message."""
        found = await self.socket.receive()
        if found["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(found.get("code", 1006))
        text = found.get("text")
        return text if text is not None else found.get("bytes") or b""

    async def _say_goodbye(self, end: EndedError) -> None:
        """Tell why, to whoever still listens."""
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(1.0):
                await self.socket.send_text(json.dumps({"type": "error", "code": end.code, "error": end.reason}))
            await self._close(end.code, end.reason)

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(1.0):
                await self.socket.close(code, reason.encode()[:120].decode(errors="ignore"))  # RFC 6455: 123 bytes
