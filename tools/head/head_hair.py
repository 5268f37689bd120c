"""Brows and lashes as tapered hairs whose points ride on the skin or on MakeHuman's lash strips.

Brow hairs are flat strips that face the way the skin does, so they are lit as it is; lashes, seen from all sides, are spikes.
"""

from __future__ import annotations

import numpy as np
from head_mesh import Piece, Skin
from head_source import MakeHuman
from scipy import sparse

# Middle line of the left brow in front view, decimetres from the middle of the eyeball: x outwards, y up, half width
BROW = np.array(
    [
        [-0.175, 0.150, 0.014],
        [-0.145, 0.157, 0.023],
        [-0.080, 0.172, 0.026],
        [0.010, 0.190, 0.023],
        [0.100, 0.192, 0.017],
        [0.215, 0.150, 0.004],
    ]
)


def brow_line(share: np.ndarray) -> np.ndarray:
    """(..., 3) of BROW, smooth in `share` from the root (0) to the tail (1)."""
    from scipy.interpolate import PchipInterpolator

    return PchipInterpolator(np.linspace(0, 1, len(BROW)), BROW)(share)


def brow_strokes(count: int, seed: int) -> np.ndarray:
    """(count, 3, 2) root, middle and tip of hairs in the coordinates of BROW: upwards at the root, outwards at the tail."""
    rng = np.random.default_rng(seed)
    share = (np.arange(count) + rng.uniform(0, 1, count)) / count
    line = brow_line(share)
    across = rng.uniform(-1, 1, count) * np.interp(share, [0, 0.22], [0.35, 1])
    tangent = np.gradient(brow_line(np.linspace(0, 1, 200))[:, :2], axis=0)
    angle = np.arctan2(*np.stack([np.interp(share, np.linspace(0, 1, 200), tangent[:, k]) for k in (1, 0)]))
    lean = np.interp(share, [0, 0.18, 0.5, 1], [0.95, 0.70, 0.42, 0.12])
    lean -= across * np.interp(share, [0, 0.3, 1], [0.1, 0.45, 0.2])
    angle = angle + lean + rng.normal(0, 0.10, count)
    length = np.interp(share, [0, 0.25, 0.7, 1], [0.048, 0.078, 0.080, 0.060]) * rng.uniform(0.75, 1.15, count)
    way = length[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    root = line[:, :2] + np.stack([np.zeros(count), across * line[:, 2]], 1)
    root -= np.interp(share, [0, 0.3], [0.12, 0.35])[:, None] * way
    bend = angle - 0.22
    middle = root + 0.5 * way
    tip = middle + 0.5 * length[:, None] * np.stack([np.cos(bend), np.sin(bend)], 1)
    return np.stack([root, middle, tip], 1)


def brows(skin: Skin, body: np.ndarray, centres: dict[str, np.ndarray], count: int = 140) -> Piece:
    """Both brows; each point of a hair is bound to the skin triangle under it and lifted off it towards the front."""
    points = skin.piece.place(body)
    strokes = brow_strokes(count, seed=5)
    paths, normals, binds = [], [], []
    for side, sign in (("l", 1.0), ("r", -1.0)):
        flat = strokes * [sign, 1] + centres[side][:2]
        bind, on, normal = _project(skin, points, flat.reshape(-1, 2))
        lift = np.tile([0.001, 0.004, 0.004], count)[:, None]
        paths.append((on + lift * normal).reshape(count, 3, 3))
        normals.append(normal.reshape(count, 3, 3)[:, 1])
        binds.append(bind)
    return _strips("brows", np.concatenate(paths), np.concatenate(normals), sparse.vstack(binds).tocsr(), body, width=0.0036)


def lashes(source: MakeHuman, body: np.ndarray, upper: int = 52, lower: int = 26) -> Piece:
    """Upper and lower lashes of both eyes along MakeHuman's strips, from the lid margin (root row) to the free edge."""
    paths, binds = [], []
    for side in "lr":
        for group, count, length, seed in ((2, upper, 0.95, 1), (1, lower, 0.60, 2)):
            bind = _strip(source, f"helper-{side}-eyelashes-{group}", count, length, upwards=group == 2, seed=seed)
            binds.append(bind)
            paths.append((bind @ body).reshape(count, 3, 3))
    return _spikes(
        "lashes",
        np.concatenate(paths),
        sparse.vstack(binds).tocsr(),
        body,
        radius=np.repeat([0.0017, 0.0008, 0.0017, 0.0008], [upper, lower, upper, lower])[:, None, None],
        column=np.repeat([0.0, 0.5, 0.0, 0.5], [upper, lower, upper, lower]),
    )


def _strip(source: MakeHuman, group: str, count: int, length: float, *, upwards: bool, seed: int) -> sparse.csr_matrix:
    """(3 count, N) weights of root, middle and tip of hairs on a lash strip, found in its UV, where v runs along the hair."""
    rng = np.random.default_rng(seed)
    quads, corners = source.quads(group)
    triangles, uv = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), source.uv[corners[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)]
    x = uv[..., 0]
    mirrored = "-r-" in group
    low, high = x.min(), x.max()
    share = np.linspace(0.09, 0.86 if upwards else 0.78, count) + rng.uniform(-0.4, 0.4, count) / count
    columns = high - share * (high - low) if mirrored else low + share * (high - low)
    rows = []
    for column in columns:
        vs = _crossings(uv, column)
        root, tip = (min(vs), max(vs)) if upwards else (max(vs), min(vs))
        outwards = (high - column) / (high - low) if mirrored else (column - low) / (high - low)
        reach = length * rng.uniform(0.8, 1.0) * np.interp(outwards, [0, 0.3, 0.75, 1], [0.55, 0.9, 1, 0.6])
        sweep = (outwards - 0.45) * 0.10 * (high - low) * (-1 if mirrored else 1)
        rows += [(column + sweep * along, root + (tip - root) * along) for along in (0.02, 0.5 * reach, reach * 0.98)]
    return _locate(np.array(rows), uv, triangles, len(source.vertices))


