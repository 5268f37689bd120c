"""Lips that meet: at rest and in the shapes of a bilabial. K shapes, V vertices; y is up.

The lips of a mesh without a cavity end in two edges, which are compared at shares of their lengths: the gap between them is
linear in the weights of the shapes, so that lips which meet in each shape of a bilabial meet in all of them together. Lips of a
mesh with a cavity touch somewhere on their surfaces, where `head.lip_seal` measures the slit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead.head.head import BILABIAL, Head, seal_geometry, shut_lips
from talkinghead.head.lip_seal import EDGE, FADE
from talkinghead.head.visemes import VISEMES
from talkinghead.registration.surface import along, shares
from talkinghead.registration.template import LOWER, UPPER

OVERLAP = 0.016  # of the mouth's width: by which shut lips overlap
PARTED = 0.006  # of the mouth's width: a slit at rest that is shut; what is less is not seen
OPEN = 0.1  # of the mouth's width: a slit at rest beyond which the mouth stands open, and is left so
INSIDE = 0.42  # of the width of the mouth, from its middle, within which the gap between the lips is told
ROLLS = ("mouthRollLower", "mouthRollUpper")  # in which one lip goes behind the other
COLUMNS = 81  # shares of the edges at which they are compared


class Edges:
    """Both edges of the lips, from the right corner to the left one. upper, lower: vertices. sides: (V,) of the mouth.

    apart: what they stood apart at rest, in widths of the mouth.
    """

    def __init__(self, points: np.ndarray, upper: np.ndarray, lower: np.ndarray, sides: np.ndarray) -> None:
        self.upper, self.lower, self.apart = upper, lower, 0.0
        self.at = np.linspace(0, 1, COLUMNS)
        self.known = shares(points[upper]), shares(points[lower])
        self.width = float(np.linalg.norm(points[upper[0]] - points[upper[-1]]))
        sides = sides.copy()
        sides[upper[1:-1]], sides[lower[1:-1]] = UPPER, LOWER
        self.reach, self.share = np.zeros(len(points)), np.zeros(len(points))
        for label, edge, sign in ((UPPER, upper, -0.5), (LOWER, lower, 0.5)):
            self._spread(points, edge, np.flatnonzero(sides == label), sign)

    def _spread(self, points: np.ndarray, edge: np.ndarray, mine: np.ndarray, sign: float) -> None:
        """The part of a gap that each vertex of a lip goes, all of it at the edge; and the share of the edge it belongs to."""
        from scipy.spatial import KDTree

        away, near = KDTree(along(points[edge], self.at)).query(points[mine])
        self.share[mine] = self.at[near]
        self.reach[mine] = sign * np.exp(-((np.maximum(away / self.width - EDGE, 0) / FADE) ** 2))
        self.share[edge], self.reach[edge] = shares(points[edge]), sign
        self.reach[edge[[0, -1]]] = 0  # the corners belong to both lips

    def gap(self, values: np.ndarray, axis: int = 1) -> np.ndarray:
        """(COLUMNS,) between the edges of (V, 3) places or displacements along an axis, by default the height."""
        up, down = (
            np.interp(self.at, known, values[edge, axis])
            for known, edge in zip(self.known, (self.upper, self.lower), strict=True)
        )
        return up - down

    def closing(self, gap: np.ndarray) -> np.ndarray:
        """(V,) to add so that a gap is gone."""
        return np.interp(self.share, self.at, gap) * self.reach

    def shut(self, points: np.ndarray, shapes: np.ndarray, names: tuple[str, ...]) -> None:
        """Change (V, 3) points and (K, V, 3) shapes so that the edges meet at rest and in each shape of a bilabial."""
        rest = self.gap(points)
        self.apart = float(rest.max()) / self.width
        if PARTED < self.apart < OPEN:
            points[:, 1] += self.closing(np.maximum(rest, 0))
        overlap = OVERLAP * self.width * np.sin(np.pi * self.at)
        for rows, company in BILABIAL:
            others = sum((shapes[names.index(name)] for name in company), np.zeros_like(shapes[0]))
            for name in rows:
                shape = shapes[names.index(name)]
                whole = shape + others
                shape[:, 1] += self.closing(self.gap(whole) + overlap / len(rows))
                if name not in ROLLS:
                    shape[:, 0] += self.closing(self.gap(whole, 0))
                    shape[:, 2] += self.closing(self.gap(whole, 2))


def shut_cavity(head: Head) -> tuple[Head, float]:
    """The head with lips that meet, and what they stood apart at rest, in widths of the mouth."""
    seal = seal_geometry(head)
    if seal is None:
        return head, 0.0
    where, height = seal.slits(head.template.astype(np.float64))
    apart = float(height[np.abs(where) < INSIDE].max(initial=0))
    template, basis = shut_lips(head, head.template)
    return replace(head, template=template if PARTED < apart < OPEN else head.template, basis=basis), apart


def parting(apart: float, width: float) -> str | None:
    """What is to be said of lips that stood apart at rest by a share of the mouth's `width`, metres; None for shut ones."""
    if apart <= PARTED:
        return None
    told = f"the lips were {apart * width * 1000:.1f} mm apart at rest"
    return f"{told}: shut, each moved by half of it" if apart < OPEN else f"{told} and stay so: give a face with its mouth shut"


def closure(head: Head, edges: Edges | None) -> float | None:
    """Metres between the lips at /p b m/, the largest in the middle part of the mouth; None where it is not known."""
    pose = head.template + sum(w * head.basis[head.index(n)] for n, w in VISEMES["PP"].items())
    if edges is not None:
        return max(float(edges.gap(pose)[np.abs(edges.at - 0.5) < INSIDE].max()), 0.0)
    seal = seal_geometry(head)
    if seal is None:
        return None
    where, height = seal.slits(pose.astype(np.float64))
    return max(float(height[np.abs(where) < INSIDE].max(initial=0)), 0.0) * seal.width
