"""Rounder outlines: edges far from the curve that their normals define get a vertex in the middle, on that curve.

The middle is that of a curved PN triangle's edge (Vlachos et al. 2001), so the head's own vertices stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

FLAT = 1 / 4000  # of the head's height: how far an edge may be from its curve before it is split
BULGE = 0.12  # of an edge's length: the furthest its middle may move, whatever the normals say


@dataclass(frozen=True)
class Split:
    """edges: (M, 2) vertices whose middles come after the others. triangles: the new ones. runs: where each old run is."""

    edges: np.ndarray
    triangles: np.ndarray
    runs: list[tuple[int, int]]

    def middles(self, data: np.ndarray) -> np.ndarray:
        """(U, C) of position, normal and whatever else -> (M, C); the rest is the mean of both ends."""
        a, b = data[self.edges[:, 0]], data[self.edges[:, 1]]
        middle = (a + b) / 2
        middle[:, :3] += _bulge(a, b)
        middle[:, 3:6] /= np.maximum(np.linalg.norm(middle[:, 3:6], axis=1, keepdims=True), 1e-9)
        return middle


def distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `np.unique(rows, axis=0, return_inverse=True)` of (N, C) numbers from 0 on, several times as fast: one key per row."""
    sizes = [int(size) + 1 for size in rows.max(0, initial=0)]
    if prod(sizes) >= 1 << 63:  # no room for such a key
        unique, inverse = np.unique(rows, axis=0, return_inverse=True)
        return unique, inverse.reshape(-1)
    keys, inverse = np.unique(np.ravel_multi_index(tuple(rows.T.astype(np.int64)), sizes), return_inverse=True)
    return np.stack(np.unravel_index(keys, sizes), 1), inverse.reshape(-1)


def _bulge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(M, 3) from the straight middle to the curved one."""
    along = b[:, :3] - a[:, :3]
    rise = np.einsum("mx,mx->m", along, b[:, 3:6])[:, None] * b[:, 3:6]
    rise -= np.einsum("mx,mx->m", along, a[:, 3:6])[:, None] * a[:, 3:6]
    rise /= 8
    size = np.linalg.norm(rise, axis=1, keepdims=True)
    limit = BULGE * np.linalg.norm(along, axis=1, keepdims=True)
    return rise * np.minimum(1, limit / np.maximum(size, 1e-12))


def split(data: np.ndarray, triangles: np.ndarray, runs: list[tuple[int, int]], smooth: np.ndarray, tall: float) -> Split:
    """Split triangles wherever an edge of the (U, 6) positions and normals is far from its curve and both ends are `smooth`."""
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), 1)
    edges, number = distinct_rows(sides)
    number = number.reshape(3, -1).T  # (F, 3): edge opposite to corner 2, 0, 1
    a, b = data[edges[:, 0]], data[edges[:, 1]]
    far = np.linalg.norm(_bulge(a, b), axis=1) > FLAT * tall
    far &= np.einsum("ex,ex->e", a[:, 3:6], b[:, 3:6]) > 0.3  # a real crease stays one
    far &= smooth[edges].all(1)
    middle = np.where(far, len(data) + np.cumsum(far) - 1, -1)[number]
    pieces, found = [], []
    for run in runs:
        part = _pieces(triangles[slice(*run)], middle[slice(*run)])
        start = sum(map(len, pieces))
        found.append((start, start + len(part)))
        pieces.append(part)
    return Split(edges[far], np.concatenate(pieces).astype(np.int32), found)


def _pieces(triangles: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Triangles cut at their split edges: into 1, 2, 3 or 4."""
    out = []
    count = (middle >= 0).sum(1)
    out.append(triangles[count == 0])
    for cuts, first in ((1, lambda m: m >= 0), (2, lambda m: m < 0), (3, None)):
        rows = count == cuts
        t, m = triangles[rows], middle[rows]
        if first is not None:  # turn each so that the odd edge is the first
            turn = (np.argmax(first(m), 1)[:, None] + np.arange(3)) % 3
            t, m = np.take_along_axis(t, turn, 1), np.take_along_axis(m, turn, 1)
        (a, b, c), (ab, bc, ca) = t.T, m.T
        cut = {
            1: [(a, ab, c), (ab, b, c)],
            2: [(c, ca, bc), (a, b, bc), (a, bc, ca)],
            3: [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)],
        }
        out += [np.stack(corners, 1) for corners in cut[cuts]]
    return np.concatenate(out)
