"""Hairstyles: locks that grow out of the scalp, lie on a smooth shape around the skull, and fall. Metres, the head's axes.

P points, L locks, S points along a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from head_locks import Mesh, cap, joined, ribbons, sheet
from head_scalp import CROWN, MIDDLE, Hull, Scalp, hairline, unit, within
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import KDTree

from talkinghead.motion.easing import smoothstep

STEPS = 40  # of a lock while it grows
STRAY = -6.0  # degrees within the hairline: locks that end further down the forehead are left out
EAR = np.radians(62)  # around the skull from the face: where falling hair begins
RIM = np.radians(-2)  # above the horizon: where hair leaves the skull and falls
BUN = np.array([0.0, 0.105, -0.066])


@dataclass(frozen=True)
class Lying:
    """Hair that lies on the skull. Functions are of points (P, 3) and of roots (P, 3); metres.

    flow: the way it grows. height: of the style's surface over the scalp. length: of locks. spacing: between roots.
    inside: degrees within the hairline where locks begin. layers: shares of the height that locks rise to, least and most.
    """

    flow: Callable[[np.ndarray, np.ndarray], np.ndarray]
    height: Callable[[np.ndarray], np.ndarray]
    length: Callable[[np.ndarray], np.ndarray]
    spacing: float
    width: float
    points: int = 7
    sway: float = 0.10
    curl: float = 0.0  # radius of a helix
    turns: float = 0.0
    inside: float = 0.5
    layers: tuple[float, float] = (0.55, 1.0)
    goal: np.ndarray | None = None  # where all hair goes
    seed: int = 0


@dataclass(frozen=True)
class Falling:
    """Hair that falls from a parting to both sides. part: x of the parting. high: over the skull. end: height of its ends.

    turn: how far, as a share, the ends come in. locks: on each side.
    """

    part: float
    high: float
    end: float
    turn: float
    locks: int
    width: float
    points: int = 15
    seed: int = 0


def roots(scalp: Scalp, style: Lying, rng: np.random.Generator) -> np.ndarray:
    """Rows of the scalp's points where locks begin, `spacing` apart."""
    rows = rng.permutation(np.flatnonzero(hairline(scalp.points) > style.inside))
    chosen, taken = [], np.zeros(len(rows), bool)
    near = KDTree(scalp.points[rows]).query_ball_point(scalp.points[rows], style.spacing)
    for k in range(len(rows)):
        if not taken[k]:
            chosen.append(rows[k])
            taken[near[k]] = True
    return np.array(chosen)


def lie(scalp: Scalp, style: Lying) -> tuple[np.ndarray, np.ndarray]:
    """(L, S, 3) paths and (L, S, 3) the way the locks face."""
    rng = np.random.default_rng(style.seed)
    root = scalp.points[roots(scalp, style, rng)]
    length = style.length(root) * rng.uniform(0.80, 1.15, len(root))
    layer = rng.uniform(*style.layers, len(root))
    sway = rng.normal(0, style.sway, (len(root), 3))
    here, path, faces = root, [], []
    last = np.full(len(root), STEPS - 1)
    for k in range(STEPS):
        share = k / (STEPS - 1)
        place, out, _ = scalp.bare.near(here)
        rise = style.height(place) * layer * smoothstep(share / 0.35 + 0.02) * smoothstep((hairline(place) + 14) / 14)
        rise = rise * (1 - 0.25 * smoothstep((share - 0.6) / 0.4))  # ends lie down
        here = place + out * (rise - 0.8e-3 * (share == 0))[:, None]
        path.append(here)
        faces.append(out)
        way = style.flow(here, root) + sway
        way = unit(way - (way * out).sum(1, keepdims=True) * out)
        if style.goal is not None:
            done = np.linalg.norm(here - style.goal, axis=1) < 0.014
            last = np.where(done & (last == STEPS - 1), max(k, 2), last)
        here = here + way * (length / (STEPS - 1))[:, None]
    paths, faces = _at(np.stack(path, 1), last, style.points), _at(np.stack(faces, 1), last, style.points)
    strays = (within(paths[:, -1]) < STRAY) & (paths[:, -1, 2] > 0.08)
    paths, faces = paths[~strays], faces[~strays]
    return (_curled(paths, faces, style, rng), faces) if style.curl else (paths, faces)


