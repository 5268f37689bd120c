"""Losses on the surface. B batch, T frames, K coefficients, V vertices.

Every head here is linear in its coefficients, so a weighted squared vertex error is a quadratic form of K x K: exact, and
a thousand times cheaper than building V vertices. `gram` makes the matrix, `surface` applies it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from talkinghead.face.head import Head

MILLIMETRES = 1000.0


def gram(head: Head, weight: np.ndarray | None = None) -> Tensor:
    """(K, K) matrix G with d G d' = mean squared displacement in mm^2 of the vertices, weighted by (V,) `weight`."""
    weight = np.ones(len(head.template), np.float32) if weight is None else weight
    basis = (head.basis * MILLIMETRES * np.sqrt(weight / max(weight.sum(), 1e-9))[:, None]).reshape(len(head.names), -1)
    return torch.from_numpy((basis @ basis.T).astype(np.float32))


def gap_gram(head: Head, first: str, second: str) -> Tensor:
    """(K, K) matrix of the squared change in mm^2 of the vector between two landmarks, for example across the lips."""
    def moved(name: str) -> np.ndarray:
        triangle, u, v = head.landmarks[name]
        corners = head.faces[int(triangle)]
        return np.einsum("kcx,c->kx", head.basis[:, corners], np.array([1 - u - v, u, v], np.float32))

    gap = (moved(first) - moved(second)) * MILLIMETRES
    return torch.from_numpy((gap @ gap.T).astype(np.float32))


def surface(predicted: Tensor, target: Tensor, matrix: Tensor) -> Tensor:
    """Mean squared error in mm^2 of (B, T, K) coefficients under a `gram` matrix."""
    difference = predicted - target
    return ((difference @ matrix) * difference).sum(-1).mean()


def velocity(predicted: Tensor, target: Tensor, matrix: Tensor) -> Tensor:
    """`surface` of the change from frame to frame, in mm^2 per frame^2."""
    return surface(predicted.diff(dim=1), target.diff(dim=1), matrix)