def _crossings(uv: np.ndarray, column: float) -> list[float]:
    """v of all triangle edges at u = column."""
    found = []
    for k in range(3):
        a, b = uv[:, k], uv[:, (k + 1) % 3]
        cross = (a[:, 0] - column) * (b[:, 0] - column) < 0
        t = (column - a[cross, 0]) / (b[cross, 0] - a[cross, 0])
        found += list(a[cross, 1] + t * (b[cross, 1] - a[cross, 1]))
    return found


def _locate(
    points: np.ndarray, flat: np.ndarray, triangles: np.ndarray, size: int, allowed: np.ndarray | None = None
) -> sparse.csr_matrix:
    """(p, size) barycentric weights of 2D points in triangles with corners `flat` (f, 3, 2); the nearest inside wins."""
    a, b, c = flat[:, 0], flat[:, 1], flat[:, 2]
    det = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    det = np.where(abs(det) < 1e-12, np.inf, det)
    rows, columns, weights = [], [], []
    for k, p in enumerate(points):
        u = ((p[0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (p[1] - a[:, 1])) / det
        v = ((b[:, 0] - a[:, 0]) * (p[1] - a[:, 1]) - (p[0] - a[:, 0]) * (b[:, 1] - a[:, 1])) / det
        outside = np.maximum(np.maximum(-u, -v), u + v - 1)
        if allowed is not None:
            outside = np.where(allowed, outside, np.inf)
        best = int(np.argmin(outside))
        rows += [k] * 3
        columns += list(triangles[best])
        weights += [1 - u[best] - v[best], u[best], v[best]]
    return sparse.coo_matrix((weights, (rows, columns)), shape=(len(points), size)).tocsr()


def _project(skin: Skin, points: np.ndarray, flat: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Weights on the body, positions and normals of front-view points on the outer skin of the face."""
    faces = skin.piece.faces
    corners = points[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    ahead = (skin.island == 0) & (normal[:, 2] > 0) & (corners[..., 2].min(1) > 0.8)
    local = _locate(flat, corners[..., :2], faces, len(points), allowed=ahead)
    smooth = np.zeros_like(points)
    for k in range(3):
        np.add.at(smooth, faces[:, k], normal)
    out = local @ smooth
    return (local @ skin.piece.bind).tocsr(), local @ points, out / np.linalg.norm(out, axis=1, keepdims=True)


def _spikes(part: str, paths: np.ndarray, bind: sparse.csr_matrix, body: np.ndarray, radius, column: np.ndarray) -> Piece:
    """(h, 3, 3) root, middle, tip -> spikes of 3 + 3 + 1 vertices, 9 triangles, open only at the hidden root.

    column: (h,) u of the left edge of the half of the tile that each shows.
    """
    count = len(paths)
    along = paths[:, 2] - paths[:, 0]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.cross(along, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    front = np.cross(side, along)
    angle = np.radians([90, 210, 330])
    ring = np.cos(angle)[:, None] * side[:, None] + np.sin(angle)[:, None] * front[:, None]  # (h, 3, 3)
    root, middle = paths[:, :1] + radius * ring, paths[:, 1:2] + 0.75 * radius * ring
    points = np.concatenate([root, middle, paths[:, 2:]], 1).reshape(-1, 3)
    rows = (np.arange(count)[:, None] * 3 + [0, 0, 0, 1, 1, 1, 2]).ravel()
    weights = bind[rows]
    one = np.array([[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4], [2, 0, 3], [2, 3, 5], [3, 4, 6], [4, 5, 6], [5, 3, 6]])
    a, b, c = points[one[:, 0]], points[one[:, 1]], points[one[:, 2]]
    middle_point = points[:7].mean(0)
    if ((np.cross(b - a, c - a)) * (a - middle_point)).sum() < 0:
        one = one[:, ::-1]
    faces = (one + 7 * np.arange(count)[:, None, None]).reshape(-1, 3)
    uv = np.tile([[0.2, 0.1], [0.5, 0.1], [0.8, 0.1], [0.3, 0.5], [0.5, 0.5], [0.7, 0.5], [0.5, 0.95]], (count, 1))
    uv = uv * [0.4, 1] + np.repeat(column, 7)[:, None] * [1, 0] + [0.05, 0]
    return Piece(part, weights, points - weights @ body, faces, uv, faces.copy(), part)


def _strips(
    part: str, paths: np.ndarray, normals: np.ndarray, bind: sparse.csr_matrix, body: np.ndarray, width: float
) -> Piece:
    """(h, 3, 3) root, middle, tip and (h, 3) normals -> flat strips of 2 + 2 + 1 vertices, 3 triangles."""
    count = len(paths)
    side = np.cross(paths[:, 2] - paths[:, 0], normals)
    side *= width / 2 / np.linalg.norm(side, axis=1, keepdims=True)
    root, middle = paths[:, :1], paths[:, 1:2]
    edge = np.stack([side, -side], 1)
    points = np.concatenate([root + 0.45 * edge, middle + edge, paths[:, 2:]], 1).reshape(-1, 3)
    weights = bind[(np.arange(count)[:, None] * 3 + [0, 0, 1, 1, 2]).ravel()]
    one = np.array([[0, 2, 1], [1, 2, 3], [2, 4, 3]])
    a, b, c = points[one[0]]
    if np.cross(b - a, c - a) @ normals[0] < 0:
        one = one[:, ::-1]
    faces = (one + 5 * np.arange(count)[:, None, None]).reshape(-1, 3)
    uv = np.tile([[0.2, 0.1], [0.8, 0.1], [0.3, 0.5], [0.7, 0.5], [0.5, 0.95]], (count, 1))
    return Piece(part, weights, points - weights @ body, faces, uv, faces.copy(), part)
