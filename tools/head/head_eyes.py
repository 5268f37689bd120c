"""Own eyeballs: pupil, iris and sclera as rings of a sphere with a corneal bulge, sharing one iris picture."""

from __future__ import annotations

import numpy as np
from head_mesh import Piece
from head_source import MakeHuman
from scipy import sparse

SEGMENTS = 24
RINGS = np.radians([4, 7.5, 11, 15, 19, 22.5, 25, 28, 33, 41, 51, 63, 77, 93])  # polar angles from the optical axis
LIMBUS = np.radians(23.7)  # where iris meets sclera: 12.2 mm across on MakeHuman's large ball (30 mm)
BULGE = 0.006  # decimetres that the cornea stands out of the sphere
REACH = np.radians(56.0)  # polar angle at the edge of the picture


def eyeball(source: MakeHuman, body: np.ndarray, side: str) -> Piece:
    """The eyeball (l or r) that replaces MakeHuman's helper of 72 vertices. It looks straight ahead along z."""
    anchors = np.unique(source.quads(f"helper-{side}-eye")[0])
    points = body[anchors]
    centre, radius = fit_sphere(points[points[:, 2] < np.percentile(points[:, 2], 75)])  # without the helper's own cornea
    angle = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
    polar = np.concatenate([[0.0], np.repeat(RINGS, SEGMENTS)])
    around = np.concatenate([[0.0], np.tile(angle, len(RINGS))])
    bulge = BULGE * np.clip(1 - (polar / np.radians(29)) ** 2, 0, 1) ** 1.2
    along = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], 1)
    points = centre + along * (radius + bulge)[:, None]
    place = np.minimum(polar / REACH, 1) * 0.5
    uv = np.stack([0.5 + place * np.cos(around), 0.5 + place * np.sin(around)], 1)
    ring = np.arange(SEGMENTS)
    after = (ring + 1) % SEGMENTS
    faces = [np.stack([np.zeros(SEGMENTS, int), 1 + ring, 1 + after], 1)]
    for k in range(len(RINGS) - 1):
        inner, outer = 1 + k * SEGMENTS, 1 + (k + 1) * SEGMENTS
        faces.append(np.stack([inner + ring, outer + ring, outer + after], 1))
        faces.append(np.stack([inner + ring, outer + after, inner + after], 1))
    table = np.concatenate(faces)
    mean = sparse.csr_matrix(np.full((1, len(anchors)), 1 / len(anchors)))
    rows = sparse.vstack([mean] * len(points)).tocoo()
    bind = sparse.coo_matrix((rows.data, (rows.row, anchors[rows.col])), shape=(len(points), len(body))).tocsr()
    return Piece("eyes", bind, points - bind @ body, table, uv, table.copy(), "eye", ball=anchors, pivot=centre)


def fit_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre and radius, least squares on |p|² = 2 p·c + (r² - |c|²)."""
    design = np.column_stack([2 * points, np.ones(len(points))])
    solution = np.linalg.lstsq(design, (points**2).sum(1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))
