"""Cameras, framed from the head's own size: a head in other units or of another shape fills the picture alike."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head

CAMERAS = {"front": (0.0, 3.0), "three-quarter": (35.0, 5.0), "side": (90.0, 3.0)}  # degrees to the head's left, up
VIEW = np.radians(15.0)  # vertical angle of view: a long lens, which keeps noses small
SMALLEST, LARGEST = 16, 4096


@dataclass(frozen=True)
class Camera:
    """A perspective camera. eye: (3,) metres. view, projection: (4, 4) as in OpenGL, column vectors, depth -1..1."""

    eye: np.ndarray
    view: np.ndarray
    projection: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4) float32: from the head's space to clip space."""
        return (self.projection @ self.view).astype(np.float32)


def parse_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """A side length or (width, height) -> (width, height), even as H.264 wants it. Raises InputError if out of range."""
    pair = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) for n in pair):
        raise InputError(f"size {size!r}: must be a number of pixels or a pair (width, height)")
    if min(pair) < SMALLEST or max(pair) > LARGEST:
        raise InputError(f"size {pair[0]}x{pair[1]}: each side must be {SMALLEST} to {LARGEST} pixels")
    return int(pair[0]) // 2 * 2, int(pair[1]) // 2 * 2


def place_camera(head: Head, camera: str, width: int, height: int) -> Camera:
    """The camera of that name before `head`. Raises InputError for a name that is not in CAMERAS."""
    if camera not in CAMERAS:
        near = get_close_matches(str(camera), CAMERAS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(CAMERAS)}"
        raise InputError(f"no camera {camera!r}: {hint}")
    yaw, pitch = np.radians(CAMERAS[camera])
    low, high = head.template.min(0).astype(np.float64), head.template.max(0).astype(np.float64)
    tall = high[1] - low[1]
    centre = np.array([(low[0] + high[0]) / 2, high[1] - 0.5 * tall, (low[2] + high[2]) / 2])
    across = abs(np.cos(yaw)) * (high[0] - low[0]) + abs(np.sin(yaw)) * (high[2] - low[2])
    half = max(0.54 * tall, 0.62 * across * height / width)  # room to nod and to open the jaw
    away = half / np.tan(VIEW / 2)
    eye = centre + away * np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    reach = float(np.linalg.norm(high - low))
    return Camera(eye, _look(eye, centre), _perspective(width / height, max(away - 2 * reach, 0.05 * away), away + 2 * reach))


def _look(eye: np.ndarray, centre: np.ndarray) -> np.ndarray:
    forward = (centre - eye) / np.linalg.norm(centre - eye)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    view = np.eye(4)
    view[:3, :3] = right, np.cross(right, forward), -forward
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def _perspective(aspect: float, near: float, far: float) -> np.ndarray:
    zoom = 1 / np.tan(VIEW / 2)
    depth = (far + near) / (near - far), 2 * far * near / (near - far)
    return np.array([[zoom / aspect, 0, 0, 0], [0, zoom, 0, 0], [0, 0, *depth], [0, 0, -1, 0]])
