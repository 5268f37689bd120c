"""Hairstyles as locks: arched, tapered ribbons that grow out of the scalp, follow a flow over it and fall.

Metres, the head's axes.

P points of the skin, L locks, S points along a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from talkinghead.head.head import Head
from talkinghead.head.normals import vertex_normals
from talkinghead.motion.easing import smoothstep

MIDDLE = np.array([0.0, 0.045, 0.035])  # of the skull, from which the hairline is seen
CROWN = np.array([0.006, 0.132, 0.004])  # the whorl
# Hairline: degrees around the skull from the face (0) past the ear (90) to the nape (180) -> degrees above the horizon
_AROUND = (0, 20, 38, 50, 60, 66, 70, 78, 82, 100, 107, 116, 135, 180)
HAIRLINE = np.array([_AROUND, (38, 37, 33, 29, 21, 3, -12, -14, 8, 8, -10, -30, -45, -50)], float)


def hairline(points: np.ndarray) -> np.ndarray:
    """(...,) degrees by which points of the skin lie within the hairline; -90 on the ears."""
    x, y, z = np.moveaxis(points - MIDDLE, -1, 0)
    around, above = np.degrees(np.arctan2(abs(x), z)), np.degrees(np.arctan2(y, np.hypot(x, z)))
    ear = (abs(points[..., 0]) > 0.0712) & (points[..., 1] < 0.052)
    return np.where(ear, -90.0, above - np.interp(around, *HAIRLINE))


class Surface:
    """The outer skin as points with smooth normals."""

    def __init__(self, head: Head) -> None:
        skin = next(p for p in head.parts if p.name == "skin")
        faces = head.faces[slice(*skin.faces)]
        inner = head.regions["mouth"][faces].max(1) > 0.99
        faces = faces[~inner]
        normals = vertex_normals(head.template, head.faces)
        corners, bends = head.template[faces], normals[faces]
        i, j = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
        inside = (i + j < 4).ravel()
        u, v = (i.ravel()[inside] + 1 / 3) / 4, (j.ravel()[inside] + 1 / 3) / 4
        weights = np.stack([1 - u - v, u, v])
        self.points = np.einsum("fcx,cp->fpx", corners, weights).reshape(-1, 3)
        normals = np.einsum("fcx,cp->fpx", bends, weights).reshape(-1, 3)
        self.normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        self.tree = KDTree(self.points)

    def near(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nearest skin, its normal (mean of a few) and the height above it."""
        _, rows = self.tree.query(points, 6)
        place, normal = self.points[rows].mean(1), self.normals[rows].mean(1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        return place, normal, ((points - place) * normal).sum(1)


@dataclass(frozen=True)
class Style:
    """How hair grows. spacing, width, length: metres; end: height of the cut; inside: degrees within the hairline."""

    flow: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]  # points, roots, share of the length -> direction
    height: Callable[[np.ndarray, np.ndarray], np.ndarray]  # roots, degrees within the hairline -> metres above the scalp
    length: Callable[[np.ndarray, np.ndarray], np.ndarray]  # the same -> metres
    spacing: float
    width: float
    points: int = 8
    gravity: float = 0.0
    end: float = -1.0
    curl: float = 0.0  # radius of a helix
    turns: float = 0.0
    inside: float = 1.0
    goal: np.ndarray | None = None  # where all hair goes
    seed: int = 0


