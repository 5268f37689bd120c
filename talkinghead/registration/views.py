"""Pictures of a mesh from any side, and the tracker's 478 points in them, cast back onto the mesh.

The tracker is that of `prepare video`, so its points lie on this mesh where they lie on the default head (`head_landmarks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from talkinghead.data.tracking import landmarks
from talkinghead.registration.surface import Surface

SIZE = 384  # pixels
CLAY = np.array([205, 160, 140], np.float64)  # sRGB of a mesh without colours: the tracker was trained on skin
LIGHTS = ((-0.4, 0.5, 0.8, 0.70), (0.7, 0.1, 0.6, 0.35))  # direction x, y, z in the picture, and power
GROUND = 0.30
BACKDROP = (150, 160, 172)

Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class View:
    """An orthographic camera. turn: (3, 3), rows are the picture's right, up and towards the viewer in the mesh's axes.

    centre: (3,) of what is seen. reach: half of the height that is seen, in the mesh's unit.
    """

    turn: np.ndarray
    centre: np.ndarray
    reach: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) -> (N, 4) float32: pixels right and down, depth in 0 to 1 that grows away from the viewer, and 1."""
        seen = (points - self.centre) @ self.turn.T / self.reach
        flat = [(seen[:, 0] + 1) * SIZE / 2, (1 - seen[:, 1]) * SIZE / 2, 0.5 - seen[:, 2] / 20, np.ones(len(points))]
        return np.ascontiguousarray(np.stack(flat, 1), np.float32)

    def moved(self, yaw: float, pitch: float) -> View:
        """The camera gone round to the mesh's left and up, degrees."""
        y, p = np.radians([yaw, pitch])
        across = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
        above = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
        return View(above @ across @ self.turn, self.centre, self.reach)


def owners(surface: Surface, view: View, both_sides: bool = False) -> np.ndarray:
    """(2 SIZE, 2 SIZE) int: the face that each quarter of a pixel shows, -1 for none."""
    from talkinghead.rendering.backends.visibility import seen_triangles

    triangles = np.ascontiguousarray(surface.faces, np.int32)
    if both_sides:
        triangles = np.concatenate([triangles, triangles[:, ::-1]])
    screen = view.project(surface.points)
    screen[:, :2] *= 2
    return seen_triangles(screen, triangles, 2 * SIZE, 2 * SIZE)


def picture(surface: Surface, view: View, owner: np.ndarray, paint: Paint | None) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8. paint: colours of points given by faces (N,) and weights (N, 3) of corners, (N, 3) sRGB."""
    shown = np.empty((*owner.shape, 3))
    shown[:] = BACKDROP
    row, column = np.nonzero(owner >= 0)
    face = owner[row, column] % len(surface.faces)
    weights = corner_weights(surface, view, face, np.stack([column, row], 1) / 2 + 0.25)
    normals = np.einsum("nc,ncx->nx", weights, surface.normals[surface.faces[face]]) @ view.turn.T
    normals *= np.where(normals[:, 2:] < 0, -1, 1) / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    lit = np.full(len(face), GROUND)
    for *direction, power in LIGHTS:
        lit += power * np.maximum(normals @ (np.array(direction) / np.linalg.norm(direction)), 0)
    base = CLAY if paint is None else paint(face, weights)
    shown[row, column] = base * np.minimum(lit, 1.25)[:, None] ** (1 / 2.2)
    return np.clip(shown.reshape(SIZE, 2, SIZE, 2, 3).mean((1, 3)), 0, 255).astype(np.uint8)


def corner_weights(surface: Surface, view: View, face: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(N, 3) weights of the corners of faces (N,) at pixels (N, 2)."""
    screen = view.project(surface.points)[:, :2].astype(np.float64)
    corners = screen[surface.faces[face]] - pixels[:, None]
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    weights = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], 1)
    total = weights.sum(1, keepdims=True)
    weights = np.clip(weights / np.where(np.abs(total) < 1e-12, 1, total), 0, 1)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def track(surface: Surface, view: View, paint: Paint | None, tracker) -> np.ndarray | None:
    """(478, 3) places on the mesh of the tracker's points in one picture, NaN beside it; None where no face is seen."""
    owner = owners(surface, view, both_sides=True)
    found = landmarks.detect(tracker, picture(surface, view, owner, paint))
    if found is None:
        return None
    places = np.full((landmarks.POINTS, 3), np.nan)
    pixels = found[:, :2].astype(np.float64) * SIZE
    index = np.round(pixels * 2 - 0.5).astype(int)
    inside = ((index >= 0) & (index < 2 * SIZE)).all(1)
    face = np.full(len(places), -1)
    face[inside] = owner[index[inside, 1], index[inside, 0]]
    hit = np.flatnonzero(face >= 0)
    face = face[hit] % len(surface.faces)
    weights = corner_weights(surface, view, face, pixels[hit])
    places[hit] = np.einsum("nc,ncx->nx", weights, surface.points[surface.faces[face]])
    return places
