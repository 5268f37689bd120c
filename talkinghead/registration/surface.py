"""Triangle meshes as surfaces: pieces, rims, distances along them and the nearest point on them. V vertices, F triangles."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

from talkinghead.head.normals import vertex_normals

SAME = 1e-6  # of the size of the mesh: vertices that are this near to each other are one, split along a seam
DENSE = 400_000  # faces of a surface on which one sample a small face is enough
NEAREST = 10  # samples whose triangles are tried for the nearest point
BLOCK = 50_000  # points that are asked for at a time, each with NEAREST triangles
AGAINST = 0.004  # metres by which a place whose normal is against the point's counts as further away than one with the same


class Surface:
    """points: (V, 3). faces: (F, 3). Nothing of it changes."""

    def __init__(self, points: np.ndarray, faces: np.ndarray) -> None:
        self.points = np.asarray(points, np.float64)
        self.faces = np.asarray(faces, np.int64)

    @cached_property
    def normals(self) -> np.ndarray:
        """(V, 3)."""
        return vertex_normals(self.points, self.faces).astype(np.float64)

    @cached_property
    def areas(self) -> np.ndarray:
        """(F,)."""
        return np.linalg.norm(self._across, axis=1) / 2

    @cached_property
    def face_normals(self) -> np.ndarray:
        """(F, 3)."""
        return self._across / np.maximum(np.linalg.norm(self._across, axis=1, keepdims=True), 1e-20)

    @cached_property
    def _across(self) -> np.ndarray:
        a, b, c = (self.points[self.faces[:, k]] for k in range(3))
        return np.cross(b - a, c - a)

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) each edge once, the lower vertex first."""
        return self._edges[0]

    @cached_property
    def rim(self) -> np.ndarray:
        """(V,) bool: vertices on an edge that has one face only."""
        edges, count = self._edges
        out = np.zeros(len(self.points), bool)
        out[edges[count == 1]] = True
        return out

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        faces, many = self.faces, len(self.points)
        pairs = np.sort(np.concatenate([faces[:, :2], faces[:, 1:], faces[:, ::2]]), 1)
        keys, count = np.unique(pairs[:, 0] * many + pairs[:, 1], return_counts=True)  # of rows it would take ten times as long
        return np.stack([keys // many, keys % many], 1), count

    @cached_property
    def graph(self) -> csr_array:
        """(V, V) lengths of the edges, both ways."""
        first, second = self.edges.T
        length = np.maximum(np.linalg.norm(self.points[first] - self.points[second], axis=1), 1e-12)
        size = (len(self.points),) * 2
        return coo_array((np.tile(length, 2), (np.r_[first, second], np.r_[second, first])), shape=size).tocsr()

    @cached_property
    def pieces(self) -> np.ndarray:
        """(V,) number of the piece that each vertex belongs to."""
        return connected_components(self.graph, directed=False)[1]

    def distance(self, seeds: np.ndarray, limit: float = np.inf) -> np.ndarray:
        """(V,) length of the shortest way along edges from the nearest of the vertices `seeds`; inf where there is none."""
        return dijkstra(self.graph, indices=np.asarray(seeds), min_only=True, limit=limit)

    def samples(self, faces: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
        """Points on some of the faces (indices), about `spacing` apart: (N, 3), and (N,) the face of each."""
        corners = self.points[self.faces[faces]]
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
        parts = np.clip(np.ceil(sides / spacing).astype(int), 1, 12)
        places, owners = [], []
        for n in np.unique(parts):
            mine = parts == n
            if n == 1 and len(faces) > DENSE:  # their corners would be six times as many places as there are vertices
                places.append(corners[mine].mean(1))
                owners.append(faces[mine])
                continue
            i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1))
            keep = i + j <= n
            weights = np.stack([i[keep], j[keep], n - i[keep] - j[keep]], 1) / n
            places.append(np.einsum("wc,fcx->fwx", weights, corners[mine]).reshape(-1, 3))
            owners.append(np.repeat(faces[mine], len(weights)))
        return np.concatenate(places), np.concatenate(owners)

    def part(self, faces: np.ndarray, spacing: float) -> Nearest:
        """Some of the faces, ready to be asked for their nearest points."""
        return Nearest(self, faces, spacing)


class Nearest:
    """The nearest points on some faces of a surface."""

    def __init__(self, surface: Surface, faces: np.ndarray, spacing: float) -> None:
        self.surface = surface
        places, self.owner = surface.samples(np.asarray(faces), spacing)
        self.tree = KDTree(places)

    def __call__(self, points: np.ndarray, normals: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, 3) points -> their nearest faces (N,), (N, 3) weights of the corners, and (N, 3) the places.

        normals: (N, 3) of the points; of two layers, such as both sides of a lid, the one that looks the same way is taken.
        """
        if len(points) > BLOCK:
            cuts = range(BLOCK, len(points), BLOCK)
            parts = np.split(points, cuts), [None] * (len(cuts) + 1) if normals is None else np.split(normals, cuts)
            face, weights, places = zip(*(self(*part) for part in zip(*parts, strict=True)), strict=True)
            return np.concatenate(face), np.concatenate(weights), np.concatenate(places)
        from trimesh.triangles import closest_point

        many = min(NEAREST, self.tree.n)
        _, near = self.tree.query(points, k=many)
        faces = self.owner[near.reshape(len(points), many)]
        corners = self.surface.points[self.surface.faces[faces]].reshape(-1, 3, 3)
        places = closest_point(corners, np.repeat(points, many, 0)).reshape(len(points), many, 3)
        cost = np.linalg.norm(places - points[:, None], axis=2)
        if normals is not None:
            cost += AGAINST / 2 * (1 - np.einsum("nkx,nx->nk", self.surface.face_normals[faces], normals))
        best = cost.argmin(1)
        row = np.arange(len(points))
        place, face = places[row, best], faces[row, best]
        return face, barycentric(self.surface.points[self.surface.faces[face]], place), place


def barycentric(corners: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N, 3, 3) corners and (N, 3) places in their planes -> (N, 3) weights, none negative, their sum 1."""
    first, second, to = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], places - corners[:, 0]
    aa, ab, bb = (np.einsum("nx,nx->n", p, q) for p, q in ((first, first), (first, second), (second, second)))
    ta, tb = (np.einsum("nx,nx->n", to, q) for q in (first, second))
    under = np.maximum(aa * bb - ab * ab, 1e-30)
    v, w = (bb * ta - ab * tb) / under, (aa * tb - ab * ta) / under
    weights = np.clip(np.stack([1 - v - w, v, w], 1), 0, None)
    return weights / weights.sum(1, keepdims=True)


def weld(points: np.ndarray, kinds: np.ndarray | None = None) -> np.ndarray:
    """(V,) number of the place of each vertex: vertices at one place are one, unless their (V,) kinds differ."""
    size = max(float(np.ptp(points, axis=0).max()), 1e-30)
    x, y, z = np.round((points - points.min(0, initial=np.inf)) / (SAME * size)).astype(np.int64).T  # at most 10^6, in 20 bits
    keys = ((x << 40) + (y << 20) + z) * 4 + (0 if kinds is None else kinds)
    return np.unique(keys, return_inverse=True)[1].reshape(-1)


def shares(line: np.ndarray) -> np.ndarray:
    """(n,) length along a line of points up to each, as a share of the whole."""
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    return length / max(length[-1], 1e-12)


def along(line: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(n, 3) places on a line of points at shares of its length."""
    known = shares(line)
    return np.stack([np.interp(share, known, line[:, k]) for k in range(3)], 1)
