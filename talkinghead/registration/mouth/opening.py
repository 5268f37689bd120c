"""The mouth of a mesh: whether its lips are parted, the line between them, and the cut along it where they are one surface.

Places are in the default head's axes and size, metres. V vertices, F triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from talkinghead.registration.surface import Surface, along
from talkinghead.registration.template import LOWER, UPPER, sides

UPPER_SEEDS, LOWER_SEEDS = (0, 37, 267, 39, 269), (17, 84, 314, 181, 405)  # the tracker's points on the outer contour
UPPER_LINE = (191, 80, 81, 82, 13, 312, 311, 310, 415)  # on the inner contour, from the right corner to the left one
LOWER_LINE = (95, 88, 178, 87, 14, 317, 402, 318, 324)
CORNERS = (78, 308)
APART = 1.8  # way along the surface from lip to lip by the straight way, above which a slit lies between them
AROUND = 0.028  # metres along the skin from the lips within which a vertex belongs to a side
BAND = (0.0012, 0.012)  # metres above and below the line in which the skin is surely of one lip
BETTER = 0.0003  # metres, on average, by which lips must meet better, for the tracker's points not to be believed
MIDDLE = 0.36  # of the line's length, to both sides of its middle, along which that is told
FRONT = 0.2  # of a normal's z, of skin that looks to the front
NEAR = 0.010  # metres from the line within which triangles are cut
SNAP = 0.15  # of an edge: a cut that is nearer to its end goes through the vertex there
CREASE = 0.005  # metres above and below the tracker's line in which the crease between the lips is looked for
FINE = 0.003  # metres: longest edges at which a crease can be told
RIM = 0.008  # metres from the line within which the rim of a mouth without a cavity lies


@dataclass(frozen=True, eq=False)
class Line:
    """The line between the lips. points: (n, 3), from the right corner to the left one."""

    points: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n,) heights at x; level beyond the corners."""
        order = np.argsort(self.points[:, 0])
        line = PchipInterpolator(*_rising(self.points[order, 0], self.points[order, 1]))
        return line(np.clip(x, self.points[:, 0].min(), self.points[:, 0].max()))

    def distance(self, points: np.ndarray) -> np.ndarray:
        """(V,) metres from the line."""
        from scipy.spatial import KDTree

        return KDTree(along(self.points, np.linspace(0, 1, 200))).query(points)[0]


