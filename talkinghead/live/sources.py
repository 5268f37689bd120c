"""Where sound comes from: blocks of samples as they arrive. A file plays as a device would, in real time."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from talkinghead.audio.decode import RATES
from talkinghead.audio.load import mono_blocks
from talkinghead.audio.mix import Mix
from talkinghead.errors import InputError
from talkinghead.live.clock import DRIFT, Clock
from talkinghead.live.wav import Layout, read_layout

BLOCK = 0.01  # seconds of a block
CHUNK = 1 << 14  # bytes that are read from a pipe at a time
STALE = 0.05  # seconds
REAL_TIME = 0.5  # seconds in which a second of sound comes at least from a recorder; programs that read a file need less
WAITING = 64  # chunks of a pipe that wait to be heard; whoever writes faster is held up


class Block(NamedTuple):
    """(n,) float32 samples, and when they had arrived, in seconds of the clock."""

    samples: np.ndarray
    arrived: float


class Source(Protocol):
    """Sound at `rate` Hz. about: what it is, for a person."""

    about: str

    @property
    def rate(self) -> float: ...
    @property
    def ended(self) -> bool: ...
    @property
    def lost(self) -> float:
        """Seconds of sound that nobody took in time."""
        ...

    def start(self, clock: Clock) -> None:
        """The sound begins now."""
        ...

    def next(self, timeout: float) -> Block | None:
        """The next block; None if none arrives within `timeout` seconds, or the sound has ended."""
        ...

    def close(self) -> None: ...


class Paced:
    """Blocks that are there before their time, handed out as a device would: each when its last sample has been heard.

    Sound that comes later than that holds up all that follows. faster: by how much more than in real time at most, for sound
    that comes by a clock of its own. paced: False for as fast as possible.
    """

    lost = 0.0

    def __init__(self, rate: float, about: str, *, paced: bool = True, faster: float = 0.0) -> None:
        self.rate, self.about = rate, about
        self._speed = rate * (1 + faster) if paced else float("inf")  # samples a second
        self._size = max(1, round(BLOCK * rate))
        self._clock, self._begun, self._done = Clock(), 0.0, 0
        self._came = 0.0  # when the latest of what is held came
        self._held, self._exhausted = np.zeros(0, np.float32), False

    @property
    def ended(self) -> bool:
        return self._exhausted and not len(self._held)

    def start(self, clock: Clock) -> None:
        self._clock, self._begun = clock, clock.now()

    def next(self, timeout: float) -> Block | None:
        until = self._clock.now() + timeout
        while len(self._held) < self._size and not self._exhausted:
            more = self._more(max(0.0, until - self._clock.now()))
            if more is None:
                return None
            self._held = np.concatenate([self._held, more])
        count = min(self._size, len(self._held))
        due = self._begun + (self._done + count) / self._speed
        if self._came > due:
            self._begun, due = self._begun + self._came - due, self._came
        if (wait := min(due, until) - self._clock.now()) > 0:
            self._clock.sleep(wait)
        if not count or due > until:
            return None
        samples, self._held = self._held[:count], self._held[count:]
        self._done += count
        return Block(samples, due)

    def _more(self, timeout: float) -> np.ndarray | None:
        """(n,) more samples, waited for at most `timeout` seconds; none and `_exhausted` set at the end."""
        raise NotImplementedError

    def close(self) -> None: ...


class File(Paced):
    """A sound file or the sound of a film, decoded as it is heard. Raises InputError for what cannot be read."""

    def __init__(self, path: Path, *, track: int | None = None, paced: bool = True) -> None:
        self._blocks: Iterator = mono_blocks(path, track)
        super().__init__(next(self._blocks), path.name, paced=paced)

    def _more(self, timeout: float) -> np.ndarray:
        block = next(self._blocks, None)
        self._exhausted = block is None
        return np.zeros(0, np.float32) if block is None else block


class Pipe(Paced):
    """Sound on a file descriptor, such as the standard input: a WAV, or samples without a header.

    layout: of samples without a header. Sound that comes faster than it is heard waits in the pipe; where it comes later, the
    face is as late. What a recorder sent in real time before the start is left out, but for STALE seconds: the face would be
    as late for ever. Raises InputError.
    """

    def __init__(self, descriptor: int, layout: Layout, *, paced: bool = True) -> None:
        self._descriptor = descriptor
        layout, first = read_layout(self._read, layout)
        if not RATES[0] <= layout.rate <= RATES[1]:
            raise InputError(f"standard input: {layout.rate} Hz is no sampling rate of speech; --rate says another one")
        super().__init__(layout.rate, f"standard input, {layout}", paced=paced, faster=DRIFT)
        self._layout, self._mix = layout, Mix()
        self._rest, self._left = first, layout.length
        self._chunks: queue.Queue[tuple[bytes | None, float]] = queue.Queue(WAITING)  # and when it came
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, clock: Clock) -> None:
        super().start(clock)
        early = []
        while not self._chunks.empty():
            early.append(self._chunks.get())
        times = [came for chunk, came in early if chunk]
        self._rest += b"".join(chunk or b"" for chunk, _ in early)
        if early and early[-1][0] is None:
            self._chunks.put(early[-1])
        elif times and self._speed < float("inf"):
            self._leave_out(times[-1] - times[0])

    def _leave_out(self, span: float) -> None:
        """Of sound that came within `span` seconds before the start, what is stale, if it came no faster than it is heard."""
        frame = self._layout.frame
        cut = len(self._rest) // frame - round(STALE * self.rate)
        if cut > 0 and span > REAL_TIME * len(self._rest) / frame / self.rate:
            self._rest, self.lost = self._rest[cut * frame :], cut / self.rate

    def _read(self, count: int) -> bytes:
        return os.read(self._descriptor, count)

    def _listen(self) -> None:
        """Read until the end; a thread, as pipes on Windows cannot be waited for."""
        try:
            while (self._left is None or self._left > 0) and (chunk := self._read(CHUNK)):
                self._chunks.put((chunk[: self._left], self._clock.now()))
                self._left = None if self._left is None else self._left - len(chunk)
        except OSError:  # closed from the other side
            pass
        self._chunks.put((None, 0.0))

    def _more(self, timeout: float) -> np.ndarray | None:
        chunk, came = b"", self._came
        if len(self._rest) < self._layout.frame:  # else it came before the start
            try:
                chunk, came = self._chunks.get(timeout=timeout) if timeout else self._chunks.get_nowait()
            except queue.Empty:
                return None
        self._exhausted, self._came = chunk is None, max(came, self._came)
        samples, self._rest = self._layout.samples(self._rest + (chunk or b""))
        return self._mix(samples)
