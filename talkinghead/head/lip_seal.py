"""Correction of a pose in which lips should meet: neither a slit between them nor one through the other.

The slit is measured in vertical planes across the mouth; each lip is moved by half of it. Lengths are in widths of the mouth,
so that they fit any unit and any size of face.
"""

from __future__ import annotations

import numpy as np

OVERLAP = 0.006  # depth by which shut lips overlap: rounding leaves no gap
STEP = 0.005  # between samples of a profile
CORNER, CORNER_FADE = 0.519, 0.047  # |x| at which a correction is 0, and width over which it fades to that
EDGE, FADE = 0.05, 0.105  # distance from a lip's edge up to which it moves as the edge does, and width of the fade after it
BLUR = (0.12, 0.06, 0.03, 0.03)  # width of smoothing along the mouth in each round, coarse to fine
MOST = 0.07  # largest change of a slit in one round


class SealGeometry:
    """The mesh of both lips at rest. v skin vertices, any unit of length; x to the head's left, y up, z to the front."""

    def __init__(self, faces: np.ndarray, points: np.ndarray, ring: list[int], jaw: np.ndarray):
        """faces: (f, 3) of the skin. points: (v, 3). ring: closed inner contour from its top. jaw: (v, 3) jawOpen."""
        place = points[ring]
        left, right = int(place[:, 0].argmax()), int(place[:, 0].argmin())
        self.upper_ring = [*ring[right:], *ring[: left + 1]]  # from the right corner to the left one
        self.lower_ring = ring[left : right + 1]
        self.width = float(np.ptp(place[:, 0]))
        self.points = points
        self.rest = (points[:, 0] - (place[left, 0] + place[right, 0]) / 2) / self.width
        height = (points[:, 1] - np.median(place[:, 1])) / self.width
        depth = (points[:, 2] - place[:, 2].min()) / self.width
        near = (abs(self.rest) < 0.70) & (abs(height) < 0.30) & (depth > -0.32)
        self.upper = near & self._is_upper(jaw)
        self.lower = near & ~self.upper
        self.sides = [faces[mask[faces].all(1)] for mask in (self.upper, self.lower)]
        self.reach = self._reach()

    def slits(self, pose: np.ndarray, columns: int = 41) -> tuple[np.ndarray, np.ndarray]:
        """(n,) x at rest and (n,) height of the slit, both in mouth widths; negative where the lips pass through each other.

        n is at most `columns`: planes in which no part of one lip is behind the other are left out.
        """
        ends = pose[[self.upper_ring[0], self.upper_ring[-1]], 0]
        step, where, height = STEP * self.width, [], []
        corners = [np.concatenate([pose[faces], self.rest[faces][..., None]], -1) for faces in self.sides]
        widths = [(corner[..., 0].min(1), corner[..., 0].max(1)) for corner in corners]
        for x in np.linspace(ends[0], ends[1], columns + 2)[1:-1]:
            up, down = (_profile(corner[(a < x) & (b >= x)], x) for corner, (a, b) in zip(corners, widths, strict=True))
            if not len(up) or not len(down):
                continue
            low, high = max(up[:, :, 1].min(), down[:, :, 1].min()), min(up[:, :, 1].max(), down[:, :, 1].max())
            if high - low < step:
                continue
            depth = np.arange(low + step / 2, high, step)
            top, top_at = _envelope(up, depth, lowest=True)
            bottom, bottom_at = _envelope(down, depth, lowest=False)
            gap = top - bottom
            if np.isfinite(gap).any():
                best = int(np.nanargmin(gap))
                where.append((top_at[best] + bottom_at[best]) / 2)
                height.append(gap[best] / self.width)
        return np.array(where), np.array(height)

    def correction(self, pose: np.ndarray) -> np.ndarray:
        """(v, 3) to add to the pose so that the lips are shut: the upper lip down and the lower up by half the slit each."""
        total = np.zeros_like(pose)
        for blur in BLUR:
            where, height = self.slits(pose + total)
            if not len(where):
                break
            weight = np.exp(-(((self.rest[:, None] - where) / blur) ** 2)) + 1e-12
            closing = (weight * (height + OVERLAP)).sum(1) / weight.sum(1)
            corner = np.clip((CORNER - abs(self.rest)) / CORNER_FADE, 0, 1)  # the lips join at the corners
            move = np.clip(closing, -MOST, MOST) * self.reach * corner * self.width / 2
            total[self.upper, 1] -= move[self.upper]
            total[self.lower, 1] += move[self.lower]
        return total

    def _is_upper(self, jaw: np.ndarray) -> np.ndarray:
        """(v,) bool: vertices that the jaw moves more like the upper contour at the same x than like the lower one."""
        x = self.points[:, 0]

        def contour(ring: list[int]) -> np.ndarray:
            order = np.argsort(x[ring])
            return np.stack([np.interp(x, x[ring][order], jaw[ring, k][order]) for k in range(3)], 1)

        off_upper, off_lower = (np.linalg.norm(jaw - contour(r), axis=1) for r in (self.upper_ring, self.lower_ring))
        return off_upper < off_lower

    def _reach(self) -> np.ndarray:
        """(v,) share of its lip edge's motion that each vertex makes: 1 at the edge, fading away from it."""
        from scipy.spatial import cKDTree

        out = np.zeros(len(self.points))
        for mask, ring in ((self.upper, self.upper_ring), (self.lower, self.lower_ring)):
            distance, _ = cKDTree(self.points[ring]).query(self.points[mask])
            out[mask] = np.exp(-((np.maximum(distance / self.width - EDGE, 0) / FADE) ** 2))
        return out


def _profile(corners: np.ndarray, x: float) -> np.ndarray:
    """(n, 2, 3) segments (y, z, x at rest) where the plane at x cuts n triangles: (n, 3, 4) x, y, z and x at rest."""
    side, table = corners[..., 0] - x, corners[..., 1:]
    above = side >= 0
    alone = np.where(above.sum(1) == 1, above.argmax(1), (~above).argmax(1))  # the corner that is alone on its side
    row = np.arange(len(corners))
    ends = []
    for step in (1, 2):
        other = (alone + step) % 3
        share = (side[row, alone] / (side[row, alone] - side[row, other]))[:, None]
        ends.append(table[row, alone] * (1 - share) + table[row, other] * share)
    return np.stack(ends, 1)


def _envelope(segments: np.ndarray, depth: np.ndarray, *, lowest: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lowest or highest y of the segments at each depth, and x at rest there; NaN at depths without a segment."""
    a, b = segments[:, 0], segments[:, 1]
    span = b[:, 1] - a[:, 1]
    span = np.where(abs(span) < 1e-12, 1e-12, span)
    t = (depth - a[:, 1, None]) / span[:, None]
    hit = (t >= 0) & (t <= 1)
    y = np.where(hit, a[:, 0, None] + t * (b - a)[:, 0, None], np.inf if lowest else -np.inf)
    pick = y.argmin(0) if lowest else y.argmax(0)
    column = np.arange(len(depth))
    rest = a[pick, 2] + t[pick, column] * (b - a)[pick, 2]
    value = y[pick, column]
    return np.where(np.isfinite(value), value, np.nan), rest
