"""Small faces whose distances can be worked out by hand."""

from __future__ import annotations

import numpy as np

MM = 0.001


def points(*frames) -> np.ndarray:
    """(T, V, 3) metres from millimetres."""
    return np.array(frames, np.float64) * MM


STILL = points([[0, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]])
# frame 0: 3 mm and 5 mm (a 3-4-5 triangle) on the lips; frame 1: 1 mm and 0; vertex 2 is no lip and far off
MOVED = points([[3, 0, 0], [3, 4, 0], [0, 0, 12]], [[0, 1, 0], [0, 0, 0], [0, 0, 12]])
LIPS = np.array([0, 1])
