"""What the decoder sees of whose face it is: landmarks of the template."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.config import BLENDSHAPES, ModelConfig

ADULT_EYES = 0.062  # metres between an adult's pupils, about


def template_code(head: Head | None, config: ModelConfig, annotation: str = "arkit") -> np.ndarray:
    """(L + 1, 3) float32: template landmarks seen from between the eyes, in eye distances; then the size of the head itself.

    Works on any topology that names the landmarks. The last row is the eye distance in units of 62 mm, an adult's.
    Annotations other than blendshapes come on meshes whose landmarks nobody named, or on none: zeros, nobody's face.
    """
    if head is None or annotation not in BLENDSHAPES:
        return np.zeros((len(config.landmarks) + 1, 3), np.float32)
    if missing := lacking(head, config):
        raise InputError(f"head {head.name} has no {missing[0]!r}, which this model needs")
    left, right = head.joints["left_eye"], head.joints["right_eye"]
    distance = eye_distance(head)
    if not distance > 0:
        raise InputError(f"head {head.name}: its eyes are in one place")
    points = (head.landmark(config.landmarks) - (left + right) / 2) / distance
    return np.concatenate([points, np.full((1, 3), distance / ADULT_EYES)]).astype(np.float32)


def lacking(head: Head, config: ModelConfig, shapes: Iterable[str] = ()) -> list[str]:
    """What a head has not of `shapes`, and of the joints and landmarks that tell a model of blendshapes whose face it is."""
    missing = [name for name in shapes if name not in head.names]
    missing += [joint for joint in ("left_eye", "right_eye") if joint not in head.joints]
    return missing + [name for name in config.landmarks if name not in head.landmarks]


def eye_distance(head: Head) -> float:
    """Metres between the centres of the eyes."""
    return float(np.linalg.norm(head.joints["left_eye"] - head.joints["right_eye"]))
