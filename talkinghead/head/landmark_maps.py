"""How the shapes of a head move its landmarks: linear maps for losses and perceptual networks. K coefficients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from talkinghead.head.head import Head

MILLIMETRES = 1000.0


def gap(head: Head, first: str, second: str) -> tuple[Tensor, Tensor]:
    """(K, 3) and (3,) in mm: the vector from landmark `second` to `first`, how it moves with the coefficients and at rest."""
    rest = head.landmark(first) - head.landmark(second)
    moved = landmark_shapes(head, first) - landmark_shapes(head, second)
    return torch.from_numpy(moved * MILLIMETRES), torch.from_numpy(rest * MILLIMETRES)


def landmark_shapes(head: Head, name: str) -> np.ndarray:
    """(K, 3) metres: where each shape moves a landmark."""
    triangle, u, v = head.landmarks[name]
    corners = head.faces[int(triangle)]
    return np.einsum("kcx,c->kx", head.basis[:, corners], np.array([1 - u - v, u, v], np.float32))


EYES = 0.058  # metres between the eyes of the face in whose mm motion is told: small faces move less
PLACES = (
    *("brow_left_inner", "brow_left_middle", "brow_left_outer", "brow_right_inner", "brow_right_middle", "brow_right_outer"),
    *("eye_left_upper", "eye_left_lower", "eye_left_outer", "eye_right_upper", "eye_right_lower", "eye_right_outer"),
    *("nose_tip", "lip_upper_outer", "lip_upper_inner", "lip_lower_inner", "lip_lower_outer", "lip_corner_left"),
    *("lip_corner_right", "chin"),
)


def emotion_map(head: Head) -> Tensor | None:
    """(K, F): where the coefficients of a head move the landmarks `PLACES`, in mm of a usual face; None if it lacks one."""
    if not all(name in head.landmarks for name in PLACES) or not {"left_eye", "right_eye"} <= head.joints.keys():
        return None
    size = float(np.linalg.norm(head.joints["left_eye"] - head.joints["right_eye"]))
    moved = np.concatenate([head.landmark(name, head.basis) for name in PLACES], 1)
    return torch.from_numpy((moved * 1000 * EYES / size).astype(np.float32))


LANDMARKS = ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right")


def lip_map(head: Head) -> Tensor | None:
    """(K, 12): where the coefficients of a head move the four landmarks, in mm; None if it does not name them."""
    if not all(name in head.landmarks for name in LANDMARKS):
        return None
    shapes = [head.landmark(name, head.basis) for name in LANDMARKS]
    return torch.from_numpy(np.concatenate(shapes, 1).astype(np.float32) * 1000)
