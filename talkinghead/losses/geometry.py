"""Losses on the surface of the mesh. B batch, T frames, K coefficients, V vertices.

Every head here is linear in its coefficients, so a weighted squared vertex error is a quadratic form of K x K: exact, and
a thousand times cheaper than computing V vertices. `gram` makes the matrix, `surface` applies it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import MILLIMETRES, landmark_shapes, landmark_vector


def gram(head: Head, weight: np.ndarray | None = None) -> Tensor:
    """(K, K) matrix G with d G d' = mean squared displacement in mm^2 of the vertices, weighted by (V,) `weight`."""
    weight = np.ones(len(head.template), np.float32) if weight is None else weight
    basis = (head.basis * MILLIMETRES * np.sqrt(weight / max(weight.sum(), 1e-9))[:, None]).reshape(len(head.names), -1)
    return torch.from_numpy((basis @ basis.T).astype(np.float32))


def landmark_gram(head: Head, names: list[str]) -> Tensor:
    """(K, K) matrix G with d G d' = mean squared displacement in mm^2 of landmarks of the head."""
    shapes = np.stack([landmark_shapes(head, name) for name in names], 1).reshape(len(head.names), -1) * MILLIMETRES
    return torch.from_numpy((shapes @ shapes.T / len(names)).astype(np.float32))


def gap(head: Head, first: str, second: str) -> tuple[Tensor, Tensor]:
    """`landmark_maps.landmark_vector` as tensors in mm: (K, 3) the change by each shape, and (3,) at rest."""
    moved, rest = landmark_vector(head, first, second)
    return torch.from_numpy(moved * MILLIMETRES), torch.from_numpy(rest * MILLIMETRES)


def surface(predicted: Tensor, target: Tensor, matrix: Tensor) -> Tensor:
    """Mean squared error in mm^2 of (B, T, K) coefficients under a `gram` matrix."""
    difference = predicted - target
    return ((difference @ matrix) * difference).sum(-1).mean()


def masked(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """(B, T, K) `predicted` with coefficients of the target where (B, K) `mask` is 0: those are left out of a loss."""
    return torch.where(mask[:, None] > 0, predicted, target)


def velocity(predicted: Tensor, target: Tensor, matrix: Tensor) -> Tensor:
    """`surface` of the change from frame to frame, in mm^2 per frame^2."""
    return surface(predicted.diff(dim=1), target.diff(dim=1), matrix)


def speed(predicted: Tensor, target: Tensor, lips: tuple[Tensor, Tensor], frames: int = 25) -> Tensor:
    """Squared error in mm^2 per frame^2 of the mean speed of the vertical lip gap in stretches of `frames`, half overlapping.

    A squared error of the motion alone favours the mean of all that could have been said, which is slower than any of it. Here
    only how fast counts, not when. Motion that is no longer than `frames` is one stretch. lips: a `gap`.
    """
    matrix, rest = lips
    size = min(frames, predicted.shape[1] - 1)

    def speeds(motion: Tensor) -> Tensor:
        opening = (motion @ matrix + rest)[..., 1].clamp_min(0)
        return avg_pool1d(opening.diff(dim=1).abs()[:, None], size, max(1, size // 2))

    return (speeds(predicted) - speeds(target)).square().mean()


def silence(predicted: Tensor, quiet: Tensor, matrix: Tensor) -> Tensor:
    """Mean squared change from frame to frame in mm^2 of (B, T, K) coefficients where `quiet` (B, T) in {0, 1} is 1.

    The volume-stability loss of NVIDIA's Audio2Face-3D training framework. matrix: a `gram`.
    """
    change, both = predicted.diff(dim=1), quiet[:, 1:] * quiet[:, :-1]
    return (((change @ matrix) * change).sum(-1) * both).sum() / both.sum().clamp_min(1)


def lip_distance(predicted: Tensor, target: Tensor, lips: tuple[Tensor, Tensor], width: float = 1.0) -> Tensor:
    """Squared error in mm^2 of the vertical lip gap, weighted by exp(-true gap / `width` mm): shut lips count most.

    The exponential weight is the lip-distance loss of NVIDIA's Audio2Face-3D training framework. lips: a `gap`.
    """
    matrix, rest = lips
    opening, truth = ((motion @ matrix + rest)[..., 1] for motion in (predicted, target))
    return ((-truth.clamp_min(0) / width).exp() * (opening - truth).square()).mean()
