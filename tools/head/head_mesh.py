"""Pieces of the head: each is a mesh whose vertices follow MakeHuman's vertices linearly, so every target moves all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from head_source import MakeHuman
from scipy import sparse
from scipy.sparse.csgraph import connected_components


@dataclass
class Piece:
    """v vertices, f triangles. Positions for a body X (N, 3) are `bind @ X + offset`, in decimetres.

    uv is in [0, 1]² of the piece's own `tile` of the atlas. `ball` names the helper group of an eyeball, which turns rigidly
    with the units and only moves and scales with identity (a sphere must stay one, or it would wobble when it turns).
    """

    part: str
    bind: sparse.csr_matrix  # (v, N)
    offset: np.ndarray  # (v, 3)
    faces: np.ndarray  # (f, 3)
    uv: np.ndarray  # (u, 2)
    uv_faces: np.ndarray  # (f, 3)
    tile: str
    ball: np.ndarray | None = None  # (72,) MakeHuman vertices of the eye
    pivot: np.ndarray | None = None  # (3,) middle of the eyeball on the default person

    def place(self, body: np.ndarray) -> np.ndarray:
        """(v, 3) positions on the neutral body, (N, 3)."""
        return self.bind @ body + self.offset

    def follow(self, body: np.ndarray, change: np.ndarray, *, turns: bool) -> np.ndarray:
        """(v, 3) displacement when the body (N, 3) changes by (N, 3); `turns`: a face unit, otherwise identity."""
        if self.ball is None:
            return self.bind @ change
        points, moved = body[self.ball], change[self.ball]
        centre, mean = points.mean(0), moved.mean(0)
        arms, here = points - centre, self.place(body)
        if turns:
            return (here - self.pivot) @ _turn(arms, arms + moved - mean).T - (here - self.pivot)
        growth = ((moved - mean) * arms).sum() / (arms**2).sum()
        return mean + growth * (here - centre)


class Skin(NamedTuple):
    piece: Piece
    source_uv: np.ndarray  # (u, 2) in MakeHuman's own layout, to look masks up
    island: np.ndarray  # (f,) number of the UV island: see ISLANDS
    vertex: np.ndarray  # (v,) MakeHuman vertex, -1 for those made by the cut
    quads: np.ndarray  # (Q, 4) of the vertices above, for tracing edge loops


ISLANDS = ("face", "neck", "mouth", "left_socket", "right_socket")
NECK = (6.02, -0.24)  # the cut, decimetres on the base mesh: height at z = 0 and slope (lower in front)


def neck_height(points: np.ndarray) -> np.ndarray:
    """Signed distance in y above the plane of the cut."""
    return points[:, 1] - (NECK[0] + NECK[1] * points[:, 2])


def cut_skin(source: MakeHuman) -> Skin:
    """The body above the tilted neck plane. Triangles across it are clipped, so the rim is one clean flat loop."""
    quads, corners = source.quads("body")
    above = neck_height(source.vertices)
    place = source.vertices[quads]
    near = (above[quads].max(1) > 0) & (place[..., 1].min(1) > 5.2) & (abs(place[..., 0]).max(1) < 1.2)  # no arms
    quads, corners = quads[near], corners[near]
    island = _islands(corners, source.uv)
    faces = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    uv_faces = corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    made: dict[tuple[int, int], int] = {}
    rows = [(i, i, 1.0) for i in range(len(source.vertices))]
    uv = list(source.uv)
    snap = np.where(abs(above) < 0.045, 0.0, above)  # nearly on the plane: move it there instead of cutting slivers
    out_faces, out_uv, out_island = [], [], []
    for number, (face, corner) in enumerate(zip(faces, uv_faces, strict=True)):
        polygon = _clip(face, corner, snap, made, rows, uv)
        for k in range(1, len(polygon) - 1):
            out_faces.append([polygon[0][0], polygon[k][0], polygon[k + 1][0]])
            out_uv.append([polygon[0][1], polygon[k][1], polygon[k + 1][1]])
            out_island.append(island[number // 2])
    used, faces = np.unique(np.array(out_faces), return_inverse=True)
    used_uv, uv_faces = np.unique(np.array(out_uv), return_inverse=True)
    count = max(r for r, _, _ in rows) + 1
    bind = sparse.coo_matrix((*_coo(rows),), shape=(count, len(source.vertices))).tocsr()[used]
    offset = np.zeros((len(used), 3))
    snapped = (used < len(above)) & (snap[np.minimum(used, len(above) - 1)] == 0)
    offset[snapped, 1] = -above[used[snapped]]
    here = np.array(uv)[used_uv]
    piece = Piece("skin", bind, offset, faces.reshape(-1, 3), here, uv_faces.reshape(-1, 3), "face")
    vertex = np.where(used < len(above), used, -1)
    back = np.full(count, -1)
    back[used] = np.arange(len(used))
    whole = back[quads]
    return Skin(piece, here, np.array(out_island), vertex, whole[(whole >= 0).all(1)])


def _clip(face, corner, above, made, rows, uv) -> list[tuple[int, int]]:
    """Corners (vertex, uv) of the triangle's part above the plane; new ones are appended to rows and uv."""
    polygon = []
    for k in range(3):
        a, b, ua, ub = face[k], face[(k + 1) % 3], corner[k], corner[(k + 1) % 3]
        if above[a] >= 0:
            polygon.append((a, ua))
        if above[a] * above[b] < 0:
            key = (min(a, b), max(a, b))
            share = above[key[0]] / (above[key[0]] - above[key[1]])
            if key not in made:
                made[key] = rows[-1][0] + 1
                rows += [(made[key], key[0], 1 - share), (made[key], key[1], share)]
            first, last = (ua, ub) if key[0] == a else (ub, ua)
            uv.append((1 - share) * np.asarray(uv[first]) + share * np.asarray(uv[last]))
            polygon.append((made[key], len(uv) - 1))
    return polygon if len(polygon) > 2 and sum(above[v] > 0 if v < len(above) else 0 for v, _ in polygon) else []


