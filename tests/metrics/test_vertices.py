"""Distances against cases worked out by hand, and LVE against an independent implementation."""

import numpy as np
import pytest
from millimetres import LIPS, MOVED, STILL

from talkinghead import metrics


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


def test_coefficient_mse():
    assert metrics.coefficient_mse(np.array([[1.0, 0], [0, 0]]), np.array([[0.0, 0], [0, 2]])) == pytest.approx(5 / 4)
