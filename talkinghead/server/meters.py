"""Numbers that Prometheus reads."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

DELAYS = (0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # seconds


class Meters:
    """Those of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = {"registry": self.registry, "namespace": "talkinghead"}
        self.open = Gauge("streams_open", "Live streams that are open.", **kept)
        self.closed = Counter("streams_closed", "Live streams that were closed, by code.", ["code"], **kept)
        self.sound = Counter("sound_seconds", "Seconds of sound that came in live streams.", **kept)
        self.frames = Counter("frames", "Frames that were sent in live streams.", **kept)
        self.delay = Histogram(
            "frame_delay_seconds", "From the sound that a frame needs to its sending.", buckets=DELAYS, **kept
        )
        self.step = Histogram("step_seconds", "Of one step of all streams that have sound.", buckets=DELAYS, **kept)
        self.cpu = Counter(
            "cpu_seconds",
            "Processor time: of the network, of the layers after it, of the loop that talks to clients, and of all.",
            ["part"],
            **kept,
        )
        self._seen = {"loop": 0.0, "all": 0.0}
        self.slowed = Counter("slowed_seconds", "Seconds for which clients that are ahead of time were not read.", **kept)
        self.recordings = Counter("recordings", "Recordings that were posted, by the status of the answer.", ["status"], **kept)
        self.waiting = Gauge("recordings_waiting", "Recordings that wait for their turn or are worked on.", **kept)

    def text(self) -> bytes:
        """All of them, in the format of Prometheus; asked on the loop's thread."""
        for part, now in (("loop", time.thread_time()), ("all", time.process_time())):
            self.cpu.labels(part).inc(now - self._seen[part])
            self._seen[part] = now
        return generate_latest(self.registry)
