"""A coarse surface in the place of a dense one, for what is solved for all its vertices at once. V and v vertices."""

from __future__ import annotations

from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.registration.surface import Surface, barycentric

MOST_SOLVED = 150_000  # vertices of a surface that is solved as it is: sparse factors of more take gigabytes
SOLVED = 60_000  # of the coarse one, about 1.5 mm apart
FAN = 10  # triangles around a vertex in which the places of dense vertices are looked for


class Coarse:
    """surface: of v vertices. nearest: (v,) the vertex of the dense surface that each stands for. corners: (V, 3) of the
    triangle on which each vertex of the dense surface lies, weights: (V, 3) of these; 0 for vertices without a triangle."""

    def __init__(self, dense: Surface, count: int = SOLVED) -> None:
        try:
            import fast_simplification  # quadric errors (Garland and Heckbert, SIGGRAPH 1997): rims and slits stay apart
        except ImportError:
            told = f"{len(dense.points)} vertices of skin; more than {MOST_SOLVED} need fast-simplification"
            raise InputError(f"{told}: pip install 'talkinghead[fit]'") from None

        used, faces = np.unique(dense.faces, return_inverse=True)
        source: Any = dense.points[used].astype(np.float32)
        faces = faces.reshape(-1, 3).astype(np.int32)
        share = 1 - min(2 * count / len(faces), 0.999)
        collapses = fast_simplification.simplify(source, faces, target_reduction=share, return_collapses=True)[-1]
        points, triangles, owner = fast_simplification.replay_simplification(source, faces, collapses)
        self.surface = Surface(points, triangles)
        away = np.linalg.norm(source - points[owner], axis=1)
        order = np.lexsort((away, owner))
        first = np.r_[True, np.diff(owner[order]) > 0]
        self.nearest = np.zeros(len(points), np.int64)
        self.nearest[owner[order][first]] = used[order][first]
        self.corners = np.zeros((len(dense.points), 3), np.int64)
        self.weights = np.zeros((len(dense.points), 3))
        self.corners[used], self.weights[used] = _places(self.surface, dense.points[used], owner)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(v, 3) values -> (V, 3)."""
        return np.einsum("vc,vcx->vx", self.weights, values[self.corners])


def _places(surface: Surface, points: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) corners and weights of the nearest places of points on the triangles around their own vertices (V,)."""
    from trimesh.triangles import closest_point

    corner = surface.faces.reshape(-1)
    order = np.argsort(corner, kind="stable")
    start = np.searchsorted(corner[order], np.arange(len(surface.points) + 1))
    count = np.diff(start)
    best, chosen = np.full(len(points), np.inf), np.zeros(len(points), np.int64)
    weights = np.zeros((len(points), 3))
    for step in range(min(FAN, int(count.max(initial=0)))):
        mine = np.flatnonzero(count[owner] > step)
        face = order[start[owner[mine]] + step] // 3
        corners = surface.points[surface.faces[face]]
        places = closest_point(corners, points[mine])
        away = np.linalg.norm(places - points[mine], axis=1)
        nearer = away < best[mine]
        rows = mine[nearer]
        best[rows], chosen[rows] = away[nearer], face[nearer]
        weights[rows] = barycentric(corners[nearer], places[nearer])
    return surface.faces[chosen], weights
