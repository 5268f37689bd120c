"""What a stream gives, as the senders see it. K shapes of a head, A shapes of ARKit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.motion.animation import eye_shapes
from talkinghead.motion.transfer.retarget import to_arkit


class Frame(Protocol):
    """One frame of `Talker.stream`, see `streaming.frames`: seconds of the sound; (K,) weights; (3,), (2,), (2, 2)."""

    @property
    def time(self) -> float: ...
    @property
    def weights(self) -> np.ndarray: ...
    @property
    def rotation(self) -> np.ndarray: ...
    @property
    def tongue(self) -> np.ndarray: ...
    @property
    def gaze(self) -> np.ndarray: ...


class Stream(Protocol):
    """What `Talker.stream` returns, as far as it is used here."""

    emotion: Any

    @property
    def head(self) -> Head: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def latency(self) -> float: ...
    def push(self, samples: np.ndarray) -> list[Any]: ...
    def finish(self) -> list[Any]: ...


class Sender(Protocol):
    """Where frames go. about: what and where, for a person."""

    about: str

    def send(self, frame: Frame, heard: float) -> bool:
        """Send a frame whose sound was heard at `heard`, seconds of the epoch; False if that failed."""
        ...

    def close(self) -> None: ...


def with_gaze(head: Head) -> Callable[[Frame], np.ndarray]:
    """A function frame -> (K,) weights with the gaze as ARKit's eyeLook shapes, as `Animation.with_gaze_as_shapes` has it."""
    looks = [(head.index(name), *how) for name, how in eye_shapes(head).items()]

    def weights(frame: Frame) -> np.ndarray:
        out = np.array(frame.weights, np.float32)
        for column, eye, axis, reach in looks:
            out[column] = min(1.0, out[column] + max(float(frame.gaze[eye, axis]) / reach, 0.0))
        return out

    return weights


def to_arkit_of(head: Head, what: str) -> Callable[[np.ndarray], np.ndarray]:
    """A function (K,) -> (A,) in the order of ARKIT. Raises InputError for a head that has no such shapes; what: who asks."""
    if set(ARKIT) & set(head.names):
        known = [(row, head.names.index(name)) for row, name in enumerate(ARKIT) if name in head.names]
        rows, columns = (list(part) for part in zip(*known, strict=True))

        def by_name(weights: np.ndarray) -> np.ndarray:
            out = np.zeros(len(ARKIT), np.float32)
            out[rows] = weights[columns]
            return out

        return by_name
    if to_arkit(np.zeros((1, len(head.names)), np.float32), head) is None:
        raise InputError(f"{what}: head {head.name!r} has none of ARKit's shapes; leave out json and websocket, or --head")

    def by_recipe(weights: np.ndarray) -> np.ndarray:
        found = to_arkit(weights[None], head)
        assert found is not None
        return np.clip(found[0], 0, 1)

    return by_recipe
