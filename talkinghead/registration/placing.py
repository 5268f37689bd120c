"""Where a face is in a mesh: its axes, its unit and the tracker's points on it.

Legend: L landmarks. A similarity takes the mesh to the default head: y = scale * turn @ x + shift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from talkinghead.data.tracking import landmarks
from talkinghead.errors import InputError
from talkinghead.registration.surface import Surface
from talkinghead.registration.views import Paint, View, track

AXES = {"x": (1, 0, 0), "-x": (-1, 0, 0), "y": (0, 1, 0), "-y": (0, -1, 0), "z": (0, 0, 1), "-z": (0, 0, -1)}
LIKELY = (("y", "z"), ("z", "-y"), ("y", "-z"), ("z", "y"), ("y", "x"), ("y", "-x"), ("z", "x"), ("z", "-x"))  # up, front
AROUND = ((0, 0), (14, 0), (-14, 0), (0, 10), (0, -10), (8, 5), (-8, 5))  # degrees: yaw, pitch of the final pictures
GOOD = 0.10  # of the face's size: root mean square of what the similarity leaves, for a face that is surely one
POOR = 0.30  # what is more is no face
SKIN = 468  # of the tracker's points: those after them are of the irises
FEW = 300  # points that a picture must show
TALL = 2.2  # height by width beyond which a mesh is taken for a body
TOP = 0.16  # of a body's height: its head, about


@dataclass(frozen=True, eq=False)
class Similarity:
    """y = scale * turn @ x + shift; called, of (N, 3) points."""

    scale: float
    turn: np.ndarray
    shift: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return self.scale * points @ self.turn.T + self.shift

    def back(self, points: np.ndarray) -> np.ndarray:
        return (points - self.shift) @ self.turn / self.scale


@dataclass(frozen=True, eq=False)
class Placing:
    """similarity: from the mesh to the default head. points: (478, 3) on the mesh in its own axes, NaN where not found.

    spread: (478,) of the pictures, in the mesh's unit. pictures: how many showed a face.
    """

    similarity: Similarity
    points: np.ndarray
    spread: np.ndarray
    pictures: int


def fit_similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> Similarity:
    """The similarity that takes (L, 3) source to target with least weighted squares (Umeyama, PAMI 1991)."""
    w = np.ones(len(source)) if weights is None else weights
    w = w / w.sum()
    a, b = w @ source, w @ target
    u, s, vt = np.linalg.svd((w[:, None] * (target - b)).T @ (source - a))
    flip = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    turn = u @ np.diag(flip) @ vt
    scale = float((s * flip).sum() / max((w[:, None] * (source - a) ** 2).sum(), 1e-30))
    return Similarity(scale, turn, b - scale * turn @ a)


def robust_similarity(source: np.ndarray, target: np.ndarray) -> tuple[Similarity, float]:
    """As `fit_similarity`, with weights that fall with what is left (Geman-McClure); and the root of the weighted mean square
    of what is left, as a share of the target's size."""
    weights, size = np.ones(len(source)), float(np.linalg.norm(target.std(0)))
    found = fit_similarity(source, target)
    left = np.linalg.norm(found(source) - target, axis=1)
    for _ in range(8):
        weights = 1 / (1 + (left / (0.15 * size)) ** 2) ** 2
        found = fit_similarity(source, target, weights)
        left = np.linalg.norm(found(source) - target, axis=1)
    return found, float(np.sqrt((weights * left**2).sum() / weights.sum())) / size


def place_by_vertices(points: np.ndarray, reference: np.ndarray) -> Placing | None:
    """The face of a mesh whose vertices are the tracker's points, as of MediaPipe's canonical face; None for others.

    reference: (478, 3) of these points on the default head.
    """
    if len(points) not in (SKIN, len(reference)):
        return None
    similarity, _ = robust_similarity(points[:SKIN], reference[:SKIN])
    away = np.linalg.norm(similarity(points[:SKIN]) - reference[:SKIN], axis=1)
    if np.median(away) > POOR / 2 * np.linalg.norm(reference[:SKIN].std(0)):
        return None
    marks = np.full(reference.shape, np.nan)
    marks[: len(points)] = points
    return Placing(similarity, marks, np.zeros(len(marks)), 0)


