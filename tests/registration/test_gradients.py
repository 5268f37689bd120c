"""Displacements made smooth on a square sheet."""

from __future__ import annotations

import numpy as np

from talkinghead.registration.gradients import Smoothing
from talkinghead.registration.surface import Surface


def test_noise_goes_where_it_is_asked_for_and_what_is_even_stays():
    n = 20
    across, up = np.meshgrid(np.arange(n) * 0.001, np.arange(n) * 0.001)
    points = np.stack([across.ravel(), up.ravel(), np.zeros(n * n)], 1)
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    first, second = np.stack([corner, corner + 1, corner + n], 1), np.stack([corner + 1, corner + n + 1, corner + n], 1)
    surface, part = Surface(points, np.concatenate([first, second])), points[:, 0] > 0.008
    smooth = Smoothing(surface, part, 0.002)
    noise = np.random.default_rng(0).normal(0, 0.001, points.shape)
    found = smooth(noise + 0.005)
    assert np.array_equal(found[~part], (noise + 0.005)[~part])
    assert (found[part] - 0.005).std() < 0.4 * noise[part].std()
    assert np.abs(smooth(np.full_like(points, 0.005)) - 0.005).max() < 1e-9
