"""Where the lips of an unknown mesh part, found from one shape that opens its mouth. V vertices; y is up, z to the front."""

from __future__ import annotations

import numpy as np

STEEP = 2.0  # relative motion by distance at rest that skin does not stretch to: there is a slit
LEVELS = (
    0.2,
    0.35,
    0.5,
    0.65,
    0.8,
)  # of the range of vertical motion; towards the corners it is smaller
LEAST = 0.1  # of this range: by how much lips part
MIDDLE = 0.25  # of the width of the mouth, around its middle
NEAR = 0.03  # of the width: pairs that lie as near to each other count alike
SAME = 1e-6  # of the size of the mesh: vertices that are this near are one, split along a seam
FEWEST = 3  # pairs of a slit
MOST_STEPS = 6  # from the outmost pair to the corner of the mouth, near which lips part little
PLAUSIBLE = (0.05, 4.0)  # widths of the mouth that an open mouth parts


def find_lips(points: np.ndarray, faces: np.ndarray, opening: np.ndarray) -> dict[str, int]:
    """Landmark -> vertex: the inner lips in the middle, and the corners; {} where nothing parts.

    points: (V, 3). faces: (F, 3). opening: (V, 3), a shape that opens the mouth. Where lips part, vertices of one piece of skin
    that lie beside each other at rest move apart. Of several pieces, as teeth may be one, the one furthest in front counts.
    """
    from scipy.spatial import KDTree

    height = opening[:, 1]
    if not len(height) or (reach := float(np.ptp(height))) <= 0:
        return {}
    found = []
    for level in height.min() + np.array(LEVELS) * reach:
        up, down = np.flatnonzero(height > level), np.flatnonzero(height <= level)
        apart, nearest = KDTree(points[up]).query(points[down])
        drop = height[up[nearest]] - height[down]
        slit = (drop > STEEP * apart) & (drop > LEAST * reach)
        found.append(np.stack([up[nearest], down], 1)[slit])
    pairs = np.unique(np.concatenate(found), axis=0)
    if not len(pairs):
        return {}
    pairs = _front(pairs, points, _pieces(points, faces))
    across = points[pairs, 0].mean(1)
    width, middle = float(np.ptp(across)), (across.min() + across.max()) / 2
    drop = height[pairs[:, 0]] - height[pairs[:, 1]]
    central = np.abs(across - middle) <= MIDDLE * width
    if width <= 0 or not central.any():
        return {}
    apart = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    best = np.where(central, drop / (apart + NEAR * width), -np.inf).argmax()
    if not PLAUSIBLE[0] < drop[best] / width < PLAUSIBLE[1]:
        return {}
    left, right = (
        _corner(pairs[outmost], side, points, faces) for outmost, side in ((across.argmax(), 1), (across.argmin(), -1))
    )
    names = ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right")
    return {name: int(vertex) for name, vertex in zip(names, (*pairs[best], left, right), strict=True)}


def _corner(pair: np.ndarray, side: int, points: np.ndarray, faces: np.ndarray) -> int:
    """The vertex where the lips meet on a side (1: +x), from the outmost pair of them on: along both rims, outwards."""
    same = _places(points)
    first, second = same[np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])].T
    vertex = np.zeros(same.max() + 1, int)
    vertex[same] = np.arange(len(same))
    placed = points[vertex]
    upper, lower = same[pair]
    for _ in range(MOST_STEPS):
        ways = []
        for rim, other in ((upper, lower), (lower, upper)):
            near = np.union1d(second[first == rim], first[second == rim])
            outwards = near[side * placed[near, 0] > side * placed[rim, 0]]
            waits = side * placed[rim, 0] > side * placed[other, 0]  # for the rim that lags
            ways.append(np.append(outwards, rim) if waits else outwards)
        above, below = ways
        if not len(above) or not len(below):
            break
        both = np.intersect1d(above, below)
        if len(both):  # a vertex of both lips
            middle = placed[[upper, lower]].mean(0)
            return int(vertex[both[np.linalg.norm(placed[both] - middle, axis=1).argmin()]])
        apart = np.linalg.norm(placed[above][:, None] - placed[below], axis=-1)
        up, down = np.unravel_index(apart.argmin(), apart.shape)
        if apart[up, down] > STEEP * np.linalg.norm(placed[upper] - placed[lower]):
            break
        upper, lower = above[up], below[down]
    return int(vertex[upper])


def _places(points: np.ndarray) -> np.ndarray:
    """(V,) the number of the place of each vertex; vertices at one place are one, split along a seam."""
    _, same = np.unique(np.round(points / (SAME * np.ptp(points, axis=0).max())), axis=0, return_inverse=True)
    return same.reshape(-1)


def _pieces(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) the number of the piece of surface that each vertex belongs to; vertices at one place are one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    same = _places(points)
    first, second = same[np.concatenate([faces[:, :2], faces[:, 1:]])].T
    links = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(same.max() + 1,) * 2)
    return connected_components(links, directed=False)[1][same]


def _front(pairs: np.ndarray, points: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Those pairs that are of one piece of surface, of the piece whose pairs are furthest in front; all, where none are."""
    whole = pairs[piece[pairs[:, 0]] == piece[pairs[:, 1]]]
    numbers, counts = np.unique(piece[whole[:, 0]], return_counts=True)
    numbers = numbers[counts >= FEWEST]
    if not len(numbers):
        return pairs
    front = max(numbers, key=lambda number: np.quantile(points[whole[piece[whole[:, 0]] == number, 0], 2], 0.9))
    return whole[piece[whole[:, 0]] == front]
