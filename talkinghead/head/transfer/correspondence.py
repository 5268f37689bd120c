"""Which point of one head's surface is the same place of a face as each vertex of another's. V vertices, F triangles.

Heads of one mesh correspond vertex by vertex. Others are laid over each other: by a similarity and a thin-plate spline through
landmarks that both have (Bookstein 1989), then by a few rounds of closest points with displacements that vary smoothly over the
face. Points correspond if they are near, face the same way, and move alike when the jaw opens, which tells the upper lip from
the lower one where they touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import LIP_LANDMARKS
from talkinghead.head.normals import vertex_normals

FACING = 0.015  # metres that a normal turned by a right angle counts as, over the root of 2, on a usual face
JAW = 0.03  # metres that a vertex on the jaw and one off it count as apart, on a usual face
USUAL = 0.075  # metres from the eyes to the mouth of a usual face
FAR = 0.012  # metres, on a usual face: a vertex without a surface nearer than this has no counterpart
NEAREST = 4  # vertices whose triangles are looked at
ROUNDS = 3
CONTROLS = 250  # points of which the smooth displacement is made
STIFF = 1e-2  # smoothing of that displacement


@dataclass(frozen=True, eq=False)
class Correspondence:
    """vertices: (M,) of the target. corners (M, 3) and shares (M, 3): the point of the source that each corresponds to.

    scale: metres on the target for a metre on the source.
    """

    vertices: np.ndarray
    corners: np.ndarray
    shares: np.ndarray
    scale: float

    def sample(self, offsets: np.ndarray) -> np.ndarray:
        """(..., V, 3) offsets of the source's vertices -> (..., M, 3) metres at the target's vertices."""
        moved = np.zeros((*offsets.shape[:-2], len(self.vertices), 3), np.float32)
        for corner in range(3):  # one at a time: offsets of all corners would be large
            moved += offsets[..., self.corners[:, corner], :] * self.shares[:, corner, None]
        return moved * np.float32(self.scale)


@lru_cache(maxsize=8)
def correspondence(source: Head, target: Head) -> Correspondence:
    """The counterparts on `source` of the target's skin. Raises InputError where a head has no mesh or no face is found."""
    for head in (source, target):
        head.need_mesh()
    if len(source.template) == len(target.template) and np.array_equal(source.faces, target.faces):
        every = np.arange(len(target.template))
        sizes = [float(np.linalg.norm(head.template - head.template.mean(0))) for head in (source, target)]
        scale = sizes[1] / sizes[0] if sizes[0] > 0 else 1.0
        return Correspondence(every, np.repeat(every[:, None], 3, 1), np.tile([1.0, 0, 0], (len(every), 1)), scale)
    ours, theirs = anchors(source), anchors(target)
    shared = sorted(ours.keys() & theirs.keys())
    if len(shared) < 4:
        raise InputError(f"faces of {source.name!r} and {target.name!r} cannot be laid over each other: too few landmarks")
    start, end = (np.array([points[name] for name in shared]) for points in (ours, theirs))
    scale, turn, shift = _similarity(start, end)
    return _closest(source, target, _warped(source, target, start, end, (scale, turn, shift)), scale)


def anchors(head: Head) -> dict[str, np.ndarray]:
    """name -> (3,) metres: lips and eyes, and the tip of the nose and the chin where the profile tells them."""
    out = {name: head.landmark(name).astype(np.float64) for name in LIP_LANDMARKS if name in head.landmarks}
    out |= {name: head.joints[name].astype(np.float64) for name in ("left_eye", "right_eye") if name in head.joints}
    size = _size(head)
    if size:
        eyes, mouth = (np.mean([out[name] for name in names], 0) for names in (("left_eye", "right_eye"), LIP_LANDMARKS))
        skin = head.template[skin_of(head)]
        middle = skin[np.abs(skin[:, 0] - mouth[0]) < 0.12 * size].astype(np.float64)
        spans = {"nose": (mouth[1] + 0.1 * size, eyes[1]), "chin": (mouth[1] - 0.9 * size, mouth[1] - 0.35 * size)}
        for name, (low, high) in spans.items():
            part = middle[(middle[:, 1] > low) & (middle[:, 1] < high)]
            if len(part):
                out[name] = part[part[:, 2].argmax()] * [0, 1, 1] + [mouth[0], 0, 0]
    return out