def _at(path: np.ndarray, last: np.ndarray, count: int, power: float = 1.0) -> np.ndarray:
    """(L, count, 3) along paths (L, STEPS, 3) up to their step `last`: evenly, or for a higher power denser at the roots."""
    at = np.linspace(0, 1, count)[None] ** power * last[:, None]
    low = np.minimum(at.astype(int), STEPS - 2)
    rows, part = np.arange(len(path))[:, None], (at - low)[..., None]
    return path[rows, low] * (1 - part) + path[rows, low + 1] * part


def _curled(paths: np.ndarray, faces: np.ndarray, style: Lying, rng: np.random.Generator) -> np.ndarray:
    t = np.linspace(0, 1, style.points)
    angle = t * style.turns * 2 * np.pi * rng.uniform(0.8, 1.2, (len(paths), 1)) + rng.uniform(0, 2 * np.pi, (len(paths), 1))
    along = unit(np.gradient(paths, axis=1))
    one = unit(np.cross(along, faces))
    size = style.curl * smoothstep(t * 2.5)[None, :, None]
    return paths + size * (np.cos(angle)[..., None] * one + np.sin(angle)[..., None] * np.cross(one, along))


def fall(hull: Hull, style: Falling, around: np.ndarray, start: np.ndarray, rise: np.ndarray, end: np.ndarray, count: int):
    """(L, count, 3) paths of locks that fall on the side of the sign of `around` (L,), and the way they face.

    start: (L,) share of the way from the parting to the rim where the lock begins. rise: (L,) metres off the hull. end: (L,)
    height of the tips.
    """
    side, turned = np.sign(around), abs(around)
    back = np.clip((turned - EAR) / (np.pi - EAR), 0, 1)
    # the parting runs from the hairline over the top to the whorl; what falls behind comes from there
    front, whorl = unit(np.array([style.part, 0.094, 0.094])), unit(CROWN - MIDDLE)
    along = smoothstep(back / 0.75)[:, None] ** 0.8
    parting = unit(front * (1 - along) + whorl * along)
    rim = np.stack([side * np.sin(turned) * np.cos(RIM), np.full(len(back), np.sin(RIM)), np.cos(turned) * np.cos(RIM)], 1)
    t = np.linspace(0, 1, STEPS)
    over = 0.42 + 0.10 * (1 - back)[:, None]  # share of a lock that lies on the skull
    share = np.clip(t / over, 0, 1)
    share = start[:, None] + (1 - start[:, None]) * share
    angle = np.arccos(np.clip((parting * rim).sum(1), -1, 1))[:, None, None]
    mixed = np.sin((1 - share)[..., None] * angle) * parting[:, None] + np.sin(share[..., None] * angle) * rim[:, None]
    way = unit(mixed)
    place, out = (a.reshape(way.shape) for a in hull.at(way.reshape(-1, 3)))
    bulge = style.high * (0.55 + 0.45 * smoothstep(share / 0.45)) + rise[:, None] * smoothstep(t / 0.15)[None]
    place = place + out * bulge[..., None]
    drop = np.clip((t - over) / (1 - over), 0, 1)
    level = place[..., 1].min(1)[:, None]
    place[..., 1] = np.where(drop > 0, level + (end[:, None] - level) * drop, place[..., 1])
    depth = np.clip((level - place[..., 1]) / 0.15, 0, None)
    inwards = 1 - style.turn * smoothstep(drop) * np.minimum(depth, 1) - 0.10 * depth * back[:, None]
    axis = MIDDLE * [0, 0, 1] - np.array([0, 0, 0.02])
    flat = (place - axis) * [1, 0, 1] * inwards[..., None]
    place = np.where((drop > 0)[..., None], axis + flat + place * [0, 1, 0], place)
    face = np.where((drop > 0)[..., None], unit((place - axis) * [1, 0, 1]), out)
    place = gaussian_filter1d(place, 2.6, axis=1, mode="nearest")  # where hair leaves the skull it bends softly
    last = np.full(len(back), STEPS - 1)
    return _at(place, last, count, 1.2), unit(_at(face, last, count, 1.2))


