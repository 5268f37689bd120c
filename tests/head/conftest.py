"""Poses of the default head, and a plain depth buffer that tells what a viewer sees."""

import numpy as np
import pytest

from talkinghead.head.head import Head


@pytest.fixture(scope="session")
def pose():
    """pose(head, jawOpen=0.5, ...) -> (V, 3) vertices."""

    def posed(head: Head, **weights: float) -> np.ndarray:
        return head.template + sum(value * head.basis[head.index(name)] for name, value in weights.items())

    return posed


@pytest.fixture(scope="session")
def seen():
    """The function below, as a fixture."""
    return _seen


def _seen(
    head: Head, vertices: np.ndarray, centre: np.ndarray, width: float, *, pixel: float = 0.0004, yaw: float = 0.0
) -> dict[str, int]:
    """Part name -> pixels of `pixel` metres in which that part is in front, in a square of `width` metres about `centre`.

    yaw: degrees from which to look, towards the head's left. Only faces turned to the viewer count.
    """
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    points = ((vertices - centre) @ turn.T) / pixel
    points[:, :2] += width / pixel / 2
    size = int(round(width / pixel))
    depth, owner = np.full((size, size), -np.inf), np.full((size, size), -1)
    corners = points[head.faces]
    low, high = corners[..., :2].min(1), corners[..., :2].max(1)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    for f in np.flatnonzero((area > 1e-9) & (high > 0).all(1) & (low < size).all(1)):
        x0, y0 = np.maximum(np.floor(low[f]).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(high[f]).astype(int) + 1, size)
        y, x = np.mgrid[y0:y1, x0:x1] + 0.5
        u = ((x - a[f, 0]) * (c[f, 1] - a[f, 1]) - (c[f, 0] - a[f, 0]) * (y - a[f, 1])) / area[f]
        v = ((b[f, 0] - a[f, 0]) * (y - a[f, 1]) - (x - a[f, 0]) * (b[f, 1] - a[f, 1])) / area[f]
        z = (1 - u - v) * a[f, 2] + u * b[f, 2] + v * c[f, 2]
        front = (u >= 0) & (v >= 0) & (u + v <= 1) & (z > depth[y0:y1, x0:x1])
        depth[y0:y1, x0:x1][front] = z[front]
        owner[y0:y1, x0:x1][front] = f
    return {p.name: int(((owner >= p.faces[0]) & (owner < p.faces[1])).sum()) for p in head.parts}