def roots(surface: Surface, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Rows of the surface's points where locks begin, `spacing` apart."""
    rows = np.flatnonzero(hairline(surface.points) > style.inside)
    rows = rng.permutation(rows)
    chosen, taken = [], np.zeros(len(rows), bool)
    near = KDTree(surface.points[rows]).query_ball_point(surface.points[rows], style.spacing)
    for k in range(len(rows)):
        if not taken[k]:
            chosen.append(rows[k])
            taken[near[k]] = True
    return np.array(chosen)


def grow(surface: Surface, style: Style) -> tuple[np.ndarray, np.ndarray]:
    """(L, S, 3) paths and (L, S, 3) the way the locks face."""
    rng = np.random.default_rng(style.seed)
    start = roots(surface, style, rng)
    root, normal = surface.points[start], surface.normals[start]
    depth = hairline(root)
    length = style.length(root, depth) * rng.uniform(0.82, 1.12, len(root))
    lift = style.height(root, depth) * rng.uniform(0.55, 1.1, len(root))
    sway = rng.normal(0, 0.10, (len(root), 3))
    twist = rng.normal(0, 0.8, len(root))  # falling locks face all ways, so that they have a body from everywhere
    steps = 40
    here, path, faces = root - 0.8e-3 * normal, [], []
    cut, face = np.full(len(root), steps - 1), np.zeros(len(root), bool)
    end = style.end + rng.uniform(-0.006, 0.006, len(root))
    for k in range(steps):
        share = np.full(len(root), k / (steps - 1))
        path.append(here)
        place, out, _ = surface.near(here)
        way = style.flow(here, root, share) + sway
        scalp = smoothstep(hairline(place) / 6 + 1)[:, None]  # elsewhere hair falls
        faces.append(_unit(out * scalp + _turned((here - MIDDLE) * [1, 0.1, 1], twist) * (1 - scalp)))
        way = way - (way * out).sum(1, keepdims=True) * out * np.maximum(scalp, 0.3)
        way = way / np.linalg.norm(way, axis=1, keepdims=True)
        way = way * (0.25 + 0.75 * scalp) + np.array([0, -1.0, 0]) * style.gravity * (share[:, None] + 1.2 * (1 - scalp))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        here = here + way * (length / (steps - 1))[:, None]
        place, out, high = surface.near(here)
        wanted = lift * smoothstep(share / 0.22 + 0.05)
        pull = np.where(high < wanted, 1.0, 0.55 * scalp[:, 0])
        here = here + out * ((wanted - high) * pull)[:, None]
        face |= (here[:, 2] > 0.060) & (here[:, 1] < 0.075) & (hairline(place) < -3)
        done = here[:, 1] < end
        if style.goal is not None:
            done |= np.linalg.norm(here - style.goal, axis=1) < 0.014
        cut = np.where(done & (cut == steps - 1), np.maximum(k, 2), cut)
    paths, faces = np.stack(path, 1), np.stack(faces, 1)
    at = np.linspace(0, 1, style.points)[None] * cut[:, None]
    low = np.minimum(at.astype(int), steps - 2)
    part = (at - low)[..., None]
    rows = np.arange(len(root))[:, None]
    paths = paths[rows, low] * (1 - part) + paths[rows, low + 1] * part
    faces = faces[rows, low]
    if style.gravity > 0.5:  # the face stays free
        paths, faces, root = paths[~face], faces[~face], root[~face]
    if style.curl:
        t = np.linspace(0, 1, style.points)
        angle = t * style.turns * 2 * np.pi + rng.uniform(0, 2 * np.pi, len(root))[:, None]
        along = np.gradient(paths, axis=1)
        along /= np.linalg.norm(along, axis=2, keepdims=True)
        one = np.cross(along, faces)
        one /= np.maximum(np.linalg.norm(one, axis=2, keepdims=True), 1e-9)
        two = np.cross(one, along)
        size = style.curl * smoothstep(t * 2.5)[None, :, None]
        shift = size * (np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * two)
        paths = paths + shift
    return paths, faces


def ribbons(paths: np.ndarray, faces: np.ndarray, width: np.ndarray, rng: np.random.Generator):
    """Arched ribbons of 3 vertices across: (L * S * 3, 3) points, (F, 3) faces, (.., 2) uv in the tile of hair."""
    order = np.argsort(-np.linalg.norm(paths - MIDDLE, axis=2).mean(1))  # the outermost first: what they hide is drawn cheaply
    paths, faces, width = paths[order], faces[order], width[order]
    count, long = paths.shape[:2]
    along = np.gradient(paths, axis=1)
    side = np.cross(along, faces)
    side /= np.maximum(np.linalg.norm(side, axis=2, keepdims=True), 1e-9)
    up = np.cross(side, along)
    up /= np.maximum(np.linalg.norm(up, axis=2, keepdims=True), 1e-9)
    t = np.linspace(0, 1, long)
    taper = np.minimum(0.75 + 1.2 * t, 1) * np.clip((1 - t) / 0.35, 0.12, 1) ** 0.7
    half = (width[:, None] * taper[None] / 2)[..., None]
    points = np.stack([paths - half * side, paths + 0.32 * half * up, paths + half * side], 2).reshape(-1, 3)
    u0 = rng.uniform(0.02, 0.70, count)
    u = u0[:, None, None] + np.array([0, 0.14, 0.28])[None, None] * np.ones((1, long, 1))
    uv = np.stack([u, np.broadcast_to(t[None, :, None], u.shape)], -1).reshape(-1, 2)
    k = np.arange(long - 1)[:, None] * 3
    cell = np.array([[0, 1, 3], [1, 4, 3], [1, 2, 4], [2, 5, 4]])
    one = (k[:, None] + cell[None]).reshape(-1, 3)
    a, b, c = points[one[0]]
    if np.cross(b - a, c - a) @ up[0, 0] < 0:
        one = one[:, ::-1]
    table = (one[None] + (np.arange(count) * long * 3)[:, None, None]).reshape(-1, 3)
    return points, table, uv


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _turned(vectors: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Unit vectors turned about the vertical."""
    x, y, z = _unit(vectors).T
    return np.stack([np.cos(angle) * x + np.sin(angle) * z, y, np.cos(angle) * z - np.sin(angle) * x], 1)


def _short(points, root, share):
    """Away from the whorl; in front to the side and up."""
    away = _unit(points - CROWN)
    front = smoothstep((root[:, 2] - 0.055) / 0.05)[:, None] * smoothstep((root[:, 1] - 0.085) / 0.02)[:, None]
    return away * (1 - 0.75 * front) + np.array([-0.85, 0.35, 0.35]) * front * 0.9


def _parted(line: float, back: float) -> Callable:
    """From a line over the top to both sides."""

    def flow(points, root, share):
        side = np.sign(root[:, 0] - line + 1e-6)[:, None]
        way = side * np.array([1.0, 0.0, 0.0]) + np.array([0, -0.15, -back])
        behind = smoothstep((0.02 - root[:, 2]) / 0.04)[:, None]
        return way * (1 - behind) + (0.4 * way + np.array([0, -0.6, -0.8])) * behind

    return flow


def _to(goal: np.ndarray) -> Callable:
    return lambda points, root, share: _unit(goal - points)


def _outwards(points, root, share):
    return _unit(points - MIDDLE) * 0.5 + np.array([0, -0.35, 0]) + 0.35 * _unit(points - CROWN)


def _level(low: float, high: float) -> Callable:
    """`high` on the top of the head, `low` at the sides and the nape."""
    return lambda root, depth: low + (high - low) * smoothstep((root[:, 1] - 0.06) / 0.06)


BUN = np.array([0.0, 0.112, -0.062])
STYLES = {
    "short": Style(
        flow=_short,
        height=_level(0.006, 0.014),
        length=_level(0.020, 0.050),
        spacing=0.0080,
        width=0.0125,
        points=7,
        gravity=0.05,
        seed=1,
    ),
    "bob": Style(
        flow=_parted(0.018, 0.25),
        height=_level(0.012, 0.013),
        length=_level(0.24, 0.30),
        spacing=0.0092,
        width=0.0180,
        points=12,
        gravity=0.8,
        end=-0.066,
        seed=2,
    ),
    "long": Style(
        flow=_parted(-0.004, 0.35),
        height=_level(0.012, 0.012),
        length=_level(0.30, 0.36),
        spacing=0.0092,
        width=0.0190,
        points=13,
        gravity=0.8,
        end=-0.125,
        seed=3,
    ),
    "bun": Style(
        flow=_to(BUN),
        height=_level(0.0035, 0.0035),
        length=lambda root, depth: 1.25 * np.linalg.norm(root - BUN, axis=1) + 0.01,
        spacing=0.0090,
        width=0.0135,
        points=8,
        goal=BUN,
        seed=4,
    ),
    "curly": Style(
        flow=_outwards,
        height=_level(0.018, 0.030),
        length=_level(0.026, 0.040),
        spacing=0.0092,
        width=0.0125,
        points=9,
        gravity=0.15,
        curl=0.0065,
        turns=1.5,
        seed=5,
    ),
}


def build(surface: Surface, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, 3), faces (F, 3) and uv (N, 2) in the tile of hair."""
    style = STYLES[name]
    rng = np.random.default_rng(style.seed + 100)
    paths, faces = grow(surface, style)
    near = np.clip(hairline(paths[:, 0]) / 10, 0.55, 1)
    width = style.width * near * rng.uniform(0.8, 1.25, len(paths))
    if name == "bun":
        more = _ball(rng)
        paths, faces = np.concatenate([paths, more[0]]), np.concatenate([faces, more[1]])
        width = np.concatenate([width, np.full(len(more[0]), 0.014)])
    mesh = ribbons(paths, faces, width, rng)
    return _joined(mesh, _cap(surface, 0.017)) if name == "curly" else mesh


def _joined(one, two):
    return np.concatenate([one[0], two[0]]), np.concatenate([one[1], two[1] + len(one[0])]), np.concatenate([one[2], two[2]])


def _cap(surface: Surface, height: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A shell over the scalp below the locks, which hides the skin between them."""
    from scipy.spatial import ConvexHull

    rows = np.flatnonzero(hairline(surface.points) > 2)
    _, keep = np.unique(np.round(surface.points[rows] / 0.008).astype(int), axis=0, return_index=True)
    rows = rows[keep]
    inside = hairline(surface.points[rows])
    points = surface.points[rows] + surface.normals[rows] * (height * smoothstep((inside - 1) / 14) - 0.001)[:, None]
    flat = (points - MIDDLE) / np.linalg.norm(points - MIDDLE, axis=1, keepdims=True)
    faces = ConvexHull(flat).simplices  # directions from the middle: a triangulation of the sphere
    corners = points[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    faces, corners = faces[longest < 0.03], corners[longest < 0.03]
    out = (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) * (corners.mean(1) - MIDDLE)).sum(1)
    faces = np.where((out > 0)[:, None], faces, faces[:, ::-1])
    uv = np.stack([0.5 + 0.4 * flat[:, 0], 0.08 + 0.1 * np.abs(flat[:, 2])], 1)
    return points, faces, uv


def _ball(rng: np.random.Generator, count: int = 70) -> tuple[np.ndarray, np.ndarray]:
    """Locks wound around a ball at the back of the crown."""
    axis = _unit(np.array([0.0, 0.55, -0.85]))
    one = np.array([1.0, 0, 0])
    two = np.cross(axis, one)
    t = np.linspace(0, 1, STYLES["bun"].points)
    tilt = rng.uniform(-0.9, 1.35, count)[:, None]
    angle = rng.uniform(0, 2 * np.pi, count)[:, None] + t * rng.uniform(1.0, 1.7, count)[:, None]
    tilt = tilt + 0.25 * np.sin(t * np.pi)[None] * rng.normal(0, 1, (count, 1))
    out = (np.cos(angle) * np.cos(tilt))[..., None] * one + (np.sin(angle) * np.cos(tilt))[..., None] * two
    out = out + np.sin(tilt)[..., None] * axis
    radius = 0.030 * rng.uniform(0.93, 1.05, (count, 1, 1))
    return BUN + axis * 0.020 + out * radius, _unit(out)
