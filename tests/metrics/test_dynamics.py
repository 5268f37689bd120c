"""Speed, jitter, stillness, beats and the upper face against cases worked out by hand."""

import numpy as np
import pytest
from millimetres import points

from talkinghead import metrics


def test_fdd_is_the_spread_of_squared_offsets_and_keeps_its_sign():
    upper = np.array([0, 1])
    g = points([[2, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]])  # squares 4 and 0: standard deviation 2; the other vertex 0
    p = points([[0, 0, 0], [0, 4, 0]], [[0, 0, 0], [0, 0, 0]])  # squares 16 and 0: standard deviation 8
    assert metrics.motion_spread(g, upper) == pytest.approx(1e-6)
    assert metrics.fdd(p, g, upper) == pytest.approx((1 - 4) * 1e-6)
    assert metrics.fdd_abs(p, g, upper) == pytest.approx(3e-6)


def test_velocity_and_jitter_ratios():
    g = points([[0, 0, 0]], [[1, 0, 0]], [[0, 0, 0]])  # steps 1, 1; second difference 2
    p = points([[0, 0, 0]], [[2, 0, 0]], [[4, 0, 0]])  # steps 2, 2; second difference 0
    assert np.divide(*metrics.velocity_ratio(p, g)) ** 0.5 == pytest.approx(2)
    assert metrics.velocity_ratio(p, g) == pytest.approx((8e-6, 2e-6))
    assert metrics.jitter_ratio(p, g) == pytest.approx((0, 4e-6))
    assert np.divide(*metrics.jitter_ratio(3 * g, g)) ** 0.5 == pytest.approx(3)


def test_stillness_is_a_speed():
    lips = points([[0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 3, 0]], [[9, 0, 0], [0, 3, 0]])
    quiet = np.array([True, True, True, False])
    total, count = metrics.stillness(lips, quiet, fps=10)
    assert count == 2 and total / count == pytest.approx((0.5 + 1.5) / 2 * 10)
    assert metrics.stillness(lips, np.zeros(4, bool), 10) == (0, 0)


def test_beats():
    sound = np.array([1.0, 2.0])
    assert metrics.beat_consistency(np.array([1.0, 2.1]), sound) == pytest.approx((1 + np.exp(-0.5)) / 2)
    assert metrics.beat_consistency(np.zeros(0), sound) == 0
    t = (np.arange(100) + 0.5) / 25
    swing = np.zeros((100, 2, 3))
    swing[:, :, 0] = 0.01 * np.cos(np.pi * t)[:, None]  # turns, and so rests, at every whole second
    assert metrics.motion_beats(swing, 25) == pytest.approx([1, 2, 3], abs=0.03)
    assert len(metrics.motion_beats(np.ones((100, 2, 3)), 25)) == 0
