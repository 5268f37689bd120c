"""Lips of two strips of skin: a mesh without a cavity, whose edges meet in the shapes of a bilabial."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.head.visemes import VISEMES
from talkinghead.registration.mouth.closing import Edges, parting
from talkinghead.registration.template import LOWER, UPPER

NAMES = tuple(sorted(set(VISEMES["PP"])))


class Lips:
    """Two rows of vertices each, 60 mm wide; the lower lip has fewer. Shapes are of any direction, other at each vertex."""

    def __init__(self, parted: float) -> None:
        rows, sides = [], []
        for label, count, heights in ((UPPER, 13, (0.0, 0.012)), (LOWER, 8, (0.0, -0.012))):
            x = np.linspace(-0.03, 0.03, count)
            for height in heights:
                bow = parted * np.sin(np.linspace(0, np.pi, count)) / 2 * (1 if label == UPPER else -1)
                rows.append(np.stack([x, height + bow, np.zeros(count)], 1))
                sides.append(np.full(count, label))
        self.points, self.sides = np.concatenate(rows), np.concatenate(sides)
        self.upper, self.lower = np.arange(13), np.r_[0, np.arange(27, 33), 12]  # the corners belong to both
        lower = np.stack([self.points[:, 0] / 0.03 + 3 * (self.sides == LOWER)] * 3, 1)
        phases = np.random.default_rng(0).uniform(0, 6, (len(NAMES), 1, 3))
        self.shapes = 0.003 * np.sin(lower + phases)
        self.edges = Edges(self.points, self.upper, self.lower, self.sides)

    def pose(self) -> np.ndarray:
        return self.points + sum(VISEMES["PP"][name] * shape for name, shape in zip(NAMES, self.shapes, strict=True))


@pytest.mark.parametrize("parted", [0.0, 0.002])
def test_edges_meet_at_rest_and_at_p_b_m(parted):
    lips = Lips(parted)
    before = np.abs(lips.edges.gap(lips.pose())).max()
    away = lips.shapes[:, 13:26].copy()
    lips.edges.shut(lips.points, lips.shapes, NAMES)
    assert np.abs(lips.edges.gap(lips.points)).max() < 0.0005
    assert np.abs(lips.edges.gap(lips.pose())).max() < 0.001 < before
    assert lips.edges.apart == pytest.approx(parted / 0.06, abs=0.002)
    assert np.abs(lips.shapes[:, 13:26] - away).max() < 0.006  # 12 mm from the edge, less than there


def test_a_mouth_that_stands_open_stays_as_it_is_and_is_told():
    lips = Lips(0.012)
    before = lips.points.copy()
    lips.edges.shut(lips.points, lips.shapes, NAMES)
    assert np.array_equal(before, lips.points)
    assert "stay so" in str(parting(lips.edges.apart, 0.06)) and parting(0.001, 0.06) is None
