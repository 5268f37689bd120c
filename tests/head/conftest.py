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
    corners = points[head.faces]
    low = np.maximum(np.floor(corners[..., :2].min(1)).astype(int), 0)
    high = np.minimum(np.ceil(corners[..., :2].max(1)).astype(int) + 1, size)
    across, along = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = across[:, 0] * along[:, 1] - along[:, 0] * across[:, 1]
    faces = np.flatnonzero((area > 1e-9) & (high > low).all(1))
    wide, tall = (high - low)[faces].T
    f = np.repeat(faces, wide * tall)  # one for each pixel of a face's box
    number = np.arange(len(f)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
    column, row = low[f, 0] + number % np.repeat(wide, wide * tall), low[f, 1] + number // np.repeat(wide, wide * tall)
    x, y = column + 0.5 - corners[f, 0, 0], row + 0.5 - corners[f, 0, 1]
    u = (x * along[f, 1] - along[f, 0] * y) / area[f]
    v = (across[f, 0] * y - x * across[f, 1]) / area[f]
    z = corners[f, 0, 2] + u * across[f, 2] + v * along[f, 2]
    inside = np.flatnonzero((u >= 0) & (v >= 0) & (u + v <= 1))
    order = inside[np.argsort(z[inside], kind="stable")]  # the nearest is written last
    owner = np.full((size, size), -1)
    owner[row[order], column[order]] = f[order]
    return {p.name: int(((owner >= p.faces[0]) & (owner < p.faces[1])).sum()) for p in head.parts}
