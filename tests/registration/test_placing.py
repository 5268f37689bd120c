"""Landmarks that need no pictures: vertices of MediaPipe's face."""

from __future__ import annotations

import numpy as np

from talkinghead.registration.placing import place_by_vertices
from talkinghead.registration.template import TRACKED, default


def test_vertices_of_mediapipes_face_are_its_landmarks():
    tracked = default().tracked
    turned = tracked[:TRACKED] @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) * 100 + 7
    found = place_by_vertices(turned, tracked)
    assert found is not None and np.array_equal(found.points[:TRACKED], turned)
    assert np.abs(found.similarity(turned) - tracked[:TRACKED]).max() < 1e-6
    assert place_by_vertices(np.random.default_rng(0).permutation(turned), tracked) is None
    assert place_by_vertices(turned[:-1], tracked) is None
