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
PLAUSIBLE = (0.05, 4.0)  # widths of the mouth that an open mouth parts


def find_lips(points: np.ndarray, opening: np.ndarray) -> dict[str, int]:
    """Landmark -> vertex: the inner lips in the middle, and the corners; {} where nothing parts.

    points: (V, 3). opening: (V, 3), a shape that opens the mouth. Where lips part, vertices that lie beside each other at rest
    move apart. Of several slits, as lips and teeth have one each, the one furthest in front counts.
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
    front = points[pairs[:, 0], 2]
    pairs = pairs[front > np.median(front) - 0.3 * np.ptp(points[pairs[:, 0], 0])]
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
    left, right = pairs[across.argmax(), 0], pairs[across.argmin(), 0]
    names = ("lip_upper_inner", "lip_lower_inner", "lip_corner_left", "lip_corner_right")
    return {name: int(vertex) for name, vertex in zip(names, (*pairs[best], left, right), strict=True)}
