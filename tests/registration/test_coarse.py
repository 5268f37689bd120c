"""Displacements solved on a coarse surface and carried to a dense one."""

from __future__ import annotations

import numpy as np

from talkinghead.registration.coarse import Coarse
from talkinghead.registration.surface import Surface


def sheets(count: int) -> tuple[Surface, np.ndarray]:
    """Two sheets a hair apart that share one edge, as lips do; and which vertices are of the upper one."""
    x, y = np.meshgrid(np.linspace(0, 0.05, count), np.linspace(0, 0.05, count))
    low = np.stack([x.ravel(), y.ravel(), 0.002 * np.sin(80 * x.ravel())], 1)
    corner = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).ravel()
    quad = np.concatenate(
        [np.stack([corner, corner + 1, corner + count], 1), np.stack([corner + 1, corner + count + 1, corner + count], 1)]
    )
    shared = np.arange(count * count) < count
    number = np.where(shared, np.arange(count * count), np.arange(count * count) + count * count)
    points = np.concatenate([low, low + np.array([0, 0, 5e-5])])
    upper = np.arange(len(points)) >= count * count + count
    return Surface(points, np.concatenate([quad, number[quad][:, ::-1]])), upper


def test_a_smooth_displacement_arrives_and_lips_that_nearly_touch_stay_apart():
    dense, upper = sheets(40)
    coarse = Coarse(dense, 400)
    assert 200 < len(coarse.surface.points) < 800
    moved = np.zeros((len(dense.points), 3))
    moved[:, 1] = np.where(upper, 1, -1) * dense.points[:, 1] ** 2  # they part towards the far edge
    used = np.unique(dense.faces)
    back = coarse(moved[coarse.nearest])[used]
    assert np.abs(back - moved[used]).max() < 0.1 * np.abs(moved).max()
    assert np.abs(coarse.weights[used].sum(1) - 1).max() < 1e-9
