"""Making and measuring pictures of the default head."""

import numpy as np

from talkinghead import Animation
from talkinghead.head.head import Head
from talkinghead.rendering import available_backends
from talkinghead.rendering.camera import place_camera
from talkinghead.rendering.scene.look import background

SIZE = 256
# The CPU renderer first: it is there everywhere, and takes least where there is no graphics processor.
WORKING = sorted((name for name, works, _ in available_backends() if works), key=lambda name: name != "software")


def pose(head: Head, rotation=(0.0, 0.0, 0.0), **weights: float) -> Animation:
    coefficients = np.zeros((1, len(head.names)), np.float32)
    for name, weight in weights.items():
        coefficients[0, head.index(name)] = weight
    return Animation(coefficients, 30.0, head, rotation=np.array([rotation]))


def spot(head: Head, name: str, camera: str = "front") -> tuple[int, int]:
    """(row, column) of a landmark in a picture of the resting head."""
    clip = place_camera(head, camera, SIZE, SIZE).matrix @ [*head.landmark(name), 1]
    x, y = clip[:2] / clip[3]
    return int((1 - y) * SIZE / 2), int((x + 1) * SIZE / 2)


def patch(picture: np.ndarray, row: int, column: int, reach: int = 2) -> np.ndarray:
    """(3,) mean colour around a spot."""
    return picture[row - reach : row + reach + 1, column - reach : column + reach + 1].mean((0, 1))


def silhouette(picture: np.ndarray) -> np.ndarray:
    wall = background(picture.shape[1], picture.shape[0]).astype(int)
    return np.abs(picture.astype(int) - wall).max(-1) > 12
