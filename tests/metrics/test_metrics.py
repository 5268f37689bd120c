"""Every metric against a case worked out by hand, and LVE against an independent implementation."""

import inspect

import numpy as np
import pytest

from talkinghead import metrics
from talkinghead.audio import activity
from talkinghead.evaluate.table import METRICS

MM = 0.001


def faces(*frames) -> np.ndarray:
    """(T, V, 3) metres from millimetres."""
    return np.array(frames, np.float64) * MM


STILL = faces([[0, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 0, 0]])
# frame 0: 3 mm and 5 mm (a 3-4-5 triangle) on the lips; frame 1: 1 mm and 0; vertex 2 is no lip and far off
MOVED = faces([[3, 0, 0], [3, 4, 0], [0, 0, 12]], [[0, 1, 0], [0, 0, 0], [0, 0, 12]])
LIPS = np.array([0, 1])


def test_lip_vertex_errors():
    assert metrics.lve_frames(MOVED, STILL, LIPS) == pytest.approx([25e-6, 1e-6])
    assert metrics.lve(MOVED, STILL, LIPS) == pytest.approx(13e-6)
    assert metrics.lve_mm(MOVED, STILL, LIPS) == pytest.approx(3.0)
    assert metrics.lve_rms_mm(MOVED, STILL, LIPS) == pytest.approx(13**0.5)
    assert metrics.eve(MOVED, STILL, np.array([2])) == pytest.approx(12.0)


def test_lve_agrees_with_torchmetrics():
    torch = pytest.importorskip("torch")
    torchmetrics = pytest.importorskip("torchmetrics.multimodal")
    if not hasattr(torchmetrics, "LipVertexError"):
        pytest.skip("torchmetrics before 1.9")
    rng = np.random.default_rng(0)
    clips = [(rng.normal(size=(t, 30, 3)) * 0.01, rng.normal(size=(t, 30, 3)) * 0.01) for t in (7, 12)]
    lips = np.array([1, 4, 9, 28])
    other = torchmetrics.LipVertexError(lips.tolist())
    for p, g in clips:
        other.update(torch.from_numpy(p), torch.from_numpy(g))
    ours = np.concatenate([metrics.lve_frames(p, g, lips) for p, g in clips]).mean()  # pooled over frames, not over clips
    assert ours == pytest.approx(float(other.compute()), rel=1e-6)


def test_distances_over_all_vertices():
    assert metrics.mve(MOVED, STILL) == pytest.approx((3 + 5 + 12 + 1 + 0 + 12) / 6)
    assert metrics.mhd(MOVED, STILL) == pytest.approx(((9 + 25 + 144 + 1 + 0 + 144) / 6) ** 0.5)


def test_fdd_is_the_spread_of_squared_offsets_and_keeps_its_sign():
    upper = np.array([0, 1])
    g = faces([[2, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]])  # squares 4 and 0: standard deviation 2; the other vertex 0
    p = faces([[0, 0, 0], [0, 4, 0]], [[0, 0, 0], [0, 0, 0]])  # squares 16 and 0: standard deviation 8
    assert metrics.motion_spread(g, upper) == pytest.approx(1e-6)
    assert metrics.fdd(p, g, upper) == pytest.approx((1 - 4) * 1e-6)
    assert metrics.fdd_abs(p, g, upper) == pytest.approx(3e-6)


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


FPS, SHUT = 25.0, 1 * MM


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


def test_velocity_and_jitter_ratios():
    g = faces([[0, 0, 0]], [[1, 0, 0]], [[0, 0, 0]])  # steps 1, 1; second difference 2
    p = faces([[0, 0, 0]], [[2, 0, 0]], [[4, 0, 0]])  # steps 2, 2; second difference 0
    assert np.divide(*metrics.velocity_ratio(p, g)) ** 0.5 == pytest.approx(2)
    assert metrics.velocity_ratio(p, g) == pytest.approx((8e-6, 2e-6))
    assert metrics.jitter_ratio(p, g) == pytest.approx((0, 4e-6))
    assert np.divide(*metrics.jitter_ratio(3 * g, g)) ** 0.5 == pytest.approx(3)


def test_silence_is_found_without_its_edges():
    rate, fps = 16000, 50.0
    wave = 0.5 * np.sin(np.arange(3 * rate) * 0.3)
    wave[rate : 2 * rate] *= 0.001  # 60 dB below, from 1 s to 2 s
    quiet = np.flatnonzero(activity.quiet_frames(wave.astype(np.float32), rate, 150, fps))
    assert 1.08 < (quiet[0] + 0.5) / fps < 1.16 and 1.84 < (quiet[-1] + 0.5) / fps < 1.92
    assert len(quiet) == quiet[-1] - quiet[0] + 1
    wave[:] = 0.5
    assert not activity.quiet_frames(wave, rate, 150, fps).any()


def test_stillness_is_a_speed():
    lips = faces([[0, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0]], [[1, 0, 0], [0, 3, 0]], [[9, 0, 0], [0, 3, 0]])
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


def test_samples():
    g = STILL[:, :2]
    far, near = faces([[4, 0, 0], [0, 0, 0]], [[4, 0, 0], [0, 0, 0]]), faces([[-2, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]])
    samples = np.stack([far, near])
    total, frames = metrics.coverage_error(samples, g, LIPS)
    assert total / frames == pytest.approx(2e-6)  # of the near one: 4 and 0 mm^2
    assert metrics.mean_estimate_error(samples, g, LIPS) == pytest.approx((1 + 4) / 2 * 1e-6)
    assert metrics.diversity(samples) == pytest.approx((6 + 0 + 4 + 0) / 4)
    assert sorted(metrics.pairs_of(10, 0).ravel()) == list(range(10)) and metrics.pairs_of(5, 0).shape == (2, 2)
    assert (metrics.pairs_of(10, 0) == metrics.pairs_of(10, 0)).all()


def test_coefficient_mse():
    assert metrics.coefficient_mse(np.array([[1.0, 0], [0, 0]]), np.array([[0.0, 0], [0, 2]])) == pytest.approx(5 / 4)


@pytest.mark.parametrize("key", METRICS)
def test_every_metric_says_what_it_is(key):
    metric = METRICS[key]
    assert len(metric.definition) > 60 and "Returned are" not in metric.definition
    text = inspect.getdoc(metric.function) or ""
    assert key in ("coefficient_mse", "width_r_lag", "aperture_lag", "bilabial_precision") or "rap" in text  # its traps
    assert metric.better in ("lower", "higher", "zero", "one", "")
