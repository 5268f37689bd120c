"""Frames of a stream: rows at 50 a second -> frames at any rate, as soon as the row after each is known. K shapes.

`Onto` puts frames onto another head, one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation


class Frame(NamedTuple):
    """One frame. time: seconds of the sound since the stream began, (n + 0.5) / fps of frame n, as `Animation.times`.

    weights: (K,) float32 in [0, 1] of the head's shapes. rotation: (3,), tongue: (2,), gaze: (2, 2), as `Animation` has them.
    """

    time: float
    weights: np.ndarray
    rotation: np.ndarray
    tongue: np.ndarray
    gaze: np.ndarray


class FrameClock:
    """(n, W) rows that follow each other, of which row i is at (i + 0.5) / row_fps + offset seconds -> frames between them."""

    def __init__(self, fps: float, row_fps: float, offset: float) -> None:
        self._fps, self._row_fps, self._offset = fps, row_fps, offset
        self._held: np.ndarray | None = None  # the last row
        self._count, self.made = 0, 0  # rows that came, frames that were made

    def frames(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(m,) seconds and (m, W) values of the frames that can be made when these rows are known."""
        known = rows if self._held is None else np.concatenate([self._held, rows])
        first = self._count - (self._held is not None)
        self._count += len(rows)
        self._held = rows[-1:]
        times, values = [], []
        while True:
            time = (self.made + 0.5) / self._fps
            place = max(0.0, (time - self._offset) * self._row_fps - 0.5 - first)
            low = int(place)
            share = place - low
            if low + (share > 0) >= len(known):
                return np.array(times), np.array(values, np.float32).reshape(-1, rows.shape[1])
            values.append(known[low] * np.float32(1 - share) + known[low + 1] * np.float32(share) if share else known[low])
            times.append(time)
            self.made += 1


def collect(frames: Sequence[Frame], *, gaze: bool = True, tongue: bool = True) -> dict[str, np.ndarray]:
    """Arrays of an `Animation` of frames that follow each other. gaze, tongue: whether the head has them.

    Raises InputError where there are no frames.
    """
    if not frames:
        raise InputError("animation: no frames yet; push more sound, or finish the stream")
    names = {"coefficients": "weights", "rotation": "rotation"} | ({"gaze": "gaze"} if gaze else {})
    names |= {"tongue": "tongue"} if tongue else {}
    return {name: np.stack([getattr(frame, own) for frame in frames]) for name, own in names.items()}


class Onto:
    """Frames for `source` -> frames for `target`. See `Animation.on`, also for what it raises.

    keeps_gaze: whether gaze stays beside the weights; else it is in them.
    """

    def __init__(self, source: Head, target: Head) -> None:
        self._source, self._target = source, target
        still = Frame(0.0, np.zeros(len(source.names), np.float32), *(np.zeros(n, np.float32) for n in (3, 2, (2, 2))))
        self.keeps_gaze = self._moved(still).gaze is not None  # what is the same for all frames is found now

    def __call__(self, frame: Frame) -> Frame:
        moved = self._moved(frame)
        gaze = np.zeros((2, 2), np.float32) if moved.gaze is None else moved.gaze[0]
        return frame._replace(weights=moved.coefficients[0], gaze=gaze)

    def _moved(self, frame: Frame) -> Animation:
        return Animation(frame.weights[None], 1.0, self._source, gaze=frame.gaze[None]).on(self._target)
