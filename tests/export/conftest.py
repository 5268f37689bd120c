"""Motions to export: everything moves, on the default head and on the one made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from heads import tiny_head

from talkinghead import Animation
from talkinghead.head.head import Head


def spoken(head: Head, frames: int = 12, fps: float = 25.0, **fields) -> Animation:
    """All shapes, pose and gaze in smooth motion."""
    rng = np.random.default_rng(5)
    times = np.arange(frames)[:, None] / fps

    def waves(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.sin(2 * np.pi * (times * rng.uniform(0.5, 3, count) + rng.uniform(size=count))).reshape(frames, *shape)

    return Animation(
        0.5 + 0.4 * waves(len(head.names)),
        fps,
        head,
        rotation=0.2 * waves(3),
        translation=0.02 * waves(3),
        gaze=0.1 * waves(2, 2),
        meta={"model": "by hand", "seed": 5},
        **fields,
    )


@pytest.fixture(scope="session")
def default_motion() -> Animation:
    return spoken(Head.default())


@pytest.fixture(scope="session")
def tiny_motion() -> Animation:
    return spoken(tiny_head())
