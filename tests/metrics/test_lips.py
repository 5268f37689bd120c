"""Lips over time against cases worked out by hand."""

import numpy as np
import pytest
from millimetres import MM

from talkinghead import metrics

FPS, SHUT = 25.0, 1 * MM


def test_mouth_opening_difference():
    assert metrics.mod(np.array([1, 5, 3]) * MM, np.array([2, 2, 3]) * MM) == pytest.approx(4 / 3)


def test_pearson():
    a = np.array([1.0, 2, 3, 4])
    assert metrics.pearson(a, 3 * a + 1) == pytest.approx(1)
    assert metrics.pearson(a, -a) == pytest.approx(-1)
    assert metrics.pearson(a, np.array([1.0, 3, 2, 4])) == pytest.approx(0.8)
    assert np.isnan(metrics.pearson(a, 0.05 + 1e-8 * a)) and metrics.pearson(a, 0.05 + 1e-4 * a) == pytest.approx(1)
    assert metrics.pearson(np.ones(4), a) == 0 and np.isnan(metrics.pearson(a, np.ones(4)))


def test_a_late_mouth_has_a_lag_above_zero():
    def lips(t):
        return np.sin(7 * t) + np.sin(3.1 * t + 1)

    clock, times = (np.arange(400) + 0.5) / 50, (np.arange(200) + 0.5) / 25
    rows = metrics.lagged(times, lips(times), clock, lips(clock - 0.06))
    assert metrics.aperture_lag(rows) == pytest.approx(60)
    assert metrics.aperture_r_lag(rows) > 0.99 > metrics.aperture_r(times, lips(times), clock, lips(clock - 0.06))
    assert rows[len(rows) // 2] == metrics.width_r(times, lips(times), clock, lips(clock - 0.06))
    assert metrics.width_r_lag(rows) == rows.max()


def curve(*values: float) -> np.ndarray:
    return np.array(values) * MM


def test_closures_are_short_and_inside():
    open_, shut = [5.0] * 5, [0.0]
    values = shut * 2 + open_ + shut * 2 + open_ + shut * 20 + open_ + shut  # ends do not count, nor rest of 0.8 s
    assert metrics.closures(curve(*values), FPS, SHUT) * FPS == pytest.approx(np.array([[7, 9]]))


def test_closure_recall_and_precision():
    def mouth(*shut_at: int) -> np.ndarray:
        values = np.full(60, 5 * MM)
        values[list(shut_at)] = 0
        return values

    truth = mouth(10, 30, 50)
    near = mouth(11, 20, 50)  # one frame (40 ms) late, one that is not there, one missed
    assert metrics.closure_recall(near, truth, FPS, SHUT) == (2, 3)
    assert metrics.closure_precision(near, truth, FPS, SHUT) == (2, 3)
    assert metrics.closure_recall(mouth(13), truth, FPS, SHUT) == (0, 3)  # 120 ms late
    still = np.zeros(60)
    assert metrics.closure_recall(still, truth, FPS, SHUT) == (3, 3)
    assert metrics.closure_precision(still, truth, FPS, SHUT) == (0, 0)


def test_bilabials_by_phonemes():
    phonemes = [(0.0, 0.2, "SIL"), (0.4, 0.48, "B"), (0.6, 0.7, "AA1"), (0.8, 0.9, "m"), (1.2, 1.3, "T")]
    aperture = np.full(40, 5 * MM)
    aperture[[11, 31]] = 0  # at 0.46 s, within B; at 1.26 s, in a T; M is missed
    assert metrics.bilabial_recall(aperture, FPS, SHUT, phonemes) == (1, 2)
    assert metrics.bilabial_precision(aperture, FPS, SHUT, phonemes) == (1, 2)


def test_lips_at_the_teeth():
    phonemes = ((0.0, 0.4, "AA1"), (0.4, 0.6, "f"), (0.6, 1.0, "AA"), (1.0, 1.2, "V"), (5.0, 5.1, "F"))
    height = np.full(40, -0.005)  # at 25 frames a second: 5 mm below the edge
    height[12] = 0.002  # covers it within the f
    height[26] = -0.001  # misses it by 1 mm within the v
    assert metrics.labiodental_miss(height, FPS, phonemes) == pytest.approx((1.0, 2))
    assert metrics.labiodental_miss(height, FPS, ()) == (0, 0)


def test_sync_of_a_curve_over_lags():
    at_lags = np.full(len(metrics.LAGS), 0.2)
    at_lags[12] = 0.7
    assert metrics.sync_likeness(at_lags) == pytest.approx(0.7) and metrics.sync_confidence(at_lags) == pytest.approx(0.5)
    assert metrics.sync_lag(at_lags) == pytest.approx(40)
    assert metrics.sync_confidence(np.full(21, 0.9)) == 0, "a mouth that fits always fits never"
