"""Dental arches made of single rounded teeth on gums. MakeHuman's helper strips (mouth guards) only steer them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from head_mesh import Piece, affine_bind
from head_source import MakeHuman


class Arch(NamedTuple):
    """One arch in decimetres; `up` is +1 where the crowns grow upwards (the lower jaw)."""

    group: str
    widths: tuple[float, ...]  # mesiodistal crown widths from the middle outwards (Ash & Nelson, Wheeler's Dental Anatomy)
    heights: tuple[float, ...]
    front: float  # z of the labial surface in the middle
    half_width: float  # x of the outermost molar surface
    depth: float  # from front to the last molar
    edge: float  # y of the incisal edges
    up: int


UPPER = Arch(
    group="helper-upper-teeth",
    widths=(8.5, 6.7, 7.6, 7.0, 6.8, 10.0, 9.5),
    heights=(10.2, 9.2, 10.0, 8.5, 7.8, 7.2, 7.0),
    front=1.400,
    half_width=0.272,
    depth=0.45,
    edge=6.706,
    up=-1,
)
LOWER = Arch(
    group="helper-lower-teeth",
    widths=(5.5, 6.0, 6.9, 7.0, 7.1, 10.5, 10.0),
    heights=(8.8, 9.0, 9.8, 8.4, 7.8, 7.4, 7.0),
    front=1.370,
    half_width=0.250,
    depth=0.43,
    edge=6.722,
    up=1,
)
THICKNESS = (0.050, 0.048, 0.060, 0.075, 0.080, 0.095, 0.095)  # labiolingual at the gum, decimetres
AROUND, GUM_AROUND, GUM_ALONG = 10, 8, 25


def arch_pieces(source: MakeHuman, body: np.ndarray, arch: Arch) -> list[Piece]:
    """The teeth and the gum of one arch, following its helper strip as one affine body."""
    anchors = np.unique(source.quads(arch.group)[0])
    teeth, gum = _teeth(arch), _gum(arch)
    pieces = []
    for part, tile, (points, faces, uv) in (("teeth", "tooth", teeth), ("gums", "gum", gum)):
        bind = affine_bind(points, anchors, body)
        pieces.append(Piece(part, bind, points - bind @ body, faces, uv, faces.copy(), tile))
    return pieces


def _curve(arch: Arch, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Point (x, z) and outward normal on the arch at angle t in [-pi/2, pi/2]: a superellipse, flatter in front."""
    power = 2.3
    s, c = np.sin(t), np.cos(t)
    x = arch.half_width * np.sign(s) * abs(s) ** (2 / power)
    z = arch.front - arch.depth + arch.depth * abs(c) ** (2 / power)
    gradient = np.stack(
        [
            np.sign(x) * (abs(x) / arch.half_width) ** (power - 1) / arch.half_width,
            (np.maximum(z - arch.front + arch.depth, 0) / arch.depth) ** (power - 1) / arch.depth,
        ],
        -1,
    )
    return np.stack([x, z], -1), gradient / np.linalg.norm(gradient, axis=-1, keepdims=True)


