import numpy as np
import torch

from talkinghead.face.head import Head
from talkinghead.losses import geometry, total


def test_gram_equals_the_error_on_the_vertices():
    head, rng = Head.default(), np.random.default_rng(0)
    weights = rng.random((2, 3, len(head.names)), np.float32)
    a, b = torch.from_numpy(weights), torch.from_numpy(weights[::-1].copy())
    moved = np.einsum("btk,kvx->btvx", weights - weights[::-1], head.basis) * 1000
    mask = head.regions["lips"]
    expected = ((moved**2).sum(-1) * mask).sum(-1).mean() / mask.sum()
    np.testing.assert_allclose(geometry.surface(a, b, geometry.gram(head, mask)).item(), expected, rtol=1e-3)


def test_gap_gram_is_the_change_of_the_lips_distance():
    head = Head.default()
    weights = np.zeros((1, 1, len(head.names)), np.float32)
    weights[..., head.index("jawOpen")] = 0.4
    vertices = head.template + np.einsum("k,kvx->vx", weights[0, 0], head.basis)
    names = ["lip_upper_inner", "lip_lower_inner"]
    change = np.subtract(*head.landmark(names, vertices)) - np.subtract(*head.landmark(names))
    loss = geometry.surface(torch.from_numpy(weights), torch.zeros(1, 1, len(head.names)), geometry.gap_gram(head, *names))
    np.testing.assert_allclose(loss.item(), (change**2).sum() * 1e6, rtol=1e-3)


def test_velocity_ignores_a_constant_difference():
    motion = torch.rand(1, 5, 4)
    assert geometry.velocity(motion + 0.3, motion, torch.eye(4)).item() < 1e-10
    assert geometry.velocity(motion, motion.flip(1), torch.eye(4)).item() > 1e-4


def test_total_is_the_weighted_sum_of_what_is_named():
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(10.0)}
    assert total(terms, {"a": 0.5, "b": 0}).item() == 1.0