def find(surface: Surface, paint: Paint | None, reference: np.ndarray, up: str | None = None) -> Placing:
    """The face of a mesh. reference: (478, 3), the tracker's points on the default head. up: one of AXES.

    Raises InputError where no face is seen.
    """
    landmarks.require()
    with landmarks.face_mesh(still=True) as tracker:
        best, rough = np.inf, None
        for view in _candidates(surface, up):
            points = track(surface, view, paint, tracker)
            if points is None or (seen := np.isfinite(points).all(1)).sum() < FEW:
                continue
            similarity, left = robust_similarity(points[seen], reference[seen])
            upright = (similarity.turn @ view.turn.T)[1, 1]
            if left < best and upright > 0.5:
                best, rough = left, similarity
            if best < GOOD:
                break
        if rough is None or best > POOR:
            raise InputError(
                "no face is seen in it from any side; give its points with --landmarks FILE, or its axis with --up, "
                "and leave away what hides the face"
            )
        return _refine(surface, paint, reference, rough, tracker)


def _candidates(surface: Surface, up: str | None) -> Iterator[View]:
    """Views of the whole mesh, and of its top where it is tall, the likely ones first."""
    every = [pair for pair in permutations(AXES, 2) if pair[0].strip("-") != pair[1].strip("-")]
    order = [*LIKELY, *(pair for pair in every if pair not in LIKELY)]
    low, high = surface.points.min(0), surface.points.max(0)
    for top, front in order:
        if up is not None and top != up:
            continue
        turn = np.stack([np.cross(AXES[top], AXES[front]), AXES[top], AXES[front]]).astype(float)
        extent = np.abs(turn @ (high - low))
        centre, height = (low + high) / 2, extent[1]
        if height > TALL * extent[2] and height > 0.9 * extent[0]:
            reach = TOP * height / 2
            peak = centre + turn[1] * (height / 2 - reach)
            yield from (View(turn, _over(surface, turn, peak, reach), reach * factor) for factor in (1.0, 0.75))
        yield from (View(turn, centre, max(extent[:2]) / 2 * factor) for factor in (1.1, 0.8))


def _over(surface: Surface, turn: np.ndarray, peak: np.ndarray, reach: float) -> np.ndarray:
    """`peak`, moved sideways to the middle of what is as high as it."""
    seen = (surface.points - peak) @ turn.T
    near = seen[np.abs(seen[:, 1]) < reach]
    return peak if not len(near) else peak + turn[0] * float(np.median(near[:, 0])) + turn[2] * float(np.median(near[:, 2]))


def _refine(surface: Surface, paint: Paint | None, reference: np.ndarray, rough: Similarity, tracker) -> Placing:
    """The points as the median of pictures from around the front, twice, as the first one finds the front better."""
    middle, reach = reference[:SKIN].mean(0), 0.62 * float(np.ptp(reference[:, 1]))
    for around in (AROUND[:3], AROUND):
        view = View(rough.turn, rough.back(middle), reach * 1.5 / rough.scale)
        views = [view.moved(*angles) for angles in around]
        found = [points for v in views if (points := track(surface, v, paint, tracker)) is not None]
        if not found:
            raise InputError("no face is seen in it from the front; give its points with --landmarks FILE")
        table = np.stack(found)
        with np.errstate(all="ignore"):
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                points = np.nanmedian(table, 0)
                spread = np.nanmedian(np.linalg.norm(table - points, axis=-1), 0)
        seen = np.isfinite(points).all(1)
        rough, _ = robust_similarity(points[seen], reference[seen])
    return Placing(rough, points, spread, len(found))