def skin_of(head: Head) -> np.ndarray:
    """(M,) vertices of the skin: of the parts of that name, or of all that are no eyeballs, teeth or tongue."""
    skin = np.zeros(len(head.template), bool)
    parts = [part for part in head.parts if part.name == "skin"]
    for part in parts:
        skin[head.faces[slice(*part.faces)]] = True
    if not parts:
        skin[:] = True
        for name in ("eyeballs", "teeth", "tongue"):
            skin &= head.regions.get(name, np.zeros(len(skin))) < 0.5
    return np.flatnonzero(skin)


def has_face(head: Head) -> bool:
    """Whether a head has a mesh on which the face can be found."""
    return len(head.template) > 0 and _size(head) > 0


def _size(head: Head) -> float:
    """Metres from the eyes to the mouth; 0 where the head does not tell."""
    if not head.landmarks.keys() >= set(LIP_LANDMARKS) or not {"left_eye", "right_eye"} <= head.joints.keys():
        return 0.0
    eyes = np.mean([head.joints["left_eye"], head.joints["right_eye"]], 0)
    return float(np.linalg.norm(eyes - head.landmark(list(LIP_LANDMARKS)).mean(0)))


def jaw_share(head: Head) -> np.ndarray:
    """(V,) in [0, 1]: how far each vertex goes with the jaw; zeros where no shape opens it."""
    names = [name for name in ("jawOpen", "jaw_x") if name in head.names]
    if not names:
        return np.zeros(len(head.template))
    far = np.linalg.norm(head.basis[head.index(names[0])], axis=1)
    return np.clip(far / max(float(np.quantile(far[far > 0], 0.95)), 1e-9), 0, 1) if far.any() else far


