"""Several samples of a clip against cases worked out by hand."""

import numpy as np
import pytest
from millimetres import LIPS, STILL, points

from talkinghead import metrics


def test_samples():
    g = STILL[:, :2]
    far, near = points([[4, 0, 0], [0, 0, 0]], [[4, 0, 0], [0, 0, 0]]), points([[-2, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]])
    samples = np.stack([far, near])
    total, frames = metrics.coverage_error(samples, g, LIPS)
    assert total / frames == pytest.approx(2e-6)  # of the near one: 4 and 0 mm^2
    assert metrics.mean_estimate_error(samples, g, LIPS) == pytest.approx((1 + 4) / 2 * 1e-6)
    assert metrics.diversity(samples) == pytest.approx((6 + 0 + 4 + 0) / 4)
    assert sorted(metrics.pairs_of(10, 0).ravel()) == list(range(10)) and metrics.pairs_of(5, 0).shape == (2, 2)
    assert (metrics.pairs_of(10, 0) == metrics.pairs_of(10, 0)).all()
