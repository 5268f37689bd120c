"""How the shapes of a head move its landmarks: linear maps, and the gap between the lips. K coefficients, V vertices.

Every measure of the gap between the inner lips starts here: `lip_gap` of a head's shapes, `lip_distance` of a mesh.
`losses.geometry.gap` gives `landmark_vector` as tensors; `Animation.lip_aperture` is the gap over time.
"""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head, per_head
from talkinghead.head.landmarks import INNER_LIPS

MILLIMETRES = 1000.0
EYE_DISTANCE = 0.058  # metres between the eyes of the face to whose size `emotion_map` scales motion
LIP_LANDMARKS = (*INNER_LIPS, "lip_corner_left", "lip_corner_right")
EMOTION_LANDMARKS = (
    *("brow_left_inner", "brow_left_middle", "brow_left_outer", "brow_right_inner", "brow_right_middle", "brow_right_outer"),
    *("eye_left_upper", "eye_left_lower", "eye_left_outer", "eye_right_upper", "eye_right_lower", "eye_right_outer"),
    *("nose_tip", "lip_upper_outer", "lip_upper_inner", "lip_lower_inner", "lip_lower_outer", "lip_corner_left"),
    *("lip_corner_right", "chin"),
)


@per_head
def landmark_shapes(head: Head, name: str) -> np.ndarray:
    """(K, 3) metres by which each shape moves a landmark."""
    return head.landmark(name, head.basis)


def landmark_vector(head: Head, first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    """(K, 3) and (3,) metres: how each shape changes the vector from landmark `second` to `first`, and the vector at rest."""
    return landmark_shapes(head, first) - landmark_shapes(head, second), head.landmark(first) - head.landmark(second)


def has_lip_gap(head: Head) -> bool:
    """Whether the head has the landmarks of both inner lips."""
    return set(INNER_LIPS) <= head.landmarks.keys()


@per_head
def lip_gap(head: Head) -> tuple[np.ndarray, float]:
    """(K,) metres by which each shape parts the inner lips vertically, and the height of their gap at rest."""
    moved, rest = landmark_vector(head, *INNER_LIPS)
    return moved[:, 1], float(rest[1])


def lip_distance(head: Head, vertices: np.ndarray) -> float:
    """Metres between the inner lips of (V, 3) `vertices`; 0 for a head without these landmarks."""
    if not has_lip_gap(head):
        return 0.0
    upper, lower = (head.landmark(name, vertices) for name in INNER_LIPS)
    return float(np.linalg.norm(upper - lower))


def lip_map(head: Head) -> np.ndarray | None:
    """(K, 12) float32 mm by which each shape moves LIP_LANDMARKS; None for a head that lacks one of them."""
    if not head.landmarks.keys() >= set(LIP_LANDMARKS):
        return None
    moved = [landmark_shapes(head, name) for name in LIP_LANDMARKS]
    return np.concatenate(moved, 1).astype(np.float32) * 1000


def emotion_map(head: Head) -> np.ndarray | None:
    """(K, F) float32 mm by which each shape moves EMOTION_LANDMARKS, on a face whose eyes are EYE_DISTANCE apart.

    None for a head that lacks one of the landmarks or the eyes' joints.
    """
    if not head.landmarks.keys() >= set(EMOTION_LANDMARKS) or not {"left_eye", "right_eye"} <= head.joints.keys():
        return None
    size = float(np.linalg.norm(head.joints["left_eye"] - head.joints["right_eye"]))
    moved = np.concatenate([landmark_shapes(head, name) for name in EMOTION_LANDMARKS], 1)
    return (moved * 1000 * EYE_DISTANCE / size).astype(np.float32)