def _similarity(start: np.ndarray, end: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, (3, 3) rotation and (3,) shift that bring `start` nearest to `end` (Umeyama 1991)."""
    from scipy.spatial.transform import Rotation

    first, last = start - start.mean(0), end - end.mean(0)
    turn = Rotation.align_vectors(last, first)[0].as_matrix()
    scale = float(np.sum(last * (first @ turn.T)) / np.sum(first**2))
    return scale, turn, end.mean(0) - scale * turn @ start.mean(0)


def _warped(source: Head, target: Head, start: np.ndarray, end: np.ndarray, pose: tuple) -> np.ndarray:
    """(V, 3) vertices of the source laid over the target."""
    from scipy.interpolate import RBFInterpolator

    scale, turn, shift = pose
    placed = scale * source.template @ turn.T + shift
    bend = RBFInterpolator(scale * start @ turn.T + shift, end - (scale * start @ turn.T + shift), kernel="linear", degree=0)
    placed = placed + bend(placed)
    size = _size(target) or USUAL
    skin = skin_of(source)
    front = skin[np.linalg.norm(placed[skin] - end.mean(0), axis=1) < 1.6 * size]
    picked = front[np.linspace(0, len(front) - 1, min(CONTROLS, len(front))).astype(int)]
    for _ in range(ROUNDS):
        at, corners, shares, far = _on_surface(target, _features(target, target.template, size), placed, source, picked, size)
        near = far < FAR * size / USUAL
        goal = np.einsum("mcx,mc->mx", target.template[corners], shares)[near]
        points = np.concatenate([placed[at[near]], end])
        moves = np.concatenate([goal - placed[at[near]], np.zeros_like(end)])
        points, keep = np.unique(points.round(9), axis=0, return_index=True)
        smooth = RBFInterpolator(
            points / size, moves[keep], kernel="thin_plate_spline", smoothing=STIFF * len(points), degree=1
        )
        placed[front] += smooth(placed[front] / size)
    return placed


def _features(head: Head, places: np.ndarray, size: float) -> np.ndarray:
    """(V, 7) what counts as near: where a vertex is, which way it faces, and how far it goes with the jaw; metres."""
    unit = size / USUAL
    normals = vertex_normals(places, head.faces)
    return np.concatenate([places, FACING * unit * normals, JAW * unit * jaw_share(head)[:, None]], 1)


def _closest(source: Head, target: Head, placed: np.ndarray, scale: float) -> Correspondence:
    """The point of the source's surface, laid over the target, for each vertex of the target's skin that has one."""
    size = _size(target) or USUAL
    laid = _features(source, placed, size)
    at, corners, shares, far = _on_surface(source, laid, target.template, target, skin_of(target), size, placed)
    near = far < FAR * size / USUAL
    return Correspondence(at[near], corners[near], shares[near].astype(np.float32), scale)


def _on_surface(
    head: Head,
    features: np.ndarray,
    places: np.ndarray,
    other: Head,
    which: np.ndarray,
    size: float,
    laid: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For vertices `which` of another head at `places`: these, (M, 3) corners and shares on the head's skin, metres to it.

    features: (V, 7) of the head. laid: (V, 3) where the head's vertices are; its template if not given.
    """
    from scipy.spatial import KDTree

    laid = head.template if laid is None else laid
    skin = np.zeros(len(head.template), bool)
    skin[skin_of(head)] = True
    rows = np.flatnonzero(skin[head.faces].all(1))
    used = np.unique(head.faces[rows])
    around = _triangles_of(head.faces[rows], len(skin))
    tree = KDTree(features[used])
    _, near = tree.query(_features(other, places, size)[which], k=min(NEAREST, len(used)))
    near = used[near.reshape(len(which), -1)]
    candidates = rows[around[near].reshape(len(which), -1)]  # (M, C) triangles
    points = places[which].astype(np.float64)
    best = np.full(len(which), np.inf)
    corners, shares = np.zeros((len(which), 3), np.int64), np.zeros((len(which), 3))
    for column in candidates.T:
        triangle = head.faces[column]
        weights = _weights_of_closest(points, laid[triangle].astype(np.float64))
        far = np.linalg.norm(np.einsum("mcx,mc->mx", laid[triangle], weights) - points, axis=1)
        nearer = far < best - 1e-12
        best = np.where(nearer, far, best)
        corners[nearer], shares[nearer] = triangle[nearer], weights[nearer]
    return which, corners, shares, best


def _triangles_of(faces: np.ndarray, count: int, most: int = 8) -> np.ndarray:
    """(count, most) rows of triangles around each vertex, repeated where there are fewer; 0 for a vertex without any."""
    flat = faces.reshape(-1)
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], np.arange(count))
    number = np.bincount(flat, minlength=count)
    place = first[:, None] + np.arange(most) % np.maximum(number, 1)[:, None]
    return np.where(number[:, None] > 0, order[np.minimum(place, len(order) - 1)] // 3, 0)


def _weights_of_closest(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(M, 3) points, (M, 3, 3) triangles -> (M, 3) barycentric weights of the closest point of each triangle.

    Inside, the foot of the perpendicular; else the nearest of the closest points of the three sides.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    u, v, w = b - a, c - a, points - a
    uu, uv, vv, wu, wv = (np.einsum("mx,mx->m", p, q) for p, q in ((u, u), (u, v), (v, v), (w, u), (w, v)))
    area = np.maximum(uu * vv - uv**2, 1e-30)
    s, t = (vv * wu - uv * wv) / area, (uu * wv - uv * wu) / area
    out = np.stack([1 - s - t, s, t], 1)
    outside = (out < 0).any(1)
    if outside.any():
        best = np.full(len(points), np.inf)
        for i, j in ((0, 1), (1, 2), (2, 0)):
            side = triangles[:, j] - triangles[:, i]
            length = np.maximum(np.einsum("mx,mx->m", side, side), 1e-30)
            along = np.clip(np.einsum("mx,mx->m", points - triangles[:, i], side) / length, 0, 1)
            far = np.linalg.norm(points - triangles[:, i] - along[:, None] * side, axis=1)
            nearer = outside & (far < best)
            best = np.where(nearer, far, best)
            edge = np.zeros((len(points), 3))
            edge[:, i], edge[:, j] = 1 - along, along
            out[nearer] = edge[nearer]
    return out
