"""What a session measures of itself: levels of the sound, latency of frames, and what came too late or was lost."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

KEPT = 600  # frames whose latencies are remembered
FALL = 20.0  # dB a second by which the shown level falls
QUIETEST = -60.0  # dB of full scale


@dataclass
class Meter:
    """Counts and levels. fps: of the frames. Latency: from the moment a sound arrives to its frame being sent, seconds."""

    fps: float
    heard: float = 0.0  # seconds of sound
    frames: int = 0
    late: int = 0  # frames sent more than half a frame after their moment
    lost: float = 0.0  # seconds of sound that nobody took in time
    failed: dict[str, int] = field(default_factory=dict)  # packets that could not be sent, by sender
    level: float = QUIETEST  # dB of full scale: of the loudest sample, falling slowly
    peak: float = QUIETEST  # dB, of all
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def block(self, samples: np.ndarray, rate: float) -> None:
        seconds = len(samples) / rate
        loudest = float(np.abs(samples).max(initial=0))
        now = 20 * np.log10(loudest) if loudest > 1e-3 else QUIETEST
        self.heard += seconds
        self.level = float(max(now, self.level - FALL * seconds, QUIETEST))
        self.peak = max(self.peak, self.level)

    def frame(self, latency: float | None, behind: float) -> None:
        """A frame was sent, `behind` seconds after its moment."""
        self.frames += 1
        self.late += behind > 0.5 / self.fps
        if latency is not None:
            self.latencies.append(latency)

    def latency(self) -> tuple[float, float, float] | None:
        """Median, 95th percentile and maximum of the latest frames; None before there are any."""
        if not self.latencies:
            return None
        median, high, most = np.percentile(self.latencies, (50, 95, 100)).tolist()
        return median, high, most

    def line(self) -> str:
        """All of it in one line."""
        parts = [f"{self.heard:.1f} s of sound", f"level {self.level:.0f} dB", f"{self.frames} frames"]
        if (found := self.latency()) is not None:
            parts.append("latency {:.0f} ms, {:.0f} at 95 %, {:.0f} at most".format(*(1000 * value for value in found)))
        parts.append(f"{self.late} late")
        parts += [f"{self.lost:.2f} s of sound lost"] if self.lost else []
        return ", ".join(parts + [f"{count} packets lost: {name}" for name, count in self.failed.items() if count])
