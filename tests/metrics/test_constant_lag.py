"""The constant lag of a source against curves whose lag is known, and against the formula written out with scipy."""

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline
from scipy.stats import pearsonr

from talkinghead import metrics


def lips(t: np.ndarray, seed: int) -> np.ndarray:
    """Syllables at any time t (n,)."""
    rng = np.random.default_rng(seed)
    return np.exp(sum(np.sin(w * t + p) for w, p in zip(rng.uniform(2, 14, 5), rng.uniform(0, 6, 5), strict=True)))


def rows(late: list[float], noise: float = 0.0) -> np.ndarray:
    """(N, L) correlations of clips at 25 a second with predictions at 50, each so many seconds late."""
    times, clock, out = (np.arange(75) + 0.5) / 25, (np.arange(150) + 0.5) / 50, []
    for seed, seconds in enumerate(late):
        shaken = lips(clock - seconds, seed) + noise * np.random.default_rng(seed).normal(size=150)
        out.append(metrics.lagged(times, lips(times, seed), clock, shaken, metrics.SOURCE_LAGS))
    return np.array(out)


@pytest.mark.parametrize("seconds", [-0.12, -0.02, 0.0, 0.06, 0.16])
def test_a_source_that_is_off_is_found_out(seconds):
    table = rows([seconds] * 4, noise=0.3)
    assert metrics.source_lag(table) == pytest.approx(1000 * seconds)
    found = metrics.source_aperture_r(table)
    assert found.shape == (4,) and found.min() > 0.9
    assert found.mean() >= metrics.source_aperture_r_0(table).mean()
    assert (metrics.source_width_r(table, 3) == table[:, 3]).all()


def test_the_lag_is_one_for_all_clips_of_a_source():
    table = rows([0.04, 0.04, 0.04, 0.04, 0.04, -0.1])
    shared = table.mean(0).argmax()
    assert metrics.source_lag(table) == pytest.approx(1000 * metrics.SOURCE_LAGS[shared])
    found = metrics.source_aperture_r(table)
    assert (found == table[:, shared]).all() and found[:5].min() > 0.9
    assert table[5].max() > 0.99 > 0.5 > found[5], "a clip has no lag of its own"


def test_still_lips_have_no_lag_and_unknown_ones_do_not_count():
    known = rows([0.06, 0.06])
    lost = np.full((1, known.shape[1]), np.nan)
    assert metrics.source_lag(np.concatenate([lost, known])) == 60
    assert metrics.source_lag(np.zeros((2, 17))) == 0
    with pytest.raises(ValueError, match="no clip"):
        metrics.constant_lag(lost)


def test_it_is_the_formula_written_out():
    """r(lag) = Pearson of truth(t) and prediction(t + lag), linear between frames, over the frames with a face."""
    rng = np.random.default_rng(5)
    fps, rate, truth = 29.97, 50.0, lips((np.arange(90) + 0.5) / 29.97, 1)
    prediction = lips((np.arange(160) + 0.5) / rate, 1) + rng.normal(size=160)
    seen = rng.uniform(size=90) > 0.1
    times, clock = (np.arange(90) + 0.5) / fps, (np.arange(160) + 0.5) / rate
    found = metrics.lagged(times[seen], truth[seen], clock, prediction, metrics.SOURCE_LAGS)
    line = make_interp_spline(clock, prediction, k=1)
    wanted = [
        pearsonr(line(np.clip(times[seen] + lag, clock[0], clock[-1])), truth[seen])[0] for lag in np.linspace(-0.16, 0.16, 17)
    ]
    assert found == pytest.approx(wanted, abs=1e-9)
