"""A plain jersey with a standing collar, which hides where the neck ends: MakeHuman's shoulders, eased and off the skin."""

from __future__ import annotations

import numpy as np
from head_identity import default_body
from head_mesh import _clip, neck_height
from head_source import MakeHuman
from scipy import sparse

from talkinghead.head.head import Head
from talkinghead.head.normals import vertex_normals

LOW, ACROSS = 4.0, 3.0  # decimetres: where the jersey ends below the picture
TOP = 0.30  # above the cut of the neck, decimetres
LIFT, EASE = 0.050, 14  # off the skin; rounds that take out collarbones and breasts


def collar(source: MakeHuman, head: Head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices (N, 3) in metres in the space of `head`, faces (F, 3) and uv (N, 2) in the tile of cloth."""
    body = default_body(source)
    points, faces = _cut(source, body)
    points = _eased(points, faces)
    points, faces = _rim(points, faces)
    uv = np.stack([np.arctan2(points[:, 0], points[:, 2]) / np.pi * 0.5 + 0.5, (points[:, 1] - LOW) / 2.6], 1)
    origin = origin_of(source, body, head)
    return (points - origin) * 0.1, faces, np.clip(uv, 0, 1)


def origin_of(source: MakeHuman, body: np.ndarray, head: Head) -> np.ndarray:
    """Where the head has its zero: the middle between its eyes tells."""
    from head_eyes import fit_sphere

    centres = []
    for side in "lr":
        points = body[np.unique(source.quads(f"helper-{side}-eye")[0])]
        centres.append(fit_sphere(points[points[:, 2] < np.percentile(points[:, 2], 75)])[0])
    return np.mean(centres, 0) - np.mean([head.joints["left_eye"], head.joints["right_eye"]], 0) * 10


def _cut(source: MakeHuman, body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    quads, corners = source.quads("body")
    inside = (body[quads, 1].max(1) > LOW) & (abs(body[quads, 0]).max(1) < ACROSS) & (neck_height(body)[quads].min(1) < TOP)
    inside &= ~((neck_height(body)[quads].max(1) > 0.1) & (body[quads, 2].max(1) > 0.95))  # the chin is near
    faces = quads[inside][:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    corners = corners[inside][:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    below = TOP - neck_height(body)
    below = np.where(abs(below) < 0.004, 0.0, below)
    rows, uv = [(i, i, 1.0) for i in range(len(body))], list(source.uv)
    made: dict[tuple[int, int], int] = {}
    out = []
    for face, corner in zip(faces, corners, strict=True):
        polygon = _clip(face, corner, below, made, rows, uv)
        out += [[polygon[0][0], polygon[k][0], polygon[k + 1][0]] for k in range(1, len(polygon) - 1)]
    table = np.array([(w, r, c) for r, c, w in rows])
    whole = sparse.coo_matrix((table[:, 0], (table[:, 1].astype(int), table[:, 2].astype(int)))).tocsr() @ body
    used, faces = np.unique(np.array(out), return_inverse=True)
    return whole[used], faces.reshape(-1, 3)


def _eased(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    graph = sparse.coo_matrix((np.ones(2 * len(ends)), (np.r_[ends[:, 0], ends[:, 1]], np.r_[ends[:, 1], ends[:, 0]])))
    graph = graph.tocsr()
    graph.data[:] = 1
    mean = sparse.diags(1 / np.asarray(graph.sum(1)).ravel()) @ graph
    share = np.clip((5.75 - points[:, 1]) / 0.4, 0, 1)[:, None]
    lifted = points + LIFT * vertex_normals(points, faces)
    for _ in range(EASE):
        lifted = lifted + 0.6 * share * (mean @ lifted - lifted)
    return lifted


def _rim(points: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edge of the collar rolled inwards, as cloth of 3 mm."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    known = set(map(tuple, edges.tolist()))
    border = [(a, b) for a, b in known if (b, a) not in known and min(points[a, 1], points[b, 1]) > 5.7]
    ring = sorted({v for edge in border for v in edge})
    place = {v: k for k, v in enumerate(ring)}
    middle = points[ring].mean(0)
    inward = (middle - points[ring]) * [1, 0, 1]
    inward /= np.linalg.norm(inward, axis=1, keepdims=True)
    rows, extra = len(points), []
    for inset, drop in ((0.012, -0.014), (0.030, -0.008), (0.040, 0.06)):
        extra.append(points[ring] + inset * inward - [0, drop, 0])
    out, start = [faces], rows
    for level in range(3):
        for a, b in border:
            one, two = (a, b) if level == 0 else (start - len(ring) + place[a], start - len(ring) + place[b])
            out.append(np.array([[two, one, start + place[a]], [two, start + place[a], start + place[b]]]))
        start += len(ring)
    return np.concatenate([points, *extra]), np.concatenate(out)
