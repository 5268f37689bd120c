"""Many live streams at once on one server, paced as microphones are, beside clients that behave badly; JSON lines.

    python tools/bench/load_server.py --streams 20 --minutes 10 --bad

It starts `talkinghead serve` on this machine, or takes one that runs (--url). Every stream sends the sample that ships, over
and over, in blocks of 20 ms, each when its last sample would have been heard. A frame at t seconds is late if it comes more
than one frame after t + `latency` of the server's answer: `late` is their share, of the stream that has most, `late_of_all`
that of all frames, and `lost` how many frames are missing or out of order in all streams. `cores` is the server's processor
time over the time that passed, and `cpu` what its parts take of one core for each of the streams that behave. `delay_ms` has
quantiles of how long after that moment frames came (below 0: before). Bad clients come again and again: one that says nothing,
one that says hello and no more, one that floods with sound, one that floods with tiny messages, one that never reads, one that
is gone without a word, one that sends what is no message, and one that sends messages that are too large.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
import wave
from collections import Counter
from multiprocessing import Process
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from talkinghead.files import asset

RATE, BLOCK = 16000, 320
BAD = ("mute", "idle", "flood", "tiny", "deaf", "vanish", "noise", "huge")


class Stream:
    """One client that behaves, and what it has seen."""

    def __init__(self, url: str, sound: np.ndarray, fps: float, seconds: float) -> None:
        self.url, self.fps, self.seconds = url, fps, seconds
        self.samples, self.sound = len(sound), np.concatenate([sound, sound[:BLOCK]]).tobytes()
        self.delays: list[float] = []
        self.lost, self.closed = 0, ""  # frames; why it ended before its time

    async def run(self) -> None:
        await asyncio.sleep(random.uniform(0, 1))
        hello = {"type": "hello", "rate": RATE, "fps": self.fps, "emotion": "happy:0.5", "frames": "binary"}
        try:
            async with connect(self.url, compression=None) as line:
                await line.send(json.dumps(hello))
                ready = json.loads(await line.recv())
                start = time.perf_counter()
                sending = asyncio.create_task(self.send(line, start))
                await self.receive(line, start, ready["latency"])
                await sending
        except (OSError, ConnectionClosed, KeyError, json.JSONDecodeError) as error:
            end = getattr(error, "rcvd", None)
            self.closed = f"{end.code} {end.reason}" if end else f"{type(error).__name__} {error}"
        self.lost += max(0, int(self.seconds * self.fps) - len(self.delays))

    async def send(self, line, start: float) -> None:
        place = random.randrange(self.samples)
        with contextlib.suppress(ConnectionClosed):  # `receive` tells
            for number in range(int(self.seconds * RATE / BLOCK)):
                await asyncio.sleep(start + (number + 1) * BLOCK / RATE - time.perf_counter())
                await line.send(self.sound[2 * place : 2 * (place + BLOCK)])
                place = (place + BLOCK) % self.samples
            await line.send('{"type": "finish"}')

    async def receive(self, line, start: float, latency: float) -> None:
        async for message in line:
            now = time.perf_counter()
            if isinstance(message, str):
                if json.loads(message)["type"] == "finished":
                    return
                self.closed = message
                continue
            when = struct.unpack_from("<d", message)[0]
            self.lost += round(when * self.fps - 0.5) != len(self.delays)
            self.delays.append(now - start - when - latency)

    @property
    def late(self) -> float:
        return float(np.mean(np.array(self.delays) > 1 / self.fps)) if self.delays else 1.0


async def misbehave(kind: str, url: str) -> str:
    """Be a bad client once, for half a minute at most; how it ended."""
    place = urlsplit(url)
    if kind in ("mute", "noise"):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(random.randbytes(4000) if kind == "noise" else b"GET /stream HTTP/1.1\r\n")
        found = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        return f"closed after {len(found)} bytes"
    async with connect(url, compression=None, max_queue=1 if kind == "deaf" else 64) as line:
        await line.send('{"type": "hello"}')
        await line.recv()
        sound, until = random.randbytes(64000), time.monotonic() + 30
        if kind == "idle":
            await asyncio.sleep(60)
            return "asleep"
        if kind == "huge":
            await line.send(random.randbytes(1 << 20))
        if kind == "vanish":
            for _ in range(100):
                await line.send(sound[:640])
                await asyncio.sleep(0.02)
            gone = line.transport.get_extra_info("socket")
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN
            line.transport.abort()
            return "gone"
        reading = None if kind == "deaf" else asyncio.create_task(_read(line))
        with contextlib.suppress(ConnectionClosed):
            while time.monotonic() < until:
                await line.send(sound[:2] if kind == "tiny" else sound)
                await asyncio.sleep(2 if kind == "deaf" else 0)
        if reading is not None:
            reading.cancel()
        return f"code {line.close_code}"


async def _read(line) -> None:
    async for _ in line:
        pass


async def _again(kind: str, url: str, until: float) -> None:
    ends: dict[str, int] = {}
    while time.time() < until:
        try:
            async with asyncio.timeout(75):
                end = await misbehave(kind, url)
        except (OSError, ConnectionClosed, TimeoutError) as error:
            end = f"{type(error).__name__} {str(error)[:80]}"
        ends[end] = ends.get(end, 0) + 1
        await asyncio.sleep(random.uniform(0.2, 2))
    print(json.dumps({"bad": kind, "ends": ends}), flush=True)


def misbehave_all(url: str, until: float) -> None:
    """In a process of its own: all kinds of bad clients, over and over."""

    async def run() -> None:
        await asyncio.gather(*(_again(kind, url, until) for kind in BAD))

    os.nice(5)  # what they take of the processor is not the server's doing
    asyncio.run(run())


def started(options: list[str]) -> tuple[subprocess.Popen, str]:
    """A server on this machine, and its address."""
    command = [sys.executable, "-m", "talkinghead", "serve", "--port", "0", "--clients", "200", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().split("/docs")[0]


def ended(process: subprocess.Popen) -> dict[str, float]:
    """What a server took, once it was asked to end."""
    start = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "status": process.returncode,
        "seconds_to_end": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def parts(home: str) -> dict[str, float]:
    """Processor seconds of the server so far, by part; "all" are those of the process."""
    found: dict[str, float] = {"network": 0.0, "layers": 0.0, "loop": 0.0, "all": 0.0}
    with urlopen(f"{home}/metrics", timeout=60) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("talkinghead_cpu_seconds_total{"):
                found[line.split('"')[1]] = float(line.split()[-1])
    return found


async def load(url: str, options: argparse.Namespace) -> list[Stream]:
    with wave.open(str(asset("audio/hello.wav"))) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    streams = [Stream(url, sound, options.fps, options.minutes * 60) for _ in range(options.streams)]
    await asyncio.gather(*(stream.run() for stream in streams))
    return streams


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--bad", action="store_true", help="beside clients that behave badly")
    parser.add_argument("--url", help="of a server that runs, such as http://localhost:8760")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="after --: further options of serve")
    options = parser.parse_args()
    process, home = (None, options.url) if options.url else started([item for item in options.options if item != "--"])
    url = home.replace("http", "ws", 1) + "/stream"
    bad = Process(target=misbehave_all, args=(url, time.time() + options.minutes * 60)) if options.bad else None
    if bad is not None:
        bad.start()
    begun, start, before = os.times(), time.perf_counter(), parts(home)
    streams = asyncio.run(load(url, options))
    used, passed, after = os.times(), time.perf_counter() - start, parts(home)
    if bad is not None:
        bad.join()
    delays = np.concatenate([stream.delays for stream in streams] or [np.zeros(0)]) * 1000
    places = {"p1": 1, "p50": 50, "p95": 95, "p99": 99, "p999": 99.9, "max": 100} if len(delays) else {}
    line = {
        "streams": options.streams,
        "minutes": options.minutes,
        "frames": len(delays),
        "late": round(max(stream.late for stream in streams), 5),
        "late_of_all": round(float(np.mean(delays > 1000 / options.fps)), 5) if len(delays) else 1.0,
        "lost": sum(stream.lost for stream in streams),
        "broken": Counter(stream.closed for stream in streams if stream.closed),
        "delay_ms": {name: round(float(np.percentile(delays, place)), 1) for name, place in places.items()},
        "cores": round((after["all"] - before["all"]) / passed, 3),
        "cpu": {part: round((after[part] - before[part]) / passed / options.streams, 5) for part in after},
        "client_cpu_seconds": round(used.user + used.system - begun.user - begun.system, 1),
        "load": os.getloadavg()[0],
    }
    with urlopen(f"{home}/health", timeout=10) as answer:
        line["health"] = json.load(answer)
    print(json.dumps(line | ({"server": ended(process)} if process else {})), flush=True)


if __name__ == "__main__":
    main()
