"""What a fit works on and what it found. V vertices, F triangles, K shapes; v vertices of the template's skin."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from talkinghead.registration.mouth.closing import Edges
from talkinghead.registration.pieces import Roles
from talkinghead.registration.placing import Similarity
from talkinghead.registration.surface import Nearest, Surface
from talkinghead.registration.template import LOWER, TRACKED, UPPER, Template

SPACING = 0.0025  # metres between samples of a surface


@dataclass
class Report:
    """What a fit found. Lengths in millimetres at the mesh's own size."""

    vertices: int = 0
    triangles: int = 0
    unit: str = ""
    scale: float = 1.0  # metres a unit
    axes: str = ""
    landmarks: int = 0
    landmark_spread: float = 0.0
    residual_median: float = 0.0
    residual_95: float = 0.0
    pieces: dict[str, int] = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    closure: float | None = None  # between the inner lips at /p b m/
    lids: dict[str, float] = field(default_factory=dict)  # between the lids at eyeBlink 1

    def lines(self) -> list[str]:
        """The report, one fact a line."""
        out = [
            f"mesh: {self.vertices} vertices, {self.triangles} triangles; {self.axes}",
            f"unit: {self.scale:.4g} m ({self.unit})",
            f"landmarks: {self.landmarks} of {TRACKED} matched, {self.landmark_spread:.1f} mm between pictures (median)",
            f"distance to the fitted face: {self.residual_median:.2f} mm (median), {self.residual_95:.2f} mm (95 of 100)",
        ]
        if self.pieces:
            out.append("pieces: " + ", ".join(f"{name} {count}" for name, count in self.pieces.items()))
        if self.added:
            out.append("added: " + "; ".join(self.added))
        if self.missing:
            out.append("missing: " + "; ".join(self.missing))
        if self.closure is not None:
            out.append(f"lips at p, b, m: {self.closure:.2f} mm apart")
        if self.lids:
            out.append("lids at a blink: " + ", ".join(f"{side} {gap:.2f} mm" for side, gap in self.lids.items()) + " apart")
        return [*out, *self.notes]


@dataclass
class Work:
    """The mesh on its way. points: (V, 3) in the default head's place. file: (V, 3) in the file's own. kinds: as `Mesh` has."""

    points: np.ndarray
    file: np.ndarray
    faces: np.ndarray
    uv: np.ndarray | None
    uv_faces: np.ndarray | None
    texture: np.ndarray | None
    kinds: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """A finished fit, in the default head's place. work: the mesh, cut where it was one. own: (K, v, 3) shapes of `fitted`.

    shapes: (K, V, 3) of the mesh's skin. sides: (V,) of the mouth. seen: (V,) bool, from outside.
    edges: those of the lips where there is no cavity. open_eyes: whether the skin has holes where eyes belong.
    """

    template: Template
    work: Work
    roles: Roles
    similarity: Similarity
    fitted: Surface
    own: np.ndarray
    shapes: np.ndarray
    sides: np.ndarray
    seen: np.ndarray
    edges: Edges | None
    open_eyes: bool
    report: Report


class Sided:
    """The nearest places on the fitted template, those of the same lip only."""

    def __init__(self, fitted: Surface, template: Template) -> None:
        label = template.sides[fitted.faces]
        every = np.arange(len(fitted.faces))
        self.fitted = fitted
        self.parts: dict[int, Nearest] = {
            0: fitted.part(every, SPACING),
            UPPER: fitted.part(every[(label != LOWER).all(1)], SPACING),
            LOWER: fitted.part(every[(label != UPPER).all(1)], SPACING),
        }

    def __call__(self, points: np.ndarray, side: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, ...]:
        """-> (n,) faces, (n, 3) weights, (n,) distances, and cosines between the normals."""
        face, weights, away = np.zeros(len(points), int), np.zeros((len(points), 3)), np.zeros(len(points))
        for label, nearest in self.parts.items():
            mine = np.flatnonzero(side == label)
            if len(mine):
                face[mine], weights[mine], place = nearest(points[mine], normals[mine])
                away[mine] = np.linalg.norm(place - points[mine], axis=1)
        facing = np.einsum("nx,nx->n", self.fitted.face_normals[face], normals)
        return face, weights, away, facing
