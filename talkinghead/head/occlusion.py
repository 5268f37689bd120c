"""How much of the sky each vertex of a mesh sees, from views of it out of many directions.

A view is a grid of the nearest depth of points spread over the surface: coarse, but it needs neither a renderer nor rays.
V vertices, N directions.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import BODY
from talkinghead.head.normals import vertex_normals

CELLS = 150  # of the grid along the head's diagonal
AROUND, CONE, SPREAD = 72, 9, 0.25  # directions for ambient light, and for each lamp within SPREAD rad of its middle
OPEN = {"jawOpen": 0.7, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3}  # a wide open mouth
WET = ("teeth", "gums", "tongue")  # parts that are inside of the mouth wholly
OUTSIDE = 0.35  # share of sky of skin that is outside of the shut mouth
Direction = tuple[float, float, float]
_known: WeakKeyDictionary[Head, np.ndarray] = WeakKeyDictionary()


def shares(
    head: Head, vertices: np.ndarray, lamps: tuple[Direction, ...] = (), *, rows: np.ndarray | None = None, around: int = AROUND
) -> np.ndarray:
    """(V, 1 + lamps) float32 in [0, 1]: share of ambient light, and of each lamp in a direction, that reaches `vertices`.

    With `rows` (V,) bool only these vertices are looked at; the others have 0. `around`: number of directions of ambient light.
    """
    normals = vertex_normals(vertices, head.faces)
    own = head.template[head.regions[BODY] < 0.5] if BODY in head.regions else head.template
    cell = float(np.linalg.norm(np.ptp(own, 0))) / CELLS
    centre = own.mean(0)
    points = np.ascontiguousarray((_spread(vertices, head.faces, cell) - centre).T, np.float32)
    rows = np.ones(len(vertices), bool) if rows is None else rows
    lifted = np.ascontiguousarray((vertices + normals * (1.2 * cell) - centre)[rows].T, np.float32)
    sky = _directions(around)
    facing = np.maximum(normals[rows] @ sky.T, 0)  # (V, N)
    seen = np.stack([_visible(points, lifted, d, cell) for d in sky], 1)
    columns = [(seen * facing).sum(1) / np.maximum(facing.sum(1), 1e-6)]
    columns += [np.mean([_visible(points, lifted, d, cell) for d in _directions(CONE, lamp)], 0) for lamp in lamps]
    out = np.zeros((len(vertices), len(columns)))
    out[rows] = np.stack(columns, 1)
    return _smooth(out, head.faces).astype(np.float32)


def mouth_light(head: Head) -> np.ndarray:
    """(V,) float32 in [0, 1]: light inside of the open mouth, 1 outside of it; remembered as long as the head lives.

    Inside are teeth, gums and tongue, and skin of the region `mouth` that sees no sky while the mouth is shut. The light is the
    square root of the share of sky, as the renderers have it, because light bounces between wet walls.
    """
    if head not in _known:
        wet, walls = np.zeros((2, len(head.template)), bool)
        for part in head.parts:
            (wet if part.name in WET else walls)[head.faces[slice(*part.faces)]] |= part.name in (*WET, "skin")
        walls &= (head.regions.get("mouth", np.zeros(len(walls))) > 0.5) & ~wet
        hidden = wet.astype(np.float32)
        if walls.any():
            shut = shares(head, head.template, rows=walls, around=AROUND // 3)[walls, 0]
            hidden[walls] = np.clip(1 - shut / OUTSIDE, 0, 1)
        light = np.ones(len(hidden), np.float32)
        if hidden.any():
            light -= hidden * (1 - np.sqrt(shares(head, shaped(head, OPEN), rows=wet | walls, around=AROUND // 2)[:, 0]))
        _known[head] = light
    return _known[head]


def shaped(head: Head, weights: dict[str, float]) -> np.ndarray:
    """(V, 3) metres: the template with those of the named shapes that the head has."""
    shapes = [head.basis[head.index(name)] * weight for name, weight in weights.items() if name in head.names]
    return sum(shapes, head.template)


def _directions(count: int, middle: Direction | None = None) -> np.ndarray:
    """(N, 3) unit vectors: evenly over the sphere, or within SPREAD of `middle` (Fibonacci spirals)."""
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    lowest = -1.0 if middle is None else np.cos(SPREAD)
    z = 1 - (1 - lowest) * (np.arange(count) + 0.5) / count
    points = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)
    return points if middle is None else points @ _axes(np.array(middle))


def _axes(z: np.ndarray) -> np.ndarray:
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z]).astype(np.float32)


def _spread(vertices: np.ndarray, faces: np.ndarray, cell: float) -> np.ndarray:
    """Points over the whole surface, no further apart than a cell."""
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    pieces = np.clip(np.ceil(longest / cell).astype(int), 1, 12)
    points = [vertices]
    for n in np.unique(pieces):
        i, j = (a.reshape(-1) for a in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
        inside = i + j < n
        u, v = (i[inside] + 1 / 3) / n, (j[inside] + 1 / 3) / n
        weights = np.stack([1 - u - v, u, v])
        points.append(np.einsum("fcx,cp->fpx", corners[pieces == n], weights).reshape(-1, 3))
    return np.concatenate(points)


def _visible(points: np.ndarray, where: np.ndarray, direction: np.ndarray, cell: float) -> np.ndarray:
    """(V,) in [0, 1]: how much of `where` (3, V) is seen from far away in `direction`, past `points` (3, P)."""
    from talkinghead.head.looks.occlusion_view import visible

    return visible(points, where, (_axes(direction) / cell).astype(np.float32), CELLS)


def _smooth(values: np.ndarray, faces: np.ndarray, times: int = 2) -> np.ndarray:
    """Mean with the neighbours along edges, against the noise of the coarse views."""
    start, end = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    count = np.bincount(start, minlength=len(values))[:, None] + 1
    for _ in range(times):
        total = np.stack([np.bincount(start, column[end], len(values)) for column in values.T], 1)
        values = (values + total) / count
    return values
