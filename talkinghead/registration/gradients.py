"""Deformation transfer: the shapes of one surface on another one (Sumner and Popovic, SIGGRAPH 2004).

A shape changes the frame of each triangle (two edges and the normal) by a 3x3 matrix S. The other surface takes on the
displacements d whose gradients come nearest to S - 1, in the sense of least squares over its area; this is a Poisson
equation (Botsch et al., Deformation Transfer for Detail-Preserving Surface Editing, VMV 2006), factorised once for all shapes.

Legend: V vertices, F triangles, K shapes.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from talkinghead.registration.surface import Surface


def gradient(surface: Surface) -> csr_array:
    """(3 F, V): values at the vertices -> their gradient on each triangle."""
    corners = surface.points[surface.faces]
    double = np.maximum(2 * surface.areas, 1e-16)
    rows, columns, values = [], [], []
    for k in range(3):
        edge = corners[:, (k + 2) % 3] - corners[:, (k + 1) % 3]
        slope = np.cross(surface.face_normals, edge) / double[:, None]
        rows.append(np.arange(3 * len(corners)))
        columns.append(np.repeat(surface.faces[:, k], 3))
        values.append(slope.reshape(-1))
    table = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(table, shape=(3 * len(corners), len(surface.points))).tocsr()


def stretches(surface: Surface, shapes: np.ndarray) -> np.ndarray:
    """(K, F, 3, 3) S - 1 of each triangle, transposed, for (K, V, 3) displacements."""
    inverse = np.linalg.inv(_frames(surface.points[surface.faces]))
    out = np.empty((len(shapes), len(surface.faces), 3, 3), np.float32)
    for row, shape in enumerate(shapes):
        moved = _frames((surface.points + shape)[surface.faces]) @ inverse - np.eye(3)
        out[row] = np.swapaxes(moved, 1, 2)
    return out


def _frames(corners: np.ndarray) -> np.ndarray:
    """(F, 3, 3), columns: two edges, and the normal as long as the root of their cross product."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(first, second)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    normal = across / np.sqrt(np.maximum(length, 1e-18))
    normal = np.where(length > 1e-18, normal, [[0, 0, 1e-9]])
    frames = np.stack([first, second, normal], 2)
    flat = np.abs(np.linalg.det(frames)) < 1e-30
    frames[flat] = np.eye(3) * 1e-6
    return frames


class Transfer:
    """Displacements of a surface from wanted gradients and, with weights, wanted displacements."""

    def __init__(self, surface: Surface, trust: np.ndarray, hold: np.ndarray) -> None:
        """trust: (F,) weight of each triangle's gradient. hold: (V,) weight of each vertex's displacement."""
        self.slope = gradient(surface)
        weights = np.repeat(surface.areas * trust, 3)
        self.divergence = (diags_array(weights) @ self.slope).T.tocsr()
        count = np.bincount(surface.faces.reshape(-1), minlength=len(surface.points))
        self.hold = np.where(count > 0, hold, 1.0)
        self.solve = splu((self.divergence @ self.slope + diags_array(self.hold)).tocsc()).solve

    def __call__(self, wanted: np.ndarray, displaced: np.ndarray) -> np.ndarray:
        """(F, 3, 3) gradients (direction, component) and (V, 3) displacements -> (V, 3)."""
        right = self.divergence @ wanted.reshape(-1, 3).astype(np.float64) + self.hold[:, None] * displaced
        return self.solve(right)


class Smoothing:
    """Makes displacements smooth over about `length`, at some vertices only; implicit, so that fine and coarse meshes come out
    alike (Desbrun et al., Implicit Fairing, SIGGRAPH 1999)."""

    def __init__(self, surface: Surface, part: np.ndarray, length: float) -> None:
        """part: (V,) bool."""
        first, second = surface.edges[part[surface.edges].any(1)].T
        away = np.linalg.norm(surface.points[first] - surface.points[second], axis=1)
        weight = (length / np.maximum(away, 0.1 * length)) ** 2
        rows, columns = np.r_[first, second], np.r_[second, first]
        table = coo_array((np.tile(weight, 2), (rows, columns)), shape=(len(part),) * 2).tocsr()
        count = np.maximum(np.bincount(rows, minlength=len(part)), 1)
        table = (diags_array(1 / count) @ table).tocsr()[part]
        self.part, self.others = part, table[:, ~part]
        matrix = diags_array(1 + np.asarray(table.sum(1)).reshape(-1)) - table[:, part]
        self.solve = splu(matrix.tocsc()).solve

    def __call__(self, moved: np.ndarray) -> np.ndarray:
        """(V, 3) -> (V, 3)."""
        out = moved.copy()
        out[self.part] = self.solve(moved[self.part] + self.others @ moved[~self.part])
        return out
