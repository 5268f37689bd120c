"""Vertex normals. V vertices, F triangles."""

from __future__ import annotations

import numpy as np


def vertex_normals(vertices: np.ndarray, faces: np.ndarray, missing: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    """(V, 3) float32 unit normals: the area-weighted mean of the faces around each vertex.

    vertices: (V, 3), computed in their own precision. faces: (F, 3). missing: normal of a vertex whose faces have no area.
    """
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    across = np.cross(b - a, c - a)  # twice the area times the face's normal
    corners = faces.T.reshape(-1)
    total = np.stack([np.bincount(corners, np.tile(across[:, i], 3), len(vertices)) for i in range(3)], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    normals = (total / np.maximum(length, 1e-20)).astype(np.float32)
    return np.where(length > 1e-14, normals, np.array(missing, np.float32)) if any(missing) else normals