def _along(arch: Arch, lengths: np.ndarray) -> np.ndarray:
    """Curve parameter at signed arc lengths from the middle."""
    t = np.linspace(-np.pi / 2, np.pi / 2, 4001)
    points, _ = _curve(arch, t)
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return np.interp(lengths, way - way[len(way) // 2], t)


def _places(arch: Arch) -> tuple[np.ndarray, np.ndarray]:
    """Signed arc length of each tooth's centre and its width, fourteen teeth from right to left."""
    t = np.linspace(0, np.pi / 2, 2001)
    total = np.linalg.norm(np.diff(_curve(arch, t)[0], axis=0), axis=1).sum()
    widths = np.array(arch.widths) / sum(arch.widths) * total * 0.985
    centres = np.cumsum(widths) - widths / 2
    return np.concatenate([-centres[::-1], centres]), np.concatenate([widths[::-1], widths])


def _teeth(arch: Arch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    centres, widths = _places(arch)
    points, faces, uv, start = [], [], [], 0
    for number, (centre, width) in enumerate(zip(centres, widths, strict=True)):
        kind = number - 7 if number >= 7 else 6 - number  # 0 central incisor .. 6 second molar
        p, f, t = _tooth(arch, centre, width, kind)
        points.append(p)
        faces.append(f + start)
        uv.append(t)
        start += len(p)
    return np.concatenate(points), np.concatenate(faces), np.concatenate(uv)


def _tooth(arch: Arch, centre: float, width: float, kind: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One crown: rings from inside the gum to the edge, closed at both ends."""
    height, thick = arch.heights[kind] / 100, THICKNESS[kind]
    levels = np.array([-0.12, 0.12, 0.45, 0.8, 0.96, 1.0])
    wide = np.array([0.72, 0.80, 0.97, 1.0, 0.90, 0.62]) if kind < 3 else np.array([0.78, 0.88, 1.0, 0.98, 0.84, 0.55])
    if kind == 2:  # the canine ends in a point
        wide = np.array([0.72, 0.82, 0.98, 0.86, 0.50, 0.25])
    deep = np.array([1.0, 1.0, 0.82, 0.50, 0.32, 0.20]) if kind < 3 else np.array([0.92, 1.0, 1.0, 0.92, 0.74, 0.45])
    (middle,), (normal,) = (a[None] for a in _curve(arch, _along(arch, np.array(centre))))
    tangent = np.array([normal[1], -normal[0]])
    angle = np.arange(AROUND) * 2 * np.pi / AROUND
    square = 0.62  # superellipse exponent: rounded box
    a, b = (np.sign(f) * abs(f) ** square for f in (np.cos(angle), np.sin(angle)))
    points, uv = [], []
    for level, w, d in zip(levels, wide, deep, strict=True):
        labial = -0.004 * (1 - level)  # the labial face leans in towards the gum
        inward = labial - thick * d / 2 - (0.006 * (level - 0.8) if level > 0.8 else 0) * (kind < 3)
        flat = middle + np.outer(a * w * width / 2, tangent) + np.outer(inward + b * d * thick / 2, normal)
        y = np.full(AROUND, arch.edge - arch.up * height * (1 - level))
        if kind > 2 and level == 1.0:
            y = y - arch.up * 0.012 * (abs(b) < 0.5)  # cusps on both sides of a groove
        points.append(np.stack([flat[:, 0], y, flat[:, 1]], 1))
        uv.append(np.stack([(kind + 0.5 + 0.40 * a) / 7, np.full(AROUND, np.clip(level, 0, 1) * 0.9 + 0.05)], 1))
    grid = np.concatenate(points)
    ends = [points[0].mean(0), points[-1].mean(0) - [0, arch.up * (0.010 if kind > 2 else -0.002), 0]]
    n, last = len(grid), (len(levels) - 1) * AROUND
    faces = _tube(len(levels), AROUND)
    faces += _caps(AROUND, n, last)
    faces = np.concatenate(faces)
    everything = np.concatenate([grid, ends])
    texture = np.concatenate([*uv, [[(kind + 0.5) / 7, 0.05], [(kind + 0.5) / 7, 0.95]]])
    return everything, _outward(everything, faces), texture


def _gum(arch: Arch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A closed sausage along the arch that hides the necks of the teeth."""
    centres, widths = _places(arch)
    reach = centres[-1] + widths[-1] * 0.55
    t = _along(arch, np.linspace(-reach, reach, GUM_ALONG))
    middle, normal = _curve(arch, t)
    share = abs(np.linspace(-1, 1, GUM_ALONG))
    kind = np.interp(share, np.r_[0, centres[7:] / reach, 1], np.r_[arch.heights[0], arch.heights, arch.heights[-1]]) / 100
    thick = np.interp(share, np.r_[0, centres[7:] / reach, 1], np.r_[THICKNESS[0], THICKNESS, THICKNESS[-1]])
    angle = np.arange(GUM_AROUND) * 2 * np.pi / GUM_AROUND
    a = np.sign(np.cos(angle)) * abs(np.cos(angle)) ** 0.8
    b = np.sign(np.sin(angle)) * abs(np.sin(angle)) ** 0.8
    rows, uv = [], []
    for k in range(GUM_ALONG):
        inward = -thick[k] * 0.55 + a * (thick[k] * 0.55 + 0.010)
        flat = middle[k] + np.outer(inward, normal[k])
        y = arch.edge - arch.up * (kind[k] * 0.82 + 0.055) + arch.up * b * 0.055
        rows.append(np.stack([flat[:, 0], y, flat[:, 1]], 1))
        uv.append(np.stack([np.full(GUM_AROUND, k / (GUM_ALONG - 1)), 0.5 + 0.45 * b], 1))
    grid = np.concatenate(rows)
    n, last = len(grid), (GUM_ALONG - 1) * GUM_AROUND
    faces = _tube(GUM_ALONG, GUM_AROUND)
    faces += _caps(GUM_AROUND, n, last)
    points = np.concatenate([grid, [rows[0].mean(0), rows[-1].mean(0)]])
    faces = np.concatenate(faces)
    return points, _outward(points, faces), np.concatenate([*uv, [[0, 0.5], [1, 0.5]]])


def _tube(rings: int, around: int) -> list[np.ndarray]:
    ring = np.arange(around)
    after, out = (ring + 1) % around, []
    for k in range(rings - 1):
        low, high = k * around, (k + 1) * around
        out += [np.stack([low + ring, low + after, high + after], 1), np.stack([low + ring, high + after, high + ring], 1)]
    return out


def _caps(around: int, first: int, last: int) -> list[np.ndarray]:
    """Fans that close a tube: around vertex `first` at ring 0, around the next vertex at the ring that starts at `last`."""
    ring = np.arange(around)
    after = (ring + 1) % around
    return [
        np.stack([np.full(around, first), after, ring], 1),
        np.stack([np.full(around, first + 1), last + ring, last + after], 1),
    ]


def _outward(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The closed mesh with its faces turned so that its volume is positive."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    return faces if (np.cross(a, b) * c).sum() > 0 else faces[:, ::-1].copy()
