import numpy as np
import pytest
import torch
from scipy.special import softmax

from talkinghead.models import autoregressive
from talkinghead.models.sampling import SMOOTH, SmoothGumbel, choose_latent, nucleus


def test_smooth_noise_has_gumbels_marginals_and_is_smooth():
    noise = SmoothGumbel((50,), [0]).take(4000)
    levels = np.linspace(-1.5, 4, 12)
    np.testing.assert_allclose([(noise < x).mean() for x in levels], np.exp(-np.exp(-levels)), atol=0.01)
    frames = round(SMOOTH * 50)

    def alike(step):
        return np.corrcoef(noise[:-step].ravel(), noise[step:].ravel())[0, 1]

    assert alike(1) > 0.95 and abs(alike(8 * frames)) < 0.05
    assert abs(np.corrcoef(noise.T)[np.triu_indices(50, 1)]).mean() < 0.1, "categories are drawn apart"


def test_smooth_noise_does_not_know_how_long_the_clip_is():
    long, pieces = SmoothGumbel((3, 5), [4, 0]).take(300), SmoothGumbel((3, 5), [4, 0])
    np.testing.assert_array_equal(long, np.concatenate([pieces.take(count) for count in (120, 1, 179)]))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_samples_have_the_probabilities_of_the_softmax(temperature):
    logits = np.array([1.5, 0.0, -1.0, 0.5])
    drawn = choose_latent(np.broadcast_to(logits, (400, 40, 6, 4)), temperature, seed=7).mean((0, 1, 2))
    np.testing.assert_allclose(drawn, softmax(logits / temperature), atol=0.015, rtol=0)


def test_the_expected_latent_is_the_mean_of_samples():
    logits = np.array([1.5, 0.0, -1.0, 0.5])
    expected = choose_latent(np.broadcast_to(logits, (1, 3, 6, 4)), 0, seed=7)
    np.testing.assert_allclose(expected, np.broadcast_to(softmax(logits), (1, 3, 6, 4)))
    drawn = choose_latent(np.broadcast_to(logits, (400, 40, 6, 4)), 1.0, seed=7).mean((0, 1, 2))
    np.testing.assert_allclose(expected[0, 0, 0], drawn, atol=0.015, rtol=0)


def test_samples_stay_in_the_nucleus():
    probabilities = np.array([0.5, 0.3, 0.15, 0.05])
    for top_p, kept in [(1.0, 4), (0.96, 4), (0.95, 3), (0.81, 3), (0.79, 2), (0.5, 1), (1e-6, 1)]:
        assert np.isfinite(nucleus(np.log(probabilities), top_p)).sum() == kept, top_p
    drawn = choose_latent(np.broadcast_to(np.log(probabilities), (200, 40, 2, 4)), 1.0, seed=1, top_p=0.79).mean((0, 1, 2))
    np.testing.assert_allclose(drawn, np.array([0.625, 0.375, 0, 0]), atol=0.02, rtol=0)


def test_the_nucleus_of_tensors_is_the_same():
    logits = np.random.default_rng(0).standard_normal((50, 6, 8)).astype(np.float32)
    for top_p in (0.2, 0.9, 1.0):
        same = autoregressive.nucleus(torch.from_numpy(logits), top_p)
        np.testing.assert_array_equal(np.isfinite(same), np.isfinite(nucleus(logits, top_p)))
