import numpy as np
import pytest
from scipy.optimize import lsq_linear

from talkinghead.head.blendshapes import ARKIT, PAIRS, solve_box
from talkinghead.head.head import Head


def test_names_are_those_of_the_default_head():
    assert len(ARKIT) == 52 and set(ARKIT) == set(Head.default().names)
    assert len(PAIRS) == 18 and all(left in ARKIT and right in ARKIT for left, right in PAIRS)


def problem(frames=5, shapes=8, rows=30, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((rows, shapes)) * np.geomspace(0.1, 10, shapes)  # badly scaled, as real shapes are
    return matrix, rng.uniform(-0.5, 1.5, (frames, shapes)) @ matrix.T + rng.standard_normal((frames, rows)) * 0.1


def solve(matrix, seen, **options):
    normal = matrix.T @ matrix
    return solve_box(lambda w: w @ normal, seen @ matrix, np.diag(normal), iterations=5000, tolerance=1e-9, **options)


def test_agrees_with_scipy_frame_by_frame():
    matrix, seen = problem()
    expected = np.array([lsq_linear(matrix, row, (0, 1), tol=1e-12).x for row in seen])
    found = solve(matrix, seen)
    assert (expected == 0).any() or np.isclose(expected, 1).any()  # the box matters
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_smoothness_agrees_with_one_large_problem():
    matrix, seen = problem(frames=4, shapes=3)
    smooth = 5.0
    difference = np.kron(np.diff(np.eye(4), axis=0), np.eye(3)) * np.sqrt(smooth)
    large = np.concatenate([np.kron(np.eye(4), matrix), difference])
    expected = lsq_linear(large, np.concatenate([seen.ravel(), np.zeros(9)]), (0, 1), tol=1e-12).x.reshape(4, 3)
    np.testing.assert_allclose(solve(matrix, seen, smooth=smooth), expected, atol=1e-5)


def test_ordered_shapes_stay_in_order():
    matrix, seen = np.eye(2), np.array([[0.8, 0.2], [0.1, 0.9], [2.0, 1.4]])
    np.testing.assert_allclose(solve(matrix, seen, ordered=((0, 1),)), [[0.5, 0.5], [0.1, 0.9], [1, 1]], atol=1e-6)


@pytest.mark.parametrize("frames", [1, 7])
def test_same_input_gives_the_same_bytes(frames):
    matrix, seen = problem(frames)
    assert solve(matrix, seen, smooth=0.1).tobytes() == solve(matrix, seen, smooth=0.1).tobytes()