def _falling(scalp: Scalp, style: Falling) -> Mesh:
    rng = np.random.default_rng(style.seed)
    out: list[Mesh] = []
    for side in (1.0, -1.0):
        for layer, (share, low, high) in enumerate(((0.62, 0.0, 0.004), (0.38, -0.004, 0.0))):
            n = int(style.locks * share)
            place = EAR + (np.pi * 1.02 - EAR) * ((np.arange(n) + rng.uniform(0, 1, n)) / n) ** 0.95
            begin = rng.uniform(0.0, 0.75, n) ** 1.6 if layer else rng.uniform(0, 0.25, n) ** 2
            ends = style.end + rng.normal(0, 0.005, n) - 0.010 * layer + 0.010 * (place < EAR + 0.3)
            paths, faces = fall(scalp.full, style, side * place, begin, rng.uniform(low, high, n), ends, style.points)
            paths = paths + _wave(paths, rng)
            out.append(ribbons(paths, faces, style.width * rng.uniform(0.7, 1.2, n), rng, tip=0.22))
    for side in (1.0, -1.0):
        place = side * np.linspace(EAR + 0.03, np.pi * 1.01, 26)
        none = np.zeros(26)
        for inwards, deep in ((False, -0.005), (True, -0.007)):
            rows, _ = fall(scalp.full, style, place, none, none + deep, none + style.end + 0.006, style.points)
            out.append(sheet(rows, inwards=inwards))
    return joined(*out, cap(scalp, lambda points, inside: np.full(len(points), 0.0045)))


