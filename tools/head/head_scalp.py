"""Where hair grows, and the smooth shape that it lies on. Metres, the head's axes. P points."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull

from talkinghead.head.head import Head
from talkinghead.head.normals import vertex_normals

MIDDLE = np.array([0.0, 0.045, 0.035])  # of the skull, from which the hairline is seen
CROWN = np.array([0.006, 0.132, 0.004])  # the whorl
# Hairline: degrees around the skull from the face (0) past the ear (90) to the nape (180) -> degrees above the horizon
_AROUND = (0, 20, 38, 50, 60, 66, 70, 78, 82, 100, 107, 116, 135, 180)
HAIRLINE = np.array([_AROUND, (38, 37, 33, 29, 21, 3, -12, -14, 8, 8, -10, -30, -45, -50)], float)
SOFT = 0.0012  # metres: facets of a hull that are this much further out count a third


def hairline(points: np.ndarray) -> np.ndarray:
    """(...,) degrees by which points of the skin lie within the hairline; -90 on the ears."""
    ear = (abs(points[..., 0]) > 0.0712) & (points[..., 1] < 0.052)
    return np.where(ear, -90.0, within(points))


def within(points: np.ndarray) -> np.ndarray:
    """As `hairline` of points over the skin, where there is no ear."""
    x, y, z = np.moveaxis(points - MIDDLE, -1, 0)
    around, above = np.degrees(np.arctan2(abs(x), z)), np.degrees(np.arctan2(y, np.hypot(x, z)))
    return above - np.interp(around, *HAIRLINE)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


class Scalp:
    """The outer skin as points with smooth normals, and the convex hulls of the skull without and with ears."""

    def __init__(self, head: Head) -> None:
        skin = next(p for p in head.parts if p.name == "skin")
        faces = head.faces[slice(*skin.faces)]
        faces = faces[head.regions["mouth"][faces].max(1) <= 0.99]
        normals = vertex_normals(head.template, head.faces)
        corners, bends = head.template[faces], normals[faces]
        i, j = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
        inside = (i + j < 4).ravel()
        u, v = (i.ravel()[inside] + 1 / 3) / 4, (j.ravel()[inside] + 1 / 3) / 4
        weights = np.stack([1 - u - v, u, v])
        self.points = np.einsum("fcx,cp->fpx", corners, weights).reshape(-1, 3)
        self.normals = unit(np.einsum("fcx,cp->fpx", bends, weights).reshape(-1, 3))
        self.bare = Hull(self.points[(hairline(self.points) > -8) & (self.points[:, 1] > -0.02)])
        ears = self.points[(abs(self.points[:, 0]) > 0.062) & (self.points[:, 1] > -0.03)]
        self.full = Hull(np.concatenate([self.points[hairline(self.points) > -8], ears]))


class Hull:
    """A convex shape around MIDDLE, rounded."""

    def __init__(self, points: np.ndarray) -> None:
        sides = ConvexHull(points - MIDDLE).equations
        sides = sides[-sides[:, 3] > 0.03]
        self.sides, self.away = sides[:, :3], -sides[:, 3]

    def at(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(P, 3) points of the hull towards (P, 3) unit vectors from MIDDLE, and (P, 3) normals there."""
        towards = directions @ self.sides.T
        reach = np.where(towards > 0.05, self.away / np.maximum(towards, 0.05), np.inf)
        least = reach.min(1, keepdims=True)
        weight = np.exp((least - reach) / (3 * SOFT))
        return MIDDLE + least * directions, unit(weight @ self.sides)

    def near(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points of the hull below `points`, normals there, and the height above it."""
        away = points - MIDDLE
        place, normal = self.at(unit(away))
        return place, normal, ((points - place) * normal).sum(1)
