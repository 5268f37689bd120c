"""The pieces of a mesh that are not connected: skin, eyeballs, what is in the mouth, and the rest (hair, lashes, glasses).

Places are in the default head's axes and size, metres. V vertices, K shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from talkinghead.registration.surface import Surface

SHARE = 0.05  # of the landmarks that a piece of skin carries at least
BALL = (0.012, 0.080)  # metres: extent of an eyeball; those of cartoons are large
ROUND = 2.6  # largest by smallest extent of an eyeball, of which the back may be left away
EYE_NEAR = (0.016, 0.5)  # metres between an eyeball's middle and where it is looked for, or this share of its extent
FEW = 4  # vertices of a piece; what is less follows the skin
AROUND = 8  # vertices of the skin that others follow
REACH = 0.004  # metres over which the weight of such a vertex falls


@dataclass(frozen=True, eq=False)
class Roles:
    """(V,) bool masks. eyes: side -> vertices of its ball. mouth: teeth, gums and tongue. rest: what follows the skin."""

    skin: np.ndarray
    eyes: dict[str, np.ndarray]
    upper: np.ndarray
    lower: np.ndarray
    tongue: np.ndarray
    rest: np.ndarray


def sort_pieces(
    surface: Surface, piece: np.ndarray, marks: np.ndarray, eyes: dict[str, np.ndarray], inside: dict[str, np.ndarray]
) -> Roles:
    """piece: (V,) numbers. marks: (468, 3). eyes: side -> (3,) where an eyeball is looked for.

    inside: "upper", "lower" and "tongue" of the template -> (n, 3) where they are on this mesh.
    """
    known = marks[np.isfinite(marks).all(1)]
    used = np.zeros(len(piece), bool)
    used[surface.faces] = True
    numbers = np.flatnonzero(used)
    nearest = numbers[KDTree(surface.points[numbers]).query(known)[1]]
    hits = np.bincount(piece[nearest], minlength=piece.max() + 1)
    most = int(hits.argmax())  # a large eyeball carries landmarks, too, but never most of them
    carrying = hits >= SHARE * len(known)
    skin = np.zeros(len(piece), bool)
    masks = {name: np.zeros(len(piece), bool) for name in ("upper", "lower", "tongue")}
    balls = {side: np.zeros(len(piece), bool) for side in eyes}
    trees = {name: KDTree(places) for name, places in inside.items()}
    low = np.min([p.min(0) for p in inside.values()], axis=0) - 0.004
    high = np.max([p.max(0) for p in inside.values()], axis=0) + 0.004
    order = np.argsort(piece, kind="stable")
    for mine in np.split(order, np.flatnonzero(np.diff(piece[order])) + 1):
        number = piece[mine[0]]
        if not used[mine[0]] or (len(mine) < FEW and not carrying[number]):
            continue
        places = surface.points[mine]
        middle, extent = (places.max(0) + places.min(0)) / 2, np.ptp(places, axis=0)
        side = min(eyes, key=lambda name: float(np.linalg.norm(eyes[name] - middle)))
        is_ball = BALL[0] < extent.max() < BALL[1] and extent.max() < ROUND * max(extent.min(), 1e-9)
        near = max(EYE_NEAR[0], EYE_NEAR[1] * extent.max())
        if is_ball and number != most and np.linalg.norm(eyes[side] - middle) < near:
            balls[side][mine] = True
        elif carrying[number]:
            skin[mine] = used[mine]
        elif ((places > low) & (places < high)).all(1).mean() > 0.7:
            rows = ("tongue",) if _is_full(places) else ("upper", "lower")
            best = min(rows, key=lambda name: float(np.median(trees[name].query(places)[0])))
            masks[best][mine] = True
    other = used & ~skin & ~np.logical_or.reduce([*masks.values(), *balls.values()])
    return Roles(skin, balls, **masks, rest=other)


def _is_full(places: np.ndarray) -> bool:
    """Whether what is in the mouth also lies in its middle, as a tongue does; a row of teeth is bent around that."""
    side = np.abs(places[:, 0] - places[:, 0].mean())
    middle = places[side < 0.2 * np.ptp(places[:, 0]), 2]
    return bool(len(middle) and np.ptp(middle) > 0.6 * np.ptp(places[:, 2]))


def follow(points: np.ndarray, skin: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(K, n, 3) displacements at (n, 3) points: the mean of those of the nearest (V, 3) places of the skin, near ones first."""
    many = min(AROUND, len(skin))
    away, near = KDTree(skin).query(points, k=many)
    away, near = away.reshape(len(points), many), near.reshape(len(points), many)
    weight = np.exp(-(((away - away[:, :1]) / REACH) ** 2))
    weight /= weight.sum(1, keepdims=True)
    return np.einsum("nk,snkx->snx", weight, shapes[:, near]).astype(np.float32)
