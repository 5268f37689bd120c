"""A stand-in for `Talker.stream`: the jaw opens with the loudness of each frame, a tenth of a second after it was heard."""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head
from talkinghead.streaming.frames import Frame


def frame_of(time: float, weights: np.ndarray, rotation=(0.0, 0.0, 0.0)) -> Frame:
    """A frame whose tongue and eyes are at rest."""
    return Frame(time, weights, np.array(rotation, np.float32), np.zeros(2, np.float32), np.zeros((2, 2), np.float32))


def named_frame(head: Head, time: float = 0.0, rotation=(0.0, 0.0, 0.0), **weights: float) -> Frame:
    """The same, with some shapes of a head by name."""
    row = np.zeros(len(head.names), np.float32)
    for name, weight in weights.items():
        row[head.index(name)] = weight
    return frame_of(time, row, rotation)


class LoudnessStream:
    """`frames`: all that were given, in their order."""

    latency = 0.1

    def __init__(self, rate: float = 16000, fps: float = 30.0, head: Head | None = None) -> None:
        self.rate, self.fps, self.head, self.emotion = rate, fps, head or Head.default(), "neutral"
        self.names = self.head.names
        self.frames: list[Frame] = []
        self._wave = np.zeros(0, np.float32)

    def push(self, samples: np.ndarray) -> list[Frame]:
        self._wave = np.concatenate([self._wave, samples])
        return self._known(len(self._wave) / self.rate - self.latency)

    def finish(self) -> list[Frame]:
        return self._known(len(self._wave) / self.rate)

    def _known(self, until: float) -> list[Frame]:
        before = len(self.frames)
        while (time := len(self.frames) / self.fps) < until - 1e-9:
            start = round(time * self.rate)
            weights = np.zeros(len(self.names), np.float32)
            weights[0] = min(1.0, float(np.abs(self._wave[start : start + round(self.rate / self.fps)]).max()))
            weights[-1] = 0.5 if self.emotion != "neutral" else 0.0
            self.frames.append(frame_of(time, weights, (0.0, 0.1 * np.sin(time), 0.0)))
        return self.frames[before:]
