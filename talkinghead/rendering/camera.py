"""Cameras, framed from the head's own size: a head in other units or of another shape fills the picture alike."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from talkinghead.errors import InputError, choose_name
from talkinghead.head.head import Head

VIEW = 15.0  # degrees, vertical angle of view: a long lens, which keeps noses small
SHOULDERS = 0.05  # of the height of head and hair: what is seen of clothes below the neck
AIMS = ("head", "face", "eyes", "mouth")


@dataclass(frozen=True)
class View:
    """Where a camera stands and what it looks at.

    yaw, pitch: degrees to the head's left, and up. fov: vertical angle of view in degrees. distance: times that at which the
    whole head, or what `aim` names, fills the picture. aim: one of AIMS.
    """

    yaw: float = 0.0
    pitch: float = 3.0
    fov: float = VIEW
    distance: float = 1.0
    aim: str = "head"


CAMERAS = {
    "front": View(),
    "three-quarter": View(35.0, 5.0),
    "side": View(90.0),
    "three-quarter-right": View(-35.0, 5.0),
    "profile": View(-90.0),
    "close-up": View(aim="face"),
    "eyes": View(0.0, 2.0, aim="eyes"),
    "mouth": View(0.0, 0.0, aim="mouth"),
    "mouth-side": View(60.0, 0.0, aim="mouth"),
    "high": View(0.0, 30.0),
    "low": View(0.0, -25.0),
    "wide": View(0.0, 3.0, fov=45.0),
}
BOUNDS = {"yaw": (-360.0, 360.0), "pitch": (-89.0, 89.0), "fov": (1.0, 120.0), "distance": (0.05, 20.0)}


def parse_view(camera: str | View) -> View:
    """A name of CAMERAS, or KEY=VALUE, separated by commas, of yaw, pitch, fov, distance and aim, or a name and these.

    Raises InputError for anything else.
    """
    if isinstance(camera, View):
        return camera
    first, *more = [word.strip() for word in str(camera).split(",")]
    view, given = View(), [first, *more]
    if "=" not in first:
        view, given = CAMERAS[choose_name("camera", first, CAMERAS)], more
    changes: dict[str, Any] = {}
    for item in given:
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not value:
            raise InputError(f"camera {camera!r}: write a name and key=value, for example front,yaw=20,distance=0.8")
        choose_name("setting of a camera", key, [field.name for field in fields(View)])
        changes[key] = choose_name("aim of a camera", value, AIMS) if key == "aim" else _number(key, value)
    return replace(view, **changes)


def _number(key: str, text: str) -> float:
    low, high = BOUNDS[key]
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InputError(f"camera: {key} is {text!r}: choose a number from {low:g} to {high:g}")
    return value


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


def bounds(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """(3,) least and greatest place of what a picture shows: the head, its hair, and a little of its clothes."""
    points = np.concatenate([head.template, *(item.vertices for item in head.garments if not item.still)])
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
    if any(item.still for item in head.garments):
        low[1] -= SHOULDERS * (high[1] - low[1])
    return low, high


def place_camera(head: Head, camera: str | View, width: int, height: int) -> Camera:
    """The camera before `head`; see `parse_view`. Raises InputError."""
    view = parse_view(camera)
    yaw, pitch, fov = np.radians([view.yaw, view.pitch, view.fov])
    low, high = bounds(head)
    tall = high[1] - low[1]
    if view.aim == "head":
        centre = np.array([(low[0] + high[0]) / 2, high[1] - 0.5 * tall, (low[2] + high[2]) / 2])
        across = abs(np.cos(yaw)) * (high[0] - low[0]) + abs(np.sin(yaw)) * (high[2] - low[2])
        half = max(0.54 * tall, 0.62 * across * height / width)  # room to nod and to open the jaw
    else:
        centre, up, aside = _target(head, view.aim)
        half = max(up, aside * height / width)
    away = view.distance * half / np.tan(fov / 2)
    eye = centre + away * np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    reach = float(np.linalg.norm(high - low))
    near, far = max(away - 2 * reach, 0.05 * away), away + 2 * reach
    return Camera(eye, _look(eye, centre), _perspective(width / height, near, far, fov))


def _target(head: Head, aim: str) -> tuple[np.ndarray, float, float]:
    """(3,) middle of what a camera looks at, and how far it reaches up and to the side of it, in metres.

    Measured by the distance between the eyes. Raises InputError for a head that has no eyes, or no lips to aim at.
    """
    marks, joints = head.landmarks, head.joints
    if not {"left_eye", "right_eye"} <= joints.keys():
        raise InputError(f"head {head.name}: where its eyes are is not known; leave aim={aim} out of the camera")
    eyes = np.stack([joints["left_eye"], joints["right_eye"]]).astype(np.float64)
    middle, unit = eyes.mean(0), float(np.linalg.norm(eyes[0] - eyes[1]))
    if aim == "eyes":
        return middle, 0.75 * unit, 1.15 * unit
    if not {"lip_corner_left", "lip_corner_right"} <= marks.keys():
        raise InputError(f"head {head.name}: where its lips are is not known; leave aim={aim} out of the camera")
    mouth = head.landmark(["lip_corner_left", "lip_corner_right"]).mean(0).astype(np.float64)
    if aim == "mouth":
        return mouth - [0.0, 0.08 * unit, 0.0], 0.75 * unit, 0.75 * unit
    return middle + 0.55 * (mouth - middle), 1.65 * unit, 1.45 * unit


def _look(eye: np.ndarray, centre: np.ndarray) -> np.ndarray:
    forward = (centre - eye) / np.linalg.norm(centre - eye)
    right = np.cross(forward, [0, 1, 0])
    right /= np.linalg.norm(right)
    view = np.eye(4)
    view[:3, :3] = right, np.cross(right, forward), -forward
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def _perspective(aspect: float, near: float, far: float, fov: float) -> np.ndarray:
    zoom = 1 / np.tan(fov / 2)
    depth = (far + near) / (near - far), 2 * far * near / (near - far)
    return np.array([[zoom / aspect, 0, 0, 0], [0, zoom, 0, 0], [0, 0, *depth], [0, 0, -1, 0]])
