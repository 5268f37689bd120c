"""The default head as what is fitted to a mesh: its skin, what of it is seen, its lips, and the tracker's points on it."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np

from talkinghead.head.head import Head
from talkinghead.registration.surface import DENSE, Surface
from talkinghead.registration.views import SIZE, View, corner_weights, owners

UPPER, LOWER = 1, 2  # sides of the mouth
TRACKED = 468  # points on the skin; those after them are of the irises
DIRECTIONS = (*tuple((yaw, pitch) for pitch in (-30, 0, 30) for yaw in range(0, 360, 45)), (0, 75))
CLOSE = tuple((yaw, pitch) for pitch in (-35, -15, 5, 25) for yaw in (-50, -25, 0, 25, 50))  # of the face alone
FACE, FACE_REACH = np.array([0.0, 0.0, 0.11]), 0.085  # metres: its middle, and half of the height that is seen
EYE_REACH = 0.026  # metres: half of the height that is seen of an eye
COLUMNS = 21  # across the opening of an eye
BETWEEN = 3  # rings of triangles around those that are shown, of a dense mesh
AROUND_LIPS = 0.028  # metres along the skin from the lips' contact within which a vertex belongs to a side


class Template:
    """The skin of a head: v vertices, f triangles; metres."""

    def __init__(self, head: Head) -> None:
        self.head = head
        part = next(p for p in head.parts if p.name == "skin")
        faces = head.faces[slice(*part.faces)]
        self.count = int(faces.max()) + 1  # the skin's vertices are the first
        self.skin = Surface(head.template[: self.count], faces)
        self.shapes = head.basis[:, : self.count]

    @cached_property
    def tracked(self) -> np.ndarray:
        """(478, 3) the tracker's points."""
        return self.head.landmark([f"tracker_{k:03d}" for k in range(478)]).astype(np.float64)

    @cached_property
    def tracked_table(self) -> np.ndarray:
        """(468, 3) [triangle, u, v]."""
        return np.array([self.head.landmarks[f"tracker_{k:03d}"] for k in range(TRACKED)], np.float64)

    @cached_property
    def ring(self) -> np.ndarray:
        """The closed inner contour of the lips, vertices from its top."""
        names = sorted(name for name in self.head.landmarks if name.startswith("lip_inner_"))
        table = np.array([self.head.landmarks[name] for name in names])
        weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], 1)
        return self.head.faces[table[:, 0].astype(int)][np.arange(len(names)), weights.argmax(1)]

    @cached_property
    def lips(self) -> tuple[np.ndarray, np.ndarray]:
        """The ring's upper and lower vertices, each from the right corner to the left one, both with the corners."""
        place = self.skin.points[self.ring]
        left, right = int(place[:, 0].argmax()), int(place[:, 0].argmin())
        ring = self.ring
        return np.array([*ring[right:], *ring[: left + 1]]), ring[left : right + 1][::-1]

    @cached_property
    def sides(self) -> np.ndarray:
        """(v,) UPPER, LOWER, or 0 far from the lips."""
        return sides(self.skin, self.lips[0][1:-1], self.lips[1][1:-1], AROUND_LIPS)

    @cached_property
    def bag(self) -> np.ndarray:
        """(f,) bool: triangles inside the mouth, which the ring parts from the face."""
        inner = np.zeros(self.count, bool)
        inner[self.ring] = True
        faces = self.skin.faces
        rest = Surface(self.skin.points, faces[~inner[faces].any(1)])
        face_side = rest.pieces == rest.pieces[int(self.skin.points[:, 1].argmax())]
        outer = face_side[faces].any(1)
        alone = inner[faces].all(1)  # between vertices of the ring only
        return ~outer & ~alone

    @cached_property
    def seen(self) -> np.ndarray:
        """(v,) bool: what is seen from outside, with eyes in their places and the mouth shut."""
        eyes = [self.head.faces[slice(*p.faces)] for p in self.head.parts if p.name in ("skin", "eyes")]
        whole = Surface(self.head.template, np.concatenate(eyes))
        return seen(whole)[: self.count]

    @cached_property
    def lid_edges(self) -> dict[str, tuple[Edge, Edge]]:
        """side -> where the skin above and below the eyeball begins; faces are of the skin."""
        eyes = next(p for p in self.head.parts if p.name == "eyes")
        faces = np.concatenate([self.skin.faces, self.head.faces[slice(*eyes.faces)]])
        of_eyes = np.arange(len(faces)) >= len(self.skin.faces)
        whole, out = Surface(self.head.template, faces), {}
        for side, table in self.eye_rings.items():
            found = lid_edges(whole, of_eyes, positions(self.skin.points, self.skin.faces, table).mean(0))
            if found is not None:
                out[side] = found
        return out

    @cached_property
    def eye_rings(self) -> dict[str, np.ndarray]:
        """The rims of the lids as landmarks: side -> (n, 3) [triangle, u, v]."""
        marks = self.head.landmarks
        return {
            side: np.array([marks[name] for name in sorted(marks) if name.startswith(f"eye_{side}_") and name[-2:].isdigit()])
            for side in ("left", "right")
        }

    @cached_property
    def lids(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """side -> vertices of the upper and of the lower lid's rim, each from the corner at the smaller x to the other."""
        out = {}
        for side, table in self.eye_rings.items():
            weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], 1)
            ring = self.skin.faces[table[:, 0].astype(int)][np.arange(len(table)), weights.argmax(1)]
            x = self.skin.points[ring, 0]
            ring = np.roll(ring, -int(x.argmin()))
            turn = int(self.skin.points[ring, 0].argmax())
            one, other = ring[: turn + 1], np.r_[ring[turn:], ring[0]][::-1]
            height = [self.skin.points[part, 1].mean() for part in (one, other)]
            out[side] = (one, other) if height[0] > height[1] else (other, one)
        return out


