"""Many streams of one network, which takes a step for all of them at once."""

from __future__ import annotations

import time
from typing import Any, Protocol

import numpy as np

from talkinghead.streaming.frames import Frame
from talkinghead.streaming.stream import Stream, StreamingNetwork, absorb


class PooledStream(Stream):
    """A stream whose `push`, `skip` and `finish` only queue sound; its frames come out of `StreamPool.step`."""

    def _advance(self) -> list[Frame]:
        return []

    def finish(self) -> list[Frame]:
        """The sound ends here; the rest of the frames comes out of steps of the pool, until `done`."""
        self._checked(np.zeros(0))
        self._finished = True
        return []

    @property
    def done(self) -> bool:
        """Whether all frames of a finished stream have come out."""
        return self._finished and self._clock.made >= self._total

    @property
    def ready(self) -> bool:
        if self._finished and not self.done:
            self._intake.fill()
        return super().ready and not self.done


class Opens(Protocol):
    """What a pool takes: a `Talker` of a streaming model."""

    @property
    def streaming(self) -> StreamingNetwork: ...

    def stream(self, *, of: Any, **settings: Any) -> Any: ...


class StreamPool:
    """Streams of one `Talker` that go through its network together. most: streams of one step; 0 for no limit."""

    def __init__(self, talker: Opens, most: int = 0) -> None:
        self._talker, self._most = talker, most
        self._streams: list[PooledStream] = []
        self.network_seconds = 0.0  # processor time of the network

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, **settings: Any) -> PooledStream:
        """Another stream; the settings are those of `Talker.stream`."""
        return self.add(self._talker.stream(of=PooledStream, **settings))

    def add(self, stream: PooledStream) -> PooledStream:
        """Take a stream that was made elsewhere, as with `Talker.stream(of=PooledStream)`: to make one takes a while."""
        self._streams.append(stream)
        return stream

    def close(self, stream: PooledStream) -> None:
        """Forget a stream, whatever of it is queued."""
        if stream in self._streams:
            self._streams.remove(stream)

    def step(self) -> dict[PooledStream, list[Frame]]:
        """One step of streams that have sound for one: stream -> its frames, maybe none. Empty if no stream has.

        Streams of one `hop` step together; who has waited longest comes first.
        """
        ready = [stream for stream in self._streams if stream.ready]
        ready = [stream for stream in ready if stream.hop == ready[0].hop][: self._most or None]
        if not ready:
            return {}
        work = [stream.prepare() for stream in ready]
        sound, emotion = np.stack([one.sound for one in work]), np.stack([one.emotion for one in work])
        begun = time.thread_time()
        step = self._talker.streaming.step([one.state for one in work], sound, emotion)
        self.network_seconds += time.thread_time() - begun
        phones = self._talker.streaming.config.phones
        frames = dict(zip(ready, absorb(ready, step.posteriors, step.motion, phones), strict=True))
        served = set(map(id, ready))
        self._streams = [s for s in self._streams if id(s) not in served] + [s for s in ready if not s.done]
        return frames
