"""Lips that are one surface: a square sheet with a crease."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.registration.mouth import opening
from talkinghead.registration.surface import Surface


@pytest.fixture
def sheet():
    """(points, faces) of a square of 40 mm, its rows not along the line between the lips."""
    n = 21
    across, up = np.meshgrid(np.linspace(-0.02, 0.02, n), np.linspace(-0.0195, 0.0205, n))
    points = np.stack([across.ravel(), up.ravel() + 0.1 * across.ravel(), np.zeros(n * n)], 1)
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + n], 1), np.stack([corner + 1, corner + n + 1, corner + n], 1)]
    )
    return points, faces


LINE = opening.Line(np.array([[-0.012, 0.001, 0], [0, -0.001, 0], [0.012, 0.001, 0]]))


def test_a_cut_parts_the_lips_between_the_corners_only(sheet):
    points, faces = sheet
    found = opening.cut(points, faces, np.ones(len(faces), bool), LINE)
    assert found is not None
    whole = found.extend(points)
    surface = Surface(whole, found.faces)
    assert Surface(points, faces).areas.sum() == pytest.approx(surface.areas.sum(), rel=1e-9)
    assert len(set(surface.pieces[np.unique(found.faces)])) == 1  # still one piece, round the corners
    up, down = (opening.nearest_vertex(surface, np.array([[0, y, 0.0]]), np.ones(len(whole), bool)) for y in (0.004, -0.006))
    assert surface.distance(up)[down[0]] > 0.024  # the way round a corner; the straight one is 10 mm
    rim = np.flatnonzero(surface.rim & (np.abs(whole[:, 1]) < 0.004) & (np.abs(whole[:, 0]) < 0.015))
    assert set(rim) == set(found.upper) | set(found.lower)


def test_both_edges_of_a_cut_lie_on_the_line_and_on_each_other(sheet):
    points, faces = sheet
    found = opening.cut(points, faces, np.ones(len(faces), bool), LINE)
    assert found is not None
    whole = found.extend(points)
    assert np.array_equal(whole[found.upper], whole[found.lower])
    assert (found.upper[[0, -1]] == found.lower[[0, -1]]).all() and (found.upper[1:-1] != found.lower[1:-1]).all()
    assert np.abs(whole[found.upper, 1] - LINE(whole[found.upper, 0])).max() < opening.SNAP * 0.003
    above = np.isin(found.faces, found.upper[1:-1]).any(1)
    below = np.isin(found.faces, found.lower[1:-1]).any(1)
    assert not (above & below).any()


def test_a_sheet_is_not_parted_and_a_cut_one_is(sheet):
    points, faces = sheet
    marks = np.zeros((478, 3))
    marks[0], marks[17] = (0, 0.005, 0), (0, -0.006, 0)
    everything = np.ones(len(points), bool)
    assert not opening.is_parted(Surface(points, faces), everything, marks)
    found = opening.cut(points, faces, np.ones(len(faces), bool), LINE)
    assert found is not None
    whole = found.extend(points)
    assert opening.is_parted(Surface(whole, found.faces), np.ones(len(whole), bool), marks)
