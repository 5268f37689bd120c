"""Non-rigid registration: the template's skin laid onto a mesh.

After a warp that takes the landmarks along (biharmonic splines; Bookstein, PAMI 1989), each vertex that is seen is drawn to the
nearest point of the mesh, while a thin plate keeps the displacements smooth; its stiffness falls step by step (Amberg,
Romdhani and Vetter, Optimal Step Nonrigid ICP Algorithms, CVPR 2007, with the bilaplacian of Botsch and Sorkine, On Linear
Variational Surface Deformation Methods, TVCG 2008, in the place of affine frames). Correspondences to rims, against the
normals, too far away or to the other lip are left out.

Legend: v template vertices, L landmarks; metres at the size of the default head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from talkinghead.registration.mouth import opening
from talkinghead.registration.surface import Surface, along, shares
from talkinghead.registration.template import LOWER, TRACKED, UPPER, Edge, Template

STIFFNESS = (3e4, 1e4, 3e3, 1e3, 300.0, 100.0, 30.0, 10.0, 4.0)
ROUNDS = 2  # at each stiffness
REACH = (0.030, 0.006)  # metres: largest distance of a correspondence, at the first stiffness and at the last
FACING = 0.5  # cosine of the angle between normals
MARKS = (30.0, 0.5)  # weight of a landmark at the first stiffness and at the last; a vertex has 1
LIPS, LIPS_FROM = 4.0, 0.3  # weight of the lips' contact, and the share of the steps from which on it holds
REST = 1e-3  # weight of no displacement, for what nothing else holds
SMOOTHING = 0.01  # of the spline
SPACING = 0.0025  # metres between samples of a surface
# The outline of the face: where the tracker puts it depends on the side that it looks from
OUTLINE = (
    *(338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)


@dataclass(frozen=True, eq=False)
class Target:
    """The mesh, in the default head's axes and size. skin: faces of the skin; seen: (V,) bool; sides: (V,) of the mouth.

    marks: (468, 3), NaN where not known. edges: the contact of the lips, points of the upper and of the lower lip's edge.
    lids: side -> where the skin above and below an eyeball begins.
    """

    surface: Surface
    skin: np.ndarray
    seen: np.ndarray
    sides: np.ndarray
    marks: np.ndarray
    edges: tuple[np.ndarray, np.ndarray]
    lids: dict[str, tuple[Edge, Edge]]


def warp(template: Template, marks: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Places on the template -> places on the mesh, by the landmarks alone."""
    from scipy.interpolate import RBFInterpolator

    known = np.asarray(np.isfinite(marks).all(1))
    known[list(OUTLINE)] = False
    known[[10, 152]] = np.isfinite(marks[[10, 152]]).all(1)
    source = template.tracked[:TRACKED][known]
    spline = RBFInterpolator(source, marks[known] - source, kernel="linear", degree=1, smoothing=SMOOTHING)
    return lambda points: points + spline(points)


def register(template: Template, target: Target, tick: Callable[[], None] = lambda: None) -> np.ndarray:
    """(v, 3) the skin of the template on the mesh."""
    start = warp(template, target.marks)(template.skin.points)
    skin = Surface(start, template.skin.faces)
    plate = _plate(skin)
    pulls = _Pulls(template, target)
    marks, lips = _marks(template, target), _lips(template, target)
    points = start
    for step, stiffness in enumerate(STIFFNESS):
        share = step / (len(STIFFNESS) - 1)
        reach = REACH[0] * (REACH[1] / REACH[0]) ** share
        of_marks = MARKS[0] * (MARKS[1] / MARKS[0]) ** share
        for _ in range(ROUNDS):
            matrix, wanted = pulls(Surface(points, template.skin.faces), reach)
            left = stiffness * plate + diags_array(matrix + REST) + of_marks * marks[0].T @ marks[0]
            right = matrix[:, None] * (wanted - start) + of_marks * marks[0].T @ (marks[1] - marks[0] @ start)
            if share >= LIPS_FROM:
                left = left + LIPS * lips[0].T @ lips[0]
                right = right + LIPS * lips[0].T @ (lips[1] - lips[0] @ start)
            points = start + splu(left.tocsc()).solve(right)
        tick()
    return points


