import numpy as np
import pytest
import torch

from talkinghead.head.head import Head
from talkinghead.losses import geometry, total


def test_gram_equals_the_error_on_the_vertices():
    head, rng = Head.default(), np.random.default_rng(0)
    weights = rng.random((2, 3, len(head.names)), np.float32)
    a, b = torch.from_numpy(weights), torch.from_numpy(weights[::-1].copy())
    moved = np.einsum("btk,kvx->btvx", weights - weights[::-1], head.basis) * 1000
    mask = head.regions["lips"]
    expected = ((moved**2).sum(-1) * mask).sum(-1).mean() / mask.sum()
    np.testing.assert_allclose(geometry.surface(a, b, geometry.gram(head, mask)).item(), expected, rtol=1e-3)


def test_the_gap_is_that_of_the_landmarks():
    head = Head.default()
    weights = np.zeros(len(head.names), np.float32)
    weights[head.index("jawOpen")] = 0.4
    vertices = head.template + np.einsum("k,kvx->vx", weights, head.basis)
    names = ["lip_upper_inner", "lip_lower_inner"]
    moved, rest = geometry.gap(head, *names)
    expected = np.subtract(*head.landmark(names, vertices)) * 1000
    np.testing.assert_allclose((torch.from_numpy(weights) @ moved + rest).numpy(), expected, atol=1e-3)


def test_closure_counts_shut_lips_and_hardly_open_ones():
    lips = torch.tensor([[0.0, 10.0, 0.0]]), torch.zeros(3)
    shut, open_ = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    np.testing.assert_allclose(geometry.lip_distance(shut + 0.2, shut, lips).item(), 4.0, rtol=1e-5)
    np.testing.assert_allclose(geometry.lip_distance(open_ + 0.2, open_, lips).item(), 4.0 * np.exp(-10), rtol=1e-4)


def test_velocity_ignores_a_constant_difference():
    motion = torch.rand(1, 5, 4)
    assert geometry.velocity(motion + 0.3, motion, torch.eye(4)).item() < 1e-10
    assert geometry.velocity(motion, motion.flip(1), torch.eye(4)).item() > 1e-4


def test_speed_counts_how_fast_lips_move_and_not_when():
    lips = torch.tensor([[0.0, 10.0, 0.0]]), torch.zeros(3)
    time = torch.arange(100.0) / 50
    opening = (1 + torch.sin(2 * torch.pi * 4 * time))[None, :, None]
    late = (1 + torch.sin(2 * torch.pi * 4 * (time - 0.05)))[None, :, None]
    exact = geometry.speed(opening, opening, lips).item()
    slow = geometry.speed(1 + 0.5 * (opening - 1), opening, lips).item()
    assert exact == 0
    assert geometry.speed(late, opening, lips).item() < 0.02 * slow
    # Four cycles a second of 20 mm each up and down: 3.2 mm a frame; half as far is 1.6 mm a frame less.
    np.testing.assert_allclose(slow, 1.6**2, rtol=0.05)
    assert geometry.speed(opening[:, :5], 0.5 * opening[:, :5], lips).item() > 0


def test_total_is_the_weighted_sum_of_what_is_named():
    terms = {"a": torch.tensor(2.0), "b": torch.tensor(10.0)}
    assert total(terms, {"a": 0.5, "b": 0}).item() == 1.0


def test_landmarks_count_as_they_move():
    head, rng = Head.default(), np.random.default_rng(0)
    names = ["chin", "nose_tip", "lip_corner_left"]
    weights = rng.random((1, 2, len(head.names)), np.float32)
    vertices = head.template + np.einsum("btk,kvx->btvx", weights, head.basis)
    expected = ((head.landmark(names, vertices) - head.landmark(names)) ** 2).sum(-1).mean() * 1e6
    found = geometry.surface(torch.from_numpy(weights), torch.zeros(1, 2, len(head.names)), geometry.landmark_gram(head, names))
    np.testing.assert_allclose(found.item(), expected, rtol=1e-3)


def test_silence_counts_motion_only_where_nobody_speaks():
    motion = torch.tensor([[[0.0], [1.0], [1.0], [3.0]]])
    quiet = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
    assert geometry.silence(motion, quiet, torch.eye(1)).item() == 0.5  # of two steps in the quiet, one moves by 1
    assert geometry.silence(motion, 1 - quiet, torch.eye(1)).item() == 0
    assert geometry.silence(motion, torch.ones(1, 4), 4 * torch.eye(1)).item() == pytest.approx(4 * (1 + 0 + 4) / 3)