def _coo(rows):
    table = np.array(rows)
    return table[:, 2], (table[:, 0].astype(int), table[:, 1].astype(int))


def _islands(corners: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(Q,) index into ISLANDS, told apart by where MakeHuman put them."""
    edges = np.concatenate([corners[:, [k, (k + 1) % 4]] for k in range(4)])
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(len(uv), len(uv)))
    label = connected_components(graph, directed=False)[1][corners[:, 0]]
    out = np.zeros(len(corners), int)
    for number in np.unique(label):
        mine = label == number
        x, y = uv[corners[mine]].reshape(-1, 2).mean(0)
        if y > 0.85:
            name = "neck"
        elif y < 0.14:
            name = "mouth"
        else:
            name = "face" if x > 0.6 else "left_socket" if x > 0.08 else "right_socket"
        out[mine] = ISLANDS.index(name)
    return out


def helper(source: MakeHuman, group: str, part: str, tile: str) -> Piece:
    """A helper group of the base mesh as it is (the tongue)."""
    quads, corners = source.quads(group)
    used, faces = np.unique(quads[:, [0, 1, 2, 0, 2, 3]], return_inverse=True)
    used_uv, uv_faces = np.unique(corners[:, [0, 1, 2, 0, 2, 3]], return_inverse=True)
    uv = source.uv[used_uv]
    uv = (uv - uv.min(0)) / np.ptp(uv, axis=0)
    bind = sparse.identity(len(source.vertices), format="csr")[used]
    return Piece(part, bind, np.zeros((len(used), 3)), faces.reshape(-1, 3), uv, uv_faces.reshape(-1, 3), tile)


def affine_bind(points: np.ndarray, anchors: np.ndarray, body: np.ndarray) -> sparse.csr_matrix:
    """(v, N) weights that carry `points` with the affine map that fits the anchors' motion best (anchors: vertex numbers).

    Linear in the anchors, so it is the same for every target; a rigid motion of the anchors moves the points rigidly.
    """
    design = np.column_stack([body[anchors], np.ones(len(anchors))])
    weights = np.column_stack([points, np.ones(len(points))]) @ np.linalg.pinv(design)
    rows = np.repeat(np.arange(len(points)), len(anchors))
    return sparse.coo_matrix((weights.ravel(), (rows, np.tile(anchors, len(points)))), shape=(len(points), len(body))).tocsr()


def _turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation that fits target = R source best (Kabsch 1976)."""
    left, _, right = np.linalg.svd(target.T @ source)
    return left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
