"""Vertex normals. V vertices, F triangles."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, faces: np.ndarray, missing: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """(V, 3) float32 unit normals: the area-weighted mean of the faces around each vertex.

    vertices: (V, 3), computed in their own precision. faces: (F, 3). missing: normal of a vertex whose faces have no area.
    """
    corners, points = np.ascontiguousarray(faces.T), np.ascontiguousarray(vertices.T)
    first, second, third = (points[:, row] for row in corners)
    (ux, uy, uz), (vx, vy, vz) = second - first, third - first
    across = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx  # twice the area times the face's normal
    total = np.stack([np.bincount(corners.reshape(-1), np.tile(side, 3), len(vertices)) for side in across], 1)
    length = np.sqrt(total[:, :1] ** 2 + total[:, 1:2] ** 2 + total[:, 2:] ** 2)
    normals = (total / np.maximum(length, 1e-20)).astype(np.float32)
    return np.where(length > 1e-14, normals, np.array(missing, np.float32)) if any(missing) else normals