def _plate(surface: Surface) -> csr_array:
    """(v, v) the energy of a thin plate, without unit: the squared Laplacian over the area."""
    faces, points = surface.faces, surface.points
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, o = faces[:, k], faces[:, (k + 1) % 3], faces[:, (k + 2) % 3]
        a, b = points[i] - points[o], points[j] - points[o]
        cot = np.einsum("fx,fx->f", a, b) / np.maximum(np.linalg.norm(np.cross(a, b), axis=1), 1e-12)
        cot = np.clip(cot, 0.05, 5) / 2
        rows += [i, j, i, j]
        columns += [j, i, i, j]
        values += [-cot, -cot, cot, cot]
    size = (len(points),) * 2
    laplacian = coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=size).tocsr()
    area = np.bincount(faces.reshape(-1), np.repeat(surface.areas / 3, 3), len(points))
    typical = area[area > 0].mean()
    return laplacian.T @ diags_array(typical / np.maximum(area, 0.05 * typical)) @ laplacian


def _marks(template: Template, target: Target) -> tuple[csr_array, np.ndarray]:
    """(L, v) weights that make the landmarks of the vertices, and (L, 3) where they are on the mesh."""
    known = np.asarray(np.isfinite(target.marks[:TRACKED]).all(1))
    known[list(OUTLINE)] = False
    table = template.tracked_table[known]
    corners = template.skin.faces[table[:, 0].astype(int)]
    weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], 1)
    row = np.repeat(np.arange(len(table)), 3)
    matrix = coo_array((weights.reshape(-1), (row, corners.reshape(-1))), shape=(len(table), template.count)).tocsr()
    return matrix, target.marks[:TRACKED][known]


def _lips(template: Template, target: Target) -> tuple[csr_array, np.ndarray]:
    """(n, v) weights that make places where the template's lips touch and its lids end, and (n, 3) those of the mesh."""
    skin = template.skin
    faces = np.flatnonzero(template.seen[skin.faces].all(1))
    line = opening.find_line(skin, faces, template.tracked)
    rows, columns, values, goals = [], [], [], []
    for ours, theirs, side in zip(
        opening.contact(skin, faces, template.sides, line), target.edges, (UPPER, LOWER), strict=True
    ):
        mine = faces[(template.sides[skin.faces[faces]] == side).any(1)]
        face, weights, _ = skin.part(mine, SPACING)(ours)
        rows.append(np.repeat(np.arange(len(ours)), 3) + sum(map(len, goals)))
        columns.append(skin.faces[face].reshape(-1))
        values.append(weights.reshape(-1))
        goals.append(along(theirs, shares(ours)))
    for side, theirs in target.lids.items():
        for (face, weights, _), (*_, place) in zip(template.lid_edges.get(side, ()), theirs, strict=False):
            rows.append(np.repeat(np.arange(len(face)), 3) + sum(map(len, goals)))
            columns.append(skin.faces[face].reshape(-1))
            values.append(weights.reshape(-1))
            goals.append(place)
    goal = np.concatenate(goals)
    table = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_array(table, shape=(len(goal), template.count)).tocsr(), goal


class _Pulls:
    """Where each vertex of the template is drawn to, and with which weight."""

    def __init__(self, template: Template, target: Target) -> None:
        self.template, self.target = template, target
        surface = target.surface
        faces = target.skin[target.seen[surface.faces[target.skin]].all(1)]
        side = target.sides[surface.faces[faces]]
        self.places = {
            0: surface.part(faces, SPACING),
            UPPER: surface.part(faces[(side != LOWER).any(1)], SPACING),
            LOWER: surface.part(faces[(side != UPPER).any(1)], SPACING),
        }

    def __call__(self, skin: Surface, reach: float) -> tuple[np.ndarray, np.ndarray]:
        surface, wanted = self.target.surface, skin.points.copy()
        weight = np.zeros(len(wanted))
        for side, nearest in self.places.items():
            mine = np.flatnonzero(self.template.seen & (self.template.sides == side))
            face, corners, place = nearest(skin.points[mine], skin.normals[mine])
            away = np.linalg.norm(place - skin.points[mine], axis=1)
            normal = np.einsum("nc,ncx->nx", corners, surface.normals[surface.faces[face]])
            facing = np.einsum("nx,nx->n", normal, skin.normals[mine]) / np.maximum(np.linalg.norm(normal, axis=1), 1e-9)
            rim = (surface.rim[surface.faces[face]] * (corners > 1e-6)).sum(1) >= np.maximum((corners > 1e-6).sum(1), 1)
            good = (away < reach) & (facing > FACING) & ~rim
            wanted[mine[good]], weight[mine[good]] = place[good], 1.0
        return weight, wanted
