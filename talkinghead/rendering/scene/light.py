"""Soft shadows and ambient occlusion per vertex, computed once per head from views of the mesh out of many directions.

A view is a grid of the nearest depth of points spread over the surface: coarse, but it needs neither a renderer nor rays.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import lip_distance
from talkinghead.rendering.scene import look

CELLS = 150  # of the grid along the head's diagonal
AROUND, CONE, SPREAD = 72, 9, 0.25  # directions for ambient light, and for each lamp within SPREAD rad of its middle
OPEN = {"jawOpen": 0.7, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3}  # the open mouth of `Bake.opened`
GLOW = 0.5  # least share of ambient light on the walls of an open mouth, between which light bounces
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
_known: WeakKeyDictionary[Head, Bake] = WeakKeyDictionary()


@dataclass(frozen=True)
class Bake:
    """closed, opened: (V, 4) share of ambient, key, fill and rim light. gap: metres between the lips for each of the two."""

    closed: np.ndarray
    opened: np.ndarray
    gap: tuple[float, float]

    def at(self, gap: float) -> np.ndarray:
        """(V, 4) for lips that are `gap` metres apart."""
        if self.gap[1] <= self.gap[0]:
            return self.closed
        share = np.clip((gap - self.gap[0]) / (self.gap[1] - self.gap[0]), 0, 1)
        return self.closed + np.float32(share) * (self.opened - self.closed)


def bake(head: Head) -> Bake:
    """Light on `head`; remembered as long as the head lives."""
    if head not in _known:
        closed = _shares(head, head.template)
        lids = _shares(head, _shaped(head, BLINK))
        lid = _lids(head)[:, None]  # in their fold lids are dark; coming down they have the light of a blink
        closed = np.where(lid, np.maximum(closed, lids), closed)
        if "jawOpen" not in head.names:
            _known[head] = Bake(closed, closed, (0.0, 0.0))
        else:
            shape = _shaped(head, OPEN)
            opened = _shares(head, shape)
            opened = np.where(lid, np.maximum(opened, lids), opened)
            inside = head.regions.get("mouth", np.zeros(len(opened), np.float32)) * _skin(head)
            opened[:, 0] = np.maximum(opened[:, 0], GLOW * inside)
            _known[head] = Bake(closed, opened, (lip_distance(head, head.template), lip_distance(head, shape)))
    return _known[head]


def _shaped(head: Head, weights: dict[str, float]) -> np.ndarray:
    shapes = [head.basis[head.index(name)] * weight for name, weight in weights.items() if name in head.names]
    return sum(shapes, head.template)


def _lids(head: Head) -> np.ndarray:
    """(V,) bool: skin that moves in a blink."""
    moved = np.linalg.norm(_shaped(head, BLINK) - head.template, axis=1)
    lids = moved > 0.02 * moved.max() if moved.max() > 0 else np.zeros(len(moved), bool)
    return lids & _skin(head)


def _skin(head: Head) -> np.ndarray:
    """(V,) bool: what is no eye, tooth, tongue or hair."""
    skin = np.ones(len(head.template), bool)
    for part in head.parts:
        if part.name in look.KINDS:
            skin[head.faces[slice(*part.faces)]] = False
    return skin


def _directions(middle: tuple[float, float, float] | None = None) -> np.ndarray:
    """(N, 3) unit vectors: evenly over the sphere, or within SPREAD of `middle` (Fibonacci spirals)."""
    count = AROUND if middle is None else CONE
    turn = np.arange(count) * np.pi * (3 - np.sqrt(5))
    lowest = -1.0 if middle is None else np.cos(SPREAD)
    z = 1 - (1 - lowest) * (np.arange(count) + 0.5) / count
    points = np.stack([np.sqrt(1 - z * z) * np.cos(turn), np.sqrt(1 - z * z) * np.sin(turn), z], 1)
    return points if middle is None else points @ _axes(np.array(middle))


def _axes(z: np.ndarray) -> np.ndarray:
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z]).astype(np.float32)


def _shares(head: Head, vertices: np.ndarray) -> np.ndarray:
    from talkinghead.head.normals import vertex_normals

    normals = vertex_normals(vertices, head.faces)
    cell = float(np.linalg.norm(np.ptp(head.template, 0))) / CELLS
    centre = head.template.mean(0)
    points = np.ascontiguousarray((_spread(vertices, head.faces, cell) - centre).T, np.float32)
    lifted = np.ascontiguousarray((vertices + normals * (1.2 * cell) - centre).T, np.float32)
    around = _directions()
    facing = np.maximum(normals @ around.T, 0)  # (V, N)
    seen = np.stack([_visible(points, lifted, d, cell) for d in around], 1)
    columns = [(seen * facing).sum(1) / np.maximum(facing.sum(1), 1e-6)]
    for direction, _ in look.LIGHTS:
        columns.append(np.mean([_visible(points, lifted, d, cell) for d in _directions(direction)], 0))
    return _smooth(np.stack(columns, 1), head.faces).astype(np.float32)


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
    across, up, toward = _axes(direction) / cell
    middle = CELLS  # of the grid: twice the diagonal, so that nothing falls outside
    side = 2 * CELLS
    nearest = np.full(side * side, -np.inf, np.float32)
    row = np.clip(across @ points + middle, 0, side - 1).astype(np.int32)
    column = np.clip(up @ points + middle, 0, side - 1).astype(np.int32)
    np.maximum.at(nearest, row * side + column, toward @ points)
    u, v = (np.clip(axis @ where + (middle - 0.5), 0, side - 2) for axis in (across, up))
    depth = toward @ where
    base_u, base_v = u.astype(np.int32), v.astype(np.int32)
    part_u, part_v = u - base_u, v - base_v
    share = np.zeros(len(depth), np.float32)
    for du, weight_u in ((0, 1 - part_u), (1, part_u)):
        for dv, weight_v in ((0, 1 - part_v), (1, part_v)):
            behind = nearest[(base_u + du) * side + base_v + dv] - depth
            share += weight_u * weight_v * np.clip(1.5 - behind, 0, 1)  # hidden when more than a cell or so behind
    return share


def _smooth(values: np.ndarray, faces: np.ndarray, times: int = 2) -> np.ndarray:
    """Mean with the neighbours along edges, against the noise of the coarse views."""
    start, end = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    count = np.bincount(start, minlength=len(values))[:, None] + 1
    for _ in range(times):
        total = np.stack([np.bincount(start, column[end], len(values)) for column in values.T], 1)
        values = (values + total) / count
    return values