def positions(points: np.ndarray, faces: np.ndarray, table: np.ndarray) -> np.ndarray:
    """(n, 3) places of landmarks [triangle, u, v]."""
    weights = np.stack([1 - table[:, 1] - table[:, 2], table[:, 1], table[:, 2]], 1)
    return np.einsum("nc,ncx->nx", weights, points[faces[table[:, 0].astype(int)]])


def mouth_parts(head: Head) -> dict[str, np.ndarray]:
    """(V,) bool of the default head: upper teeth and gums, lower ones, tongue."""
    jaw = np.abs(head.basis[head.index("jawOpen")]).max(1)
    out = {}
    rigid = np.zeros(len(head.template), bool)
    for part in head.parts:
        mine = np.zeros(len(head.template), bool)
        mine[head.faces[slice(*part.faces)]] = True
        if part.name in ("teeth", "gums"):
            rigid |= mine
        elif part.name == "tongue":
            out["tongue"] = mine
    return {"upper": rigid & (jaw < 0.001), "lower": rigid & (jaw >= 0.001), **out}


def sides(surface: Surface, upper: np.ndarray, lower: np.ndarray, limit: float) -> np.ndarray:
    """(V,) UPPER or LOWER by which of the vertices is nearer along the surface, 0 beyond `limit`."""
    up, down = surface.distance(upper, limit), surface.distance(lower, limit)
    return np.where(np.minimum(up, down) < limit, np.where(up < down, UPPER, LOWER), 0)


def seen(surface: Surface, both_sides: bool = False) -> np.ndarray:
    """(V,) bool: vertices of triangles that a picture from some side shows, in the default head's place."""
    low, high = surface.points.min(0), surface.points.max(0)
    front = View(np.eye(3), (low + high) / 2, float(np.linalg.norm(high - low)) / 2)
    shown = np.zeros(len(surface.faces), bool)
    views = [front.moved(*angles) for angles in DIRECTIONS]
    views += [View(np.eye(3), FACE, FACE_REACH).moved(*angles) for angles in CLOSE]
    for view in views:
        owner = owners(surface, view, both_sides)
        shown[np.unique(owner[owner >= 0]) % len(surface.faces)] = True
    out = np.zeros(len(surface.points), bool)
    out[surface.faces[shown]] = True
    if len(surface.faces) > DENSE:  # smaller than pixels, so that some between those that are shown are not
        for _ in range(BETWEEN):
            out[surface.faces[out[surface.faces].any(1)]] = True
    return out


Edge = tuple[np.ndarray, np.ndarray, np.ndarray]  # (n,) faces, (n, 3) weights of their corners, (n, 3) places


def lid_edges(surface: Surface, of_eyes: np.ndarray, middle: np.ndarray) -> tuple[Edge, Edge] | None:
    """Where the skin above and below an eyeball begins, from the smaller x to the larger; None where no eyeball is seen.

    of_eyes: (F,) bool. middle: (3,) of the opening; in the default head's place.
    """
    view = View(np.eye(3), middle, EYE_REACH)
    owner = owners(surface, view, both_sides=True)
    face = np.where(owner < 0, -1, owner % len(surface.faces))
    eye = (face >= 0) & of_eyes[face]
    wide = np.flatnonzero(eye.sum(0) >= 3)
    if len(wide) < COLUMNS:
        return None
    columns = np.round(np.linspace(wide[0], wide[-1], COLUMNS)).astype(int)
    found: tuple[list, list] = ([], [])
    for column in columns:
        rows = np.flatnonzero(eye[:, column])
        if not len(rows) or rows[0] == 0 or rows[-1] == 2 * SIZE - 1:
            return None
        for side, row in enumerate((rows[0] - 1, rows[-1] + 1)):
            found[side].append((face[row, column], column, row))
    edges = []
    for side in found:
        faces, across, down = (np.array(values) for values in zip(*side, strict=True))
        if (faces < 0).any() or of_eyes[faces].any():
            return None
        weights = corner_weights(surface, view, faces, np.stack([across, down], 1) / 2 + 0.25)
        edges.append((faces, weights, np.einsum("nc,ncx->nx", weights, surface.points[surface.faces[faces]])))
    return edges[0], edges[1]


@lru_cache(maxsize=1)
def default() -> Template:
    """The template of the default head."""
    return Template(Head.default())
