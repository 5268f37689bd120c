"""Sines and cosines that tell a transformer the places of features (Vaswani et al. 2017, Attention Is All You Need)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

PERIOD = 65536  # features, 22 minutes: after so many the positions of a streaming encoder repeat


@lru_cache(maxsize=4)
def rates(width: int, periodic: bool = False) -> np.ndarray:
    """(width / 2,) radians from one feature to the next. periodic: each is rounded so that it repeats after PERIOD features."""
    free = np.exp(-np.log(10000) / (width // 2 - 1) * np.arange(width // 2))
    turn = 2 * np.pi / PERIOD
    return np.round(free / turn) * turn if periodic else free


def positions(first: np.ndarray | int, count: int, width: int) -> np.ndarray:
    """(..., count, width) float32, of the features from number `first` (...) on of a streaming encoder."""
    angles = ((np.asarray(first)[..., None] + np.arange(count)) % PERIOD)[..., None] * rates(width, periodic=True)
    return np.concatenate([np.sin(angles), np.cos(angles)], -1).astype(np.float32)
