"""From a source through a stream to the senders, each frame at its moment.

A frame is sent a constant time after its sound was heard: the stream's latency and MARGIN. So frames are as far apart as they
should be, although they are known in bursts, as blocks of sound arrive.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from typing import Any

from talkinghead.errors import InputError
from talkinghead.live.clock import Clock, Timeline
from talkinghead.live.control import complain
from talkinghead.live.frames import Frame, Sender, Stream
from talkinghead.live.meter import Meter
from talkinghead.live.sources import BLOCK, Source
from talkinghead.signals import raise_again

MARGIN = BLOCK + 0.015  # seconds: a block of sound has to be whole, and the network takes its time
IDLE = 0.1  # seconds without sound after which signals are looked for


class Session:
    """A stream at work. fps: of its frames. paced: False sends each frame as soon as it is known.

    `senders` get the frames. `changes` takes emotions while it runs, from any thread. `meter` has what was measured; `watch` is
    called with it again and again.
    """

    def __init__(self, stream: Stream, source: Source, fps: float, *, clock: Clock | None = None, paced: bool = True) -> None:
        self._stream, self._source, self._clock, self._paced = stream, source, clock or Clock(), paced
        self._timeline, self._waiting = Timeline(), deque[Any]()
        self.senders: list[Sender] = []
        self.watch: Callable[[Meter], None] | None = None
        self._epoch, self._finished = 0.0, False
        self.changes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.meter = Meter(fps)

    @property
    def delay(self) -> float:
        """Seconds from a sound to its frame."""
        return self._stream.latency + MARGIN

    def run(self) -> None:
        """Until the sound ends. What a sender raises ends it, too."""
        self._epoch = self._clock.epoch()
        self._source.start(self._clock)
        while not (self._finished and not self._waiting):
            raise_again()
            while not self.changes.empty():
                self._feel(self.changes.get())
            due = self._due()
            wait = min(due - self._clock.now(), IDLE) if self._paced else IDLE
            if self._waiting and (wait <= 0 or not self._paced):
                self._send(self._waiting.popleft(), due)
            elif self._finished:
                self._clock.sleep(max(0.0, wait))
            else:
                self._listen(wait)
            if self.watch is not None:
                self.watch(self.meter)

    def _feel(self, emotion: Any) -> None:
        try:
            self._stream.emotion = emotion
        except InputError as error:  # one that this model does not have
            complain(error)

    def _due(self) -> float:
        """The moment of the next frame."""
        return self._timeline.at(self._waiting[0].time) + self.delay if self._waiting else float("inf")

    def _listen(self, wait: float) -> None:
        block = self._source.next(wait)
        if block is not None:
            self.meter.block(block.samples, self._source.rate)
            self.meter.lost = self._source.lost
            if self._paced or not self._timeline.begun:
                self._timeline.heard(self.meter.heard, block.arrived)
            self._waiting.extend(self._stream.push(block.samples))
        elif self._source.ended:
            self._waiting.extend(self._stream.finish())
            self._finished = True

    def _send(self, frame: Frame, due: float) -> None:
        heard = self._timeline.at(frame.time)
        for sender in self.senders:
            if not sender.send(frame, self._epoch + heard):
                self.meter.failed[sender.about] = self.meter.failed.get(sender.about, 0) + 1
        now = self._clock.now()
        self.meter.frame(now - heard if self._paced else None, now - due if self._paced else 0.0)