def _rising(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without what does not lie to the right of what comes before it."""
    keep = np.r_[True, np.diff(np.maximum.accumulate(x)) > 1e-6]
    return x[keep], y[keep]


def is_parted(surface: Surface, skin: np.ndarray, marks: np.ndarray) -> bool:
    """Whether a slit lies between the lips. skin: (V,) bool, the vertices that may be a lip."""
    upper, lower = (nearest_vertex(surface, marks[list(seeds[:1])], skin) for seeds in (UPPER_SEEDS, LOWER_SEEDS))
    straight = float(np.linalg.norm(surface.points[upper[0]] - surface.points[lower[0]]))
    return bool(surface.distance(upper)[lower[0]] > APART * straight)


def nearest_vertex(surface: Surface, places: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(n,) the nearest allowed vertex of each place."""
    from scipy.spatial import KDTree

    numbers = np.flatnonzero(allowed)
    return numbers[KDTree(surface.points[numbers]).query(places)[1]]


def mouth_sides(surface: Surface, skin: np.ndarray, marks: np.ndarray, line: Line) -> np.ndarray:
    """(V,) UPPER, LOWER or 0 of each vertex, by the way along the surface from the tracker's points on the lips.

    Where lips told so do not meet, as of small mouths with few vertices at these points, the way is that from the skin above
    and below the line, if they then do. skin: (V,) bool, what is seen of it.
    """
    upper, lower = (
        np.unique(nearest_vertex(surface, places[np.isfinite(places).all(1)], skin))
        for places in (marks[list(UPPER_SEEDS)], marks[list(LOWER_SEEDS)])
    )
    found = sides(surface, upper, lower, AROUND)
    level, front = _before_line(surface, skin, line)
    near = front & (np.abs(level) > BAND[0]) & (np.abs(level) < BAND[1])
    bands = np.flatnonzero(near & (level > 0)), np.flatnonzero(near & (level < 0))
    if not all(map(len, bands)):
        return found
    other = sides(surface, np.union1d(upper[level[upper] > 0], bands[0]), np.union1d(lower[level[lower] < 0], bands[1]), AROUND)
    faces = np.flatnonzero(skin[surface.faces].all(1))
    return other if _apart(surface, faces, other, line) + BETTER < _apart(surface, faces, found, line) else found


def _apart(surface: Surface, faces: np.ndarray, side: np.ndarray, line: Line) -> float:
    """Metres, on average, between the heights of the upper lip's lower edge and the lower lip's upper edge."""
    upper, lower = contact(surface, faces, side, line)
    x = np.linspace(line.points[0, 0], line.points[-1, 0], 31)
    return float(np.abs(np.interp(x, upper[:, 0], upper[:, 1]) - np.interp(x, lower[:, 0], lower[:, 1])).mean())


def _before_line(surface: Surface, skin: np.ndarray, line: Line) -> tuple[np.ndarray, np.ndarray]:
    """(V,) metres above the line, and (V,) bool: skin that looks to the front, before the middle of the line."""
    points, order = surface.points, np.argsort(line.points[:, 0])
    x, _, z = line.points[order].T
    inside = np.abs(points[:, 0] - (x[0] + x[-1]) / 2) < MIDDLE * (x[-1] - x[0])  # the line's ends are less sure
    front = skin & inside & (surface.normals[:, 2] > FRONT)
    front &= points[:, 2] > np.interp(points[:, 0], x, z) - CREASE
    return points[:, 1] - line(points[:, 0]), front


def find_line(surface: Surface, faces: np.ndarray, marks: np.ndarray) -> Line:
    """The line between the lips: the tracker's, moved into the crease of the mesh. faces: indices of those that are seen."""
    corners = marks[list(CORNERS)]
    middle = (marks[list(UPPER_LINE)] + marks[list(LOWER_LINE)]) / 2
    points = np.concatenate([corners[:1], middle, corners[1:]])
    points = points[np.isfinite(points).all(1)]
    points = points[np.argsort(points[:, 0])]
    line = Line(points)
    near = faces[line.distance(surface.points)[surface.faces[faces]].min(1) < 2 * CREASE]
    if not len(near):
        return line
    sides_ = surface.points[surface.faces[near]]
    if np.median(np.linalg.norm(sides_ - np.roll(sides_, 1, 1), axis=2)) > FINE:
        return line
    places, _ = surface.samples(near, 0.0005)
    x = np.linspace(points[0, 0], points[-1, 0], 25)
    moves = np.array([_crease(places, a, float(line(np.array([a]))[0])) for a in x])
    moves[[0, -1]] = moves[[1, -2]]
    known = np.isfinite(moves)
    if known.sum() < 8:
        return line
    moves = np.interp(x, x[known], moves[known])
    padded = np.pad(moves, 2, mode="edge")
    moves = np.median(np.stack([padded[k : k + len(moves)] for k in range(5)]), 0)
    moves = np.convolve(np.pad(moves, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    height = line(x) + moves
    depth = [places[np.linalg.norm(places[:, :2] - [a, b], axis=1).argmin(), 2] for a, b in zip(x, height, strict=True)]
    return Line(np.stack([x, height, depth], 1))


def _crease(places: np.ndarray, x: float, y: float) -> float:
    """How far above y the skin at x is most hollow; NaN where it is not."""
    column = places[(np.abs(places[:, 0] - x) < 0.0008) & (np.abs(places[:, 1] - y) < 2 * CREASE)]
    step, arm = 0.0004, 6  # metres between heights; steps to where the skin beside the crease is measured
    bins = np.arange(-CREASE - arm * step, CREASE + (arm + 0.5) * step, step)
    if len(column) < len(bins) / 2:
        return np.nan
    place = np.round((column[:, 1] - y - bins[0]) / step).astype(int)
    depth = np.full(len(bins), -np.inf)
    keep = (place >= 0) & (place < len(bins))
    np.maximum.at(depth, place[keep], column[keep, 2])
    known = np.isfinite(depth)
    if known.mean() < 0.6:
        return np.nan
    depth = np.interp(bins, bins[known], depth[known])
    hollow = (depth[: -2 * arm] + depth[2 * arm :]) / 2 - depth[arm:-arm] - 0.02 * np.abs(bins[arm:-arm])
    best = int(hollow.argmax())
    return float(bins[arm + best]) if hollow[best] > 0.00015 else np.nan


@dataclass(frozen=True, eq=False)
class Cut:
    """A mesh cut along a line. first, second, share: (N,) each added vertex lies between two old ones. faces: (F', 3).

    origin: (F',) the old face of each. upper, lower: vertices of the two edges, from the right corner to the left one.
    """

    first: np.ndarray
    second: np.ndarray
    share: np.ndarray
    faces: np.ndarray
    origin: np.ndarray
    upper: np.ndarray
    lower: np.ndarray

    def extend(self, values: np.ndarray) -> np.ndarray:
        """(V, ...) values of vertices with those of the added ones."""
        share = self.share.reshape(-1, *[1] * (values.ndim - 1))
        added = values[self.first] * (1 - share) + values[self.second] * share
        return np.concatenate([values, added.astype(values.dtype)])


def cut(points: np.ndarray, faces: np.ndarray, allowed: np.ndarray, line: Line) -> Cut | None:
    """Cut (F, 3) faces along the line; None where it meets nothing. allowed: (F,) bool, faces that may be cut."""
    return _Cutter(points, faces, allowed, line).cut()


class _Cutter:
    def __init__(self, points: np.ndarray, faces: np.ndarray, allowed: np.ndarray, line: Line) -> None:
        self.points, self.faces = points, faces
        self.right, self.left = float(line.points[:, 0].min()), float(line.points[:, 0].max())
        self.near = allowed & (line.distance(points)[faces].min(1) < NEAR)
        self.level = points[:, 1] - line(points[:, 0])
        self.plain = self.level.copy()
        self.added: dict[tuple[int, int], int] = {}
        self.between: list[tuple[int, int, float]] = []
        self.ends: set[int] = set()

    def inside(self, x: float) -> bool:
        return self.right <= x <= self.left

    def cut(self) -> Cut | None:
        self._snap()
        made: list[tuple[int, int, int]] = []
        origin: list[int] = []
        side: list[int] = []
        for number in np.flatnonzero(self.near):
            for triangle, sign in self._split([int(v) for v in self.faces[number]]):
                made.append(triangle)
                origin.append(int(number))
                side.append(sign)
        on_line = {int(v) for v in np.unique(self.faces[self.near]) if self.level[v] == 0} | set(self.added.values())
        if len(on_line) < 3:
            return None
        return self._part(sorted(on_line, key=lambda v: self._place(v)[0]), made, origin, side)

    def _part(self, on_line: list[int], made: list, origin: list[int], side: list[int]) -> Cut:
        """The cut opened: below it, vertices are doubled, all but the outermost ones."""
        ends = {on_line[0], on_line[-1]}
        count = len(self.points) + len(self.between)
        double = {v: count + k for k, v in enumerate(v for v in on_line if v not in ends)}
        far = np.flatnonzero(~self.near)
        faces = np.concatenate([self.faces[far], np.array(made, np.int64).reshape(-1, 3)])
        touched = np.isin(faces, list(double)).any(1)
        level = np.concatenate([self.plain, [self._level(v) for v in range(len(self.points), count)]])
        signs = np.r_[np.zeros(len(far), int), side]
        below = np.where(signs == 0, level[faces].mean(1) < 0, signs < 0)
        swap = np.arange(count)
        swap[list(double)] = list(double.values())
        faces[touched & below] = swap[faces[touched & below]]
        between = [*self.between, *((v, v, 0.0) for v in double)]
        first, second, share = (np.array(column) for column in zip(*between, strict=True))
        first, second, share = self._resolve(first.astype(int), second.astype(int), share.astype(float))
        lower = np.array([double.get(v, v) for v in on_line])
        return Cut(first, second, share, faces, np.r_[far, np.array(origin, int)], np.array(on_line), lower)

    def _resolve(self, first: np.ndarray, second: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Doubles of added vertices as what these lie between."""
        count = len(self.points)
        for k in np.flatnonzero(first >= count):
            a, b, t = self.between[first[k] - count]
            first[k], second[k], share[k] = a, b, t
        return first, second, share

    def _snap(self) -> None:
        """Vertices beside the line are put onto it, so that no slivers arise."""
        faces = self.faces[self.near]
        pairs = np.unique(np.sort(np.concatenate([faces[:, :2], faces[:, 1:], faces[:, ::2]]), 1), axis=0)
        for a, b in pairs:
            one, other = self.level[a], self.level[b]
            if one * other >= 0:
                continue
            share = one / (one - other)
            vertex = a if share < SNAP else b if share > 1 - SNAP else None
            if vertex is not None and self.inside(self.points[vertex, 0]):
                self.level[vertex] = 0
        for vertex in np.unique(faces):
            if abs(self.level[vertex]) < 1e-9 and not self.inside(self.points[vertex, 0]):
                self.level[vertex] = 1e-9

    def _crossing(self, a: int, b: int) -> int | None:
        """The vertex where the line crosses an edge, between the corners."""
        one, other = self.level[a], self.level[b]
        if one * other >= 0:
            return None
        a, b = min(a, b), max(a, b)
        share = float(self.level[a] / (self.level[a] - self.level[b]))
        if not self.inside(self.points[a, 0] * (1 - share) + self.points[b, 0] * share):
            return None
        if (a, b) not in self.added:
            self.added[a, b] = len(self.points) + len(self.between)
            self.between.append((a, b, share))
        return self.added[a, b]

    def _split(self, face: list[int]) -> list[tuple[tuple[int, int, int], int]]:
        """The pieces of a triangle and the side of each: 1 above, -1 below, 0 where the line ends in it."""
        signs = [int(np.sign(self.level[v])) for v in face]
        edges = [self._crossing(face[k], face[(k + 1) % 3]) for k in range(3)]
        hits = [k for k in range(3) if edges[k] is not None]
        if not hits:
            total = {s for s in signs if s}
            return [((face[0], face[1], face[2]), total.pop() if len(total) == 1 else 0)]
        if len(hits) == 2:
            k = next(k for k in range(3) if edges[k] is not None and edges[k - 1] is not None)  # the corner that is alone
            a, b, c = face[k], face[(k + 1) % 3], face[(k + 2) % 3]
            p, q, sign = edges[k], edges[k - 1], signs[k]
            return [((a, p, q), sign), ((p, b, c), -sign), ((p, c, q), -sign)]  # pyright: ignore[reportReturnType]
        k = hits[0]
        a, b, c, p = face[k], face[(k + 1) % 3], face[(k + 2) % 3], edges[k]
        if self.level[c] == 0:
            return [((a, p, c), signs[k]), ((p, b, c), -signs[k])]  # pyright: ignore[reportReturnType]
        return [((a, p, c), 0), ((p, b, c), 0)]  # pyright: ignore[reportReturnType]

    def _place(self, vertex: int) -> np.ndarray:
        if vertex < len(self.points):
            return self.points[vertex]
        a, b, share = self.between[vertex - len(self.points)]
        return self.points[a] * (1 - share) + self.points[b] * share

    def _level(self, vertex: int) -> float:
        a, b, share = self.between[vertex - len(self.points)]
        return float(self.plain[a] * (1 - share) + self.plain[b] * share)


def rim_edges(surface: Surface, skin: np.ndarray, side: np.ndarray, line: Line) -> tuple[np.ndarray, np.ndarray] | None:
    """Vertices of the rims of both lips, from the right corner to the left one; None where the lips have no rim."""
    rim = np.flatnonzero(surface.rim & skin & (line.distance(surface.points) < RIM))
    found = []
    for label in (UPPER, LOWER):
        mine = rim[side[rim] == label]
        if len(mine) < 3 or np.ptp(surface.points[mine, 0]) < 0.6 * np.ptp(line.points[:, 0]):
            return None
        found.append(mine[np.argsort(surface.points[mine, 0])])
    upper, lower = found
    for at in (0, -1):  # a corner belongs to both
        best = min((upper[at], lower[at]), key=lambda v: surface.points[v, 0] * (1 if at == 0 else -1))
        if upper[at] != best:
            upper = np.r_[best, upper] if at == 0 else np.r_[upper, best]
        if lower[at] != best:
            lower = np.r_[best, lower] if at == 0 else np.r_[lower, best]
    return upper, lower


def contact(surface: Surface, faces: np.ndarray, side: np.ndarray, line: Line) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) each: where a mouth with a cavity is seen to part, on the upper lip and on the lower. faces: indices, seen."""
    label = side[surface.faces[faces]]
    right, left = line.points[0], line.points[-1]
    x = np.linspace(right[0], left[0], 31)[1:-1]
    out = []
    for mark, sign in ((UPPER, 1), (LOWER, -1)):
        places, _ = surface.samples(faces[(label == mark).all(1)], 0.0006)
        places = places[line.distance(places) < NEAR]
        edge = [right]
        for a in x:
            column = places[np.abs(places[:, 0] - a) < 0.0008]
            if len(column):
                edge.append(column[(sign * column[:, 1]).argmin()])
        out.append(np.stack([*edge, left]))
    return out[0], out[1]
