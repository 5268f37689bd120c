"""The pieces of a mesh that are not connected: skin, eyeballs, what is in the mouth, and the rest (hair, lashes, glasses).

Places are in the default head's axes and size, metres. V vertices, K shapes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from talkinghead.head.character.part_names import EYE
from talkinghead.registration.surface import Surface

SHARE = 0.05  # of the landmarks that a piece of skin carries at least
BALL = (0.012, 0.080)  # metres: extent of an eyeball; those of cartoons are large
ROUND = 2.6  # largest by smallest extent of an eyeball, of which the back may be left away
EYE_NEAR = (0.016, 0.5)  # metres between an eyeball's middle and where it is looked for, or this share of its extent
SLACK = 0.15  # of an eyeball's extent by which its other pieces stand out of it at most
UNDER, OVER = 0.005, 0.040  # metres beside and behind a vertex in front of the skin within which skin lies
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
    surface: Surface,
    piece: np.ndarray,
    marks: np.ndarray,
    eyes: dict[str, np.ndarray],
    inside: dict[str, np.ndarray],
    kinds: np.ndarray | None = None,
) -> Roles:
    """piece: (V,) numbers. marks: (468, 3). eyes: side -> (3,) where an eyeball is looked for.

    inside: "upper", "lower" and "tongue" of the template -> (n, 3) where they are on this mesh. kinds: (V,) of
    `head.character.part_names`, the same for all vertices of a piece; not believed where they leave no skin.
    """
    known = marks[np.isfinite(marks).all(1)]
    used = np.zeros(len(piece), bool)
    used[surface.faces] = True
    numbers = np.flatnonzero(used)
    nearest = numbers[KDTree(surface.points[numbers]).query(known)[1]]
    hits = np.bincount(piece[nearest], minlength=piece.max() + 1)
    most = int(hits.argmax())  # a large eyeball carries landmarks, too, but never most of them
    carrying = hits >= SHARE * len(known)
    kind = np.zeros(len(hits), int)
    if kinds is not None and not kinds[piece == most].any():
        kind[piece] = kinds
    carrying &= kind == 0
    skin = np.zeros(len(piece), bool)
    masks = {name: np.zeros(len(piece), bool) for name in ("upper", "lower", "tongue")}
    balls = {side: np.zeros(len(piece), bool) for side in eyes}
    trees = {name: KDTree(places) for name, places in inside.items()}
    low = np.min([p.min(0) for p in inside.values()], axis=0) - 0.004
    high = np.max([p.max(0) for p in inside.values()], axis=0) + 0.004
    order = np.argsort(piece, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(piece[order])) + 1)
    groups = [mine for mine in groups if used[mine[0]] and (len(mine) >= FEW or carrying[piece[mine[0]]])]
    carried = {n: nearest[piece[nearest] == n] for n in np.flatnonzero(carrying).tolist()}
    lying = _lying_on(surface.points, carried, piece == most)
    named = [mine for mine in groups if kind[piece[mine[0]]] == EYE]
    for mine in named:
        middle = surface.points[mine].mean(0)
        balls[min(eyes, key=lambda side: float(np.linalg.norm(eyes[side] - middle)))][mine] = True
    if not named:
        for side, parts in _eyes(
            surface.points, [m for m in groups if piece[m[0]] != most and not kind[piece[m[0]]]], eyes
        ).items():
            for mine in parts:
                balls[side][mine] = True
    of_eyes = np.logical_or.reduce(list(balls.values()))
    for mine in groups:
        number, places = piece[mine[0]], surface.points[mine]
        if of_eyes[mine[0]] or number in lying or kind[number]:
            continue
        if carrying[number]:
            skin[mine] = used[mine]
        elif ((places > low) & (places < high)).all(1).mean() > 0.7:
            rows = ("tongue",) if _is_full(places) else ("upper", "lower")
            best = min(rows, key=lambda name: float(np.median(trees[name].query(places)[0])))
            masks[best][mine] = True
    other = used & ~skin & ~np.logical_or.reduce([*masks.values(), of_eyes])
    return Roles(skin, balls, **masks, rest=other)


def _eyes(points: np.ndarray, groups: list[np.ndarray], eyes: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Side -> the pieces of its eye: the round one that is nearest to where an eyeball is looked for, and what lies in it,
    such as a lens, or the flat iris of a drawn face. Lashes lie across its edge."""
    boxes = [(points[mine].min(0), points[mine].max(0)) for mine in groups]
    out: dict[str, list[np.ndarray]] = {side: [] for side in eyes}
    for side, place in eyes.items():
        best, nearest = None, np.inf
        for low, high in boxes:
            extent, away = high - low, float(np.linalg.norm((low + high) / 2 - place))
            is_ball = BALL[0] < extent.max() < BALL[1] and extent.max() < ROUND * max(extent.min(), 1e-9)
            if is_ball and away < min(nearest, max(EYE_NEAR[0], EYE_NEAR[1] * extent.max())):
                best, nearest = (low, high), away
        if best is None:
            continue
        slack = SLACK * (best[1] - best[0]).max()
        for mine, (low, high) in zip(groups, boxes, strict=True):
            if (low >= best[0] - slack).all() and (high <= best[1] + slack).all():
                out[side].append(mine)
    return out


def _lying_on(points: np.ndarray, carried: dict[int, np.ndarray], skin: np.ndarray) -> set[int]:
    """Pieces most of whose vertices at landmarks lie in front of the skin, as a fringe or a mask does; z is to the front."""
    tree, depth = KDTree(points[skin][:, :2]), points[skin][:, 2]
    out = set()
    for number, vertices in carried.items():
        near = tree.query_ball_point(points[vertices, :2], UNDER)
        behind = [points[v, 2] - depth[n] for v, n in zip(vertices, near, strict=True)]
        if np.mean([bool(((b > 0) & (b < OVER)).any()) for b in behind]) > 0.5 and not skin[vertices].all():
            out.add(number)
    return out


def _is_full(places: np.ndarray) -> bool:
    """Whether what is in the mouth also lies in its middle, as a tongue does; a row of teeth is bent around that."""
    side = np.abs(places[:, 0] - places[:, 0].mean())
    middle = places[side < 0.2 * np.ptp(places[:, 0]), 2]
    return bool(len(middle) and np.ptp(middle) > 0.6 * np.ptp(places[:, 2]))


def follow(points: np.ndarray, skin: np.ndarray, shapes: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """(K, n, 3) displacements at (n, 3) points: the mean of those of the nearest (V, 3) places of the skin, near ones first.

    among: indices of the places that count, all of them if not given.
    """
    among = np.arange(len(skin)) if among is None else among
    many = min(AROUND, len(among))
    away, near = KDTree(skin[among]).query(points, k=many)
    away, near = away.reshape(len(points), many), among[near.reshape(len(points), many)]
    weight = np.exp(-(((away - away[:, :1]) / REACH) ** 2))
    weight /= weight.sum(1, keepdims=True)
    return np.stack([np.einsum("nk,nkx->nx", weight, shape[near]) for shape in shapes]).astype(np.float32)
