"""Against scipy.signal."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve
from scipy.signal import find_peaks as scipys

from talkinghead.audio.curves import convolved, find_peaks


@pytest.mark.parametrize("seed", range(40))
def test_peaks_are_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = gaussian_filter1d(rng.standard_normal(int(rng.integers(1, 900))), rng.uniform(0.1, 6))
    height, prominence, distance = rng.uniform(-0.3, 0.3), rng.uniform(0, 0.4), int(rng.integers(1, 25))
    expected, _ = scipys(values, height=height, prominence=prominence, distance=distance)
    np.testing.assert_array_equal(find_peaks(values, height, prominence, distance), expected)


def test_the_middle_of_a_flat_peak():
    values = np.array([0, 1, 1, 1, 1, 0, 2, 2])  # what the end cuts off is none
    np.testing.assert_array_equal(find_peaks(values, 0, 0.5, 1), [2])


@pytest.mark.parametrize(("count", "width"), [(40, 40), (41, 7), (900, 63), (900, 64), (5000, 801)])
def test_convolution_is_that_of_scipy(count, width):
    rng = np.random.default_rng(0)
    values, window = rng.standard_normal(count), rng.uniform(size=width)
    np.testing.assert_allclose(convolved(values, window), fftconvolve(values, window, "valid"), atol=1e-10)
