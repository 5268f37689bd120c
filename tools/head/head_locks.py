"""Locks of hair as tapered ribbons, and the sheets below them that hide the skin. Metres.

L locks, S points along each, N vertices, F faces.
"""

from __future__ import annotations

import numpy as np
from head_scalp import CROWN, MIDDLE, Scalp, hairline, unit
from scipy.spatial import ConvexHull

from talkinghead.motion.easing import smoothstep

Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]  # (N, 3) points, (F, 3) faces, (N, 2) uv in the tile of hair
SPAN = 0.22  # of the tile's width that a lock shows
ROLL = 0.22  # rad: how differently neighbouring locks lie, which breaks the light on them up


def ribbons(paths: np.ndarray, faces: np.ndarray, width: np.ndarray, rng: np.random.Generator, *, tip: float = 0.45) -> Mesh:
    """Flat ribbons, 2 vertices across, along (L, S, 3) paths that face (L, S, 3). tip: share of a lock that narrows."""
    order = np.argsort(-np.linalg.norm(paths - MIDDLE, axis=2).mean(1))  # the outermost first: what they hide is drawn cheaply
    paths, faces, width = paths[order], faces[order], width[order]
    count, long = paths.shape[:2]
    along = unit(np.gradient(paths, axis=1))
    side = unit(np.cross(along, faces))
    up = np.cross(side, along)
    roll = np.clip(rng.normal(0, ROLL, (count, 1, 1)), -0.5, 0.5)
    side, up = np.cos(roll) * side + np.sin(roll) * up, np.cos(roll) * up - np.sin(roll) * side
    t = np.linspace(0, 1, long)
    taper = np.minimum(0.75 + 1.5 * t, 1) * np.clip((1 - t) / tip, 0.04, 1) ** 0.8
    half = (width[:, None] * taper[None] / 2)[..., None]
    points = np.stack([paths - half * side, paths + half * side], 2).reshape(-1, 3)
    u0 = rng.uniform(0.01, 0.99 - SPAN, count)
    u = u0[:, None, None] + SPAN * (0.5 + np.array([-0.5, 0.5])[None, None] * taper[None, :, None])
    uv = np.stack([u, np.broadcast_to(t[None, :, None], u.shape)], -1).reshape(-1, 2)
    one = (np.arange(0, 2 * long - 2, 2)[:, None, None] + np.array([[0, 2, 1], [1, 2, 3]])).reshape(-1, 3)
    a, b, c = points[one[0]]
    if np.cross(b - a, c - a) @ up[0, 0] < 0:
        one = one[:, ::-1]
    return points, (one[None] + (np.arange(count) * long * 2)[:, None, None]).reshape(-1, 3), uv


def sheet(rows: np.ndarray, *, inwards: bool) -> Mesh:
    """A surface over (A, S, 3) neighbouring paths, seen from outside or from inside."""
    wide, long = rows.shape[:2]
    points = rows.reshape(-1, 3)
    cell = np.arange(wide - 1)[:, None] * long + np.arange(long - 1)[None]
    quads = np.stack([cell, cell + 1, cell + long + 1, cell + long], -1).reshape(-1, 4)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    a, b, c = np.moveaxis(points[faces], 1, 0)
    out = (np.cross(b - a, c - a) * (a + b + c - 3 * MIDDLE) * [1, 0.2, 1]).sum() > 0
    if out == inwards:
        faces = faces[:, ::-1]
    u = np.linspace(0.02, 0.98, wide)[:, None] + np.zeros(long)
    v = np.linspace(0.02, 0.4, long)[None] + np.zeros((wide, 1))
    return points, faces, np.stack([u, v], -1).reshape(-1, 2)


def cap(scalp: Scalp, height, *, least: float = 2.0) -> Mesh:
    """A shell `height` (of points and degrees within the hairline, metres) over the scalp below the locks."""
    rows = np.flatnonzero(hairline(scalp.points) > least)
    _, keep = np.unique(np.round(scalp.points[rows] / 0.007).astype(int), axis=0, return_index=True)
    rows = rows[keep]
    inside = hairline(scalp.points[rows])
    rise = height(scalp.points[rows], inside) * smoothstep((inside - least) / 12) - 0.001
    flat = unit(scalp.points[rows] - MIDDLE)
    points = scalp.points[rows] + scalp.normals[rows] * rise[:, None]
    faces = ConvexHull(flat).simplices  # directions from the middle: a triangulation of the sphere
    corners = points[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    faces, corners = faces[longest < 0.028], corners[longest < 0.028]
    out = (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) * (corners.mean(1) - MIDDLE)).sum(1)
    faces = np.where((out > 0)[:, None], faces, faces[:, ::-1])
    x, z = (points - CROWN).T[[0, 2]]  # strands run away from the whorl
    uv = np.stack([0.02 + 0.96 * abs(np.arctan2(x, z)) / np.pi, 0.02 + 1.2 * np.hypot(x, z).clip(0, 0.2)], 1)
    return points, faces, uv


def joined(*meshes: Mesh) -> Mesh:
    """Several as one; what comes first hides what comes later."""
    starts = np.cumsum([0, *(len(mesh[0]) for mesh in meshes)])
    faces = [mesh[1] + start for mesh, start in zip(meshes, starts[:-1], strict=True)]
    return np.concatenate([m[0] for m in meshes]), np.concatenate(faces), np.concatenate([m[2] for m in meshes])