def _wave(paths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(L, S, 3) small sideways waves that grow to the tips."""
    t = np.linspace(0, 1, paths.shape[1])[None]
    phase, turns = rng.uniform(0, 2 * np.pi, (len(paths), 1)), rng.uniform(0.6, 1.2, (len(paths), 1))
    size = 0.0035 * t**1.5 * np.sin(2 * np.pi * turns * t + phase)
    side = unit(np.cross(unit(np.gradient(paths, axis=1)), paths - MIDDLE))
    return size[..., None] * side


def _top(points: np.ndarray) -> np.ndarray:
    return smoothstep((points[:, 1] - 0.085) / 0.035)


def _short_flow(points: np.ndarray, root: np.ndarray) -> np.ndarray:
    """From a side parting over the top, in front up and over; at the sides and behind downwards."""
    top, front = _top(root)[:, None], smoothstep((root[:, 2] - 0.02) / 0.06)[:, None]
    over = smoothstep((0.036 - root[:, 0]) / 0.012)[:, None]
    sweep = over * np.array([-0.85, 0.0, 0.0]) + (1 - over) * np.array([0.7, -0.5, 0.0])
    sweep = sweep + front * np.array([0, 0.1, 0.35]) + (1 - front) * np.array([0.1, -0.2, -0.9])
    down = np.array([0, -1.0, -0.35]) + front * np.array([0, 0.15, -0.35])
    away = unit(points - CROWN) * smoothstep((0.045 - np.linalg.norm(root - CROWN, axis=1)) / 0.02)[:, None]
    return unit(sweep * top + down * (1 - top)) + 0.8 * away


def _short_height(points: np.ndarray) -> np.ndarray:
    front = smoothstep((points[:, 2] - 0.045) / 0.05)
    return 0.0055 + _top(points) * (0.0095 + 0.006 * front)


def _outwards(points: np.ndarray, root: np.ndarray) -> np.ndarray:
    return (
        0.6 * unit(points - CROWN)
        + np.array([0, -0.5, 0.0])
        + 0.6 * np.stack([np.sin(900 * root[:, 0] + 70), 0 * root[:, 0], np.sin(1100 * root[:, 2])], 1)
    )


def _to_bun(points: np.ndarray, root: np.ndarray) -> np.ndarray:
    return unit(BUN - points)


STYLES: dict[str, Lying | Falling] = {
    "short": Lying(
        flow=_short_flow,
        height=_short_height,
        length=lambda root: 0.020 + 0.034 * _top(root),
        spacing=0.0054,
        width=0.0078,
        points=6,
        seed=1,
    ),
    "bob": Falling(part=0.028, high=0.010, end=-0.062, turn=0.16, locks=240, width=0.0125, seed=2),
    "long": Falling(part=-0.004, high=0.009, end=-0.128, turn=0.10, locks=240, width=0.0130, points=15, seed=3),
    "bun": Lying(
        flow=_to_bun,
        height=lambda points: np.full(len(points), 0.0040),
        length=lambda root: 1.25 * np.linalg.norm(root - BUN, axis=1) + 0.01,
        spacing=0.0062,
        width=0.0085,
        points=8,
        sway=0.03,
        goal=BUN,
        seed=4,
    ),
    "curly": Lying(
        flow=_outwards,
        height=lambda points: 0.013 + 0.011 * _top(points),
        length=lambda root: 0.024 + 0.008 * _top(root),
        spacing=0.0062,
        width=0.0072,
        points=11,
        sway=0.5,
        curl=0.0042,
        turns=1.2,
        layers=(0.62, 1.08),
        seed=5,
    ),
}


def build(scalp: Scalp, name: str) -> Mesh:
    """Vertices (N, 3), faces (F, 3) and uv (N, 2) in the tile of hair."""
    style = STYLES[name]
    if isinstance(style, Falling):
        return _falling(scalp, style)
    rng = np.random.default_rng(style.seed + 100)
    paths, faces = lie(scalp, style)
    near = np.clip(within(paths[:, 0]) / 8, 0.5, 1)
    near = near * (0.65 + 0.35 * _top(paths[:, 0])) if name == "short" else near  # at the sides hair is cropped
    width = style.width * near * rng.uniform(0.75, 1.25, len(paths))
    if name == "bun":
        more = _ball(rng)
        paths, faces = np.concatenate([paths, more[0]]), np.concatenate([faces, more[1]])
        width = np.concatenate([width, np.full(len(more[0]), 0.009)])
    return joined(
        ribbons(paths, faces, width, rng),
        cap(scalp, lambda points, inside: style.height(points) * style.layers[0] * 0.9),
    )


def _ball(rng: np.random.Generator, count: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """Locks wound around a ball at the back of the crown."""
    axis = unit(np.array([0.0, 0.45, -0.90]))
    one = np.array([1.0, 0, 0])
    two = np.cross(axis, one)
    t = np.linspace(0, 1, STYLES["bun"].points)
    tilt = rng.uniform(-0.9, 1.35, count)[:, None]
    angle = rng.uniform(0, 2 * np.pi, count)[:, None] + t * rng.uniform(1.0, 1.7, count)[:, None]
    tilt = tilt + 0.25 * np.sin(t * np.pi)[None] * rng.normal(0, 1, (count, 1))
    out = (np.cos(angle) * np.cos(tilt))[..., None] * one + (np.sin(angle) * np.cos(tilt))[..., None] * two
    out = out + np.sin(tilt)[..., None] * axis
    radius = 0.028 * rng.uniform(0.95, 1.04, (count, 1, 1))
    return BUN + axis * 0.020 + out * radius, unit(out)
