"""`Animation`: the only thing that passes between model, renderers, exporters and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from talkinghead.audio.clock import frame_count, frame_times
from talkinghead.blocks import spans
from talkinghead.errors import InputError
from talkinghead.head.head import Head, per_head
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.motion.tongue import tongue_bend, tongue_shapes, tongue_weights
from talkinghead.motion.transfer.retarget import controls_of, from_arkit, lip_gap_of, to_arkit
from talkinghead.motion.transfer.surface import over_surface

FPS = (0.001, 100_000.0)  # frames a second of what is a motion at all
LARGEST = 1e6  # weights, metres or radians
OPTIONAL = ("residual", "rotation", "translation", "gaze", "tongue")
UP = np.array([0, 1, 0], np.float32)
GAZE_REACH = np.radians(15.0)  # how far an eyeLook shape at weight 1 turns an eye, where the head does not tell


@dataclass(frozen=True, eq=False)
class Animation:
    """Motion of one head. T frames, K basis shapes, V vertices; frame t is shown at (t + 0.5) / fps seconds.

    coefficients: (T, K) float32 weights of `head.basis`. residual: (T, V, 3) metres that the basis cannot express.
    rotation: (T, 3) axis-angle rad about the neck joint. translation: (T, 3) metres. gaze: (T, 2, 2) rad, for the left and
    right eye, (yaw to the head's left, pitch up). tongue: (T, 2) metres by which the tip and the body of the tongue are raised,
    beside what shapes do; formats of curves know tongueOut only, those of meshes have shapes for it. meta: model, seed, emotion
    curve, audio hash, package version.
    """

    coefficients: np.ndarray
    fps: float
    head: Head
    residual: np.ndarray | None = None
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    gaze: np.ndarray | None = None
    meta: dict = field(default_factory=dict)
    tongue: np.ndarray | None = None

    def __post_init__(self) -> None:
        if np.ndim(self.coefficients) != 2:
            raise InputError(f"animation: coefficients has shape {np.shape(self.coefficients)}, (T, K) is expected")
        t, v = len(self.coefficients), len(self.head.template)
        shapes = {
            "coefficients": (t, len(self.head.names)),
            "residual": (t, v, 3),
            "rotation": (t, 3),
            "translation": (t, 3),
            "gaze": (t, 2, 2),
            "tongue": (t, 2),
        }
        if t == 0:
            raise InputError("animation: no frames")
        if not FPS[0] <= self.fps <= FPS[1]:
            raise InputError(f"animation: fps is {self.fps}, must be positive, from {FPS[0]:g} to {FPS[1]:g}")
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
                continue
            value = np.asarray(value, np.float32)
            if value.shape != shape:
                raise InputError(f"animation: {name} has shape {value.shape}, this head needs {shape}")
            if not np.isfinite(value).all():
                raise InputError(f"animation: {name} has values that are not finite")
            if value.size and max(float(value.max()), -float(value.min())) > LARGEST:
                raise InputError(f"animation: {name} has values beyond {LARGEST:g}, which no motion has; it is damaged")
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.coefficients)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self) / self.fps

    @property
    def times(self) -> np.ndarray:
        """(T,) seconds at which the frames are shown."""
        return frame_times(len(self), self.fps)

    def parts(self, size: int) -> Iterator[Self]:
        """The same motion in pieces of at most `size` frames, whose arrays are views."""
        for span in spans(len(self), size):
            own = {name: value[span] for name in ("coefficients", *OPTIONAL) if (value := getattr(self, name)) is not None}
            yield replace(self, **own)

    def offsets(self, frames: slice | int = slice(None)) -> np.ndarray:
        """(T, V, 3) metres to add to the template, in the head's own space: without rotation and translation."""
        weights = self.coefficients[frames]
        basis = self.head.basis
        offsets = _blend(weights, basis.reshape(len(basis), 3 * basis.shape[1])).reshape(*weights.shape[:-1], basis.shape[1], 3)
        if self.residual is not None:
            offsets = offsets + self.residual[frames]
        if self.gaze is not None:
            offsets = offsets + self._gaze_offsets(self.gaze[frames])
        if self.tongue is not None and (bend := tongue_bend(self.head)) is not None:
            offsets = offsets + _blend(self.tongue[frames], bend.T)[..., None] * UP
        return offsets

    def vertices(self, frames: slice | int = slice(None), *, posed: bool = False) -> np.ndarray:
        """(T, V, 3) metres: template + offsets; `posed` applies rotation (about the neck joint) and translation too."""
        vertices = self.head.template + self.offsets(frames)
        if posed and self.rotation is not None:
            from scipy.spatial.transform import Rotation

            pivot = self.head.joints.get("neck", np.zeros(3, np.float32))
            matrix = Rotation.from_rotvec(self.rotation[frames]).as_matrix().astype(np.float32)
            vertices = (vertices - pivot) @ np.swapaxes(matrix, -1, -2) + pivot
        if posed and self.translation is not None:
            vertices = vertices + self.translation[frames][..., None, :]
        return vertices

    def landmark(self, name: str) -> np.ndarray:
        """(T, 3) metres: path of a named landmark, in the head's own space."""
        if name not in self.head.landmarks:
            raise InputError(f"head {self.head.name} has no landmark {name!r}")
        triangle, u, v = self.head.landmarks[name]
        corners = self.head.faces[int(triangle)]
        vertices = self.head.template[corners] + np.einsum("tk,kcx->tcx", self.coefficients, self.head.basis[:, corners])
        if self.residual is not None:
            vertices = vertices + self.residual[:, corners]
        return np.einsum("tcx,c->tx", vertices, np.array([1 - u - v, u, v], np.float32))

    def lip_aperture(self) -> np.ndarray:
        """(T,) metres between the inner edges of the upper and the lower lip; 0 where they touch or press."""
        upper, lower = (self.landmark(name) for name in INNER_LIPS)
        gap = upper - lower
        return np.linalg.norm(gap, axis=1) * (gap[:, 1] > 0)

    def lip_width(self) -> np.ndarray:
        """(T,) metres between the corners of the mouth."""
        return np.linalg.norm(self.landmark("lip_corner_left") - self.landmark("lip_corner_right"), axis=1)

    def resample(self, fps: float) -> Self:
        """The same motion at another frame rate, by linear interpolation on the frame clock (shortest arc for rotations)."""
        if fps == self.fps:
            return self
        low, high, share = neighbours(len(self), self.fps, fps)

        def mix(values: np.ndarray) -> np.ndarray:
            return between(values[low], values[high], share)

        changed = {n: mix(v) for n in ("coefficients", *OPTIONAL) if (v := getattr(self, n)) is not None}
        if self.rotation is not None:
            from scipy.spatial.transform import Rotation

            start = Rotation.from_rotvec(self.rotation[low])
            step = (start.inv() * Rotation.from_rotvec(self.rotation[high])).as_rotvec()
            changed["rotation"] = (start * Rotation.from_rotvec(step * share[:, None])).as_rotvec()
        return replace(self, fps=float(fps), **changed)

    def on(self, head: Head) -> Self:
        """The same motion on another head: one rule for all heads.

        With the same shapes of the same mesh it is as it is. With other shapes of it, weights are found that move its vertices
        alike (`motion.transfer.surface`). Another mesh goes by the names of shapes, where both heads have such as are known
        (`head.shape_names`) or share theirs; else, as of FLAME or of a residual, by which points of the two faces correspond.
        A residual becomes weights then. Gaze becomes eyeLook weights where the other head has such shapes. Raises InputError if
        neither names nor surfaces tell how.
        """
        if head.topology == self.head.topology:
            return replace(self, head=head)
        turns = any(control.area == "gaze" for control in controls_of(head)) and eye_shapes(self.head)
        source = self.with_gaze_as_shapes() if turns or not _has_eyes(head) else self
        alike = len(self.head.template) == len(head.template) > 0 and np.array_equal(self.head.faces, head.faces)
        weights = None if alike or self.residual is not None else source._by_names(head)
        if weights is None:
            try:
                weights = over_surface(source.coefficients, source.head, head, source.residual)
            except InputError as error:
                made = f"animation was made for head {self.head.name!r} ({self.head.topology})"
                other = f"{head.name!r} ({head.topology}) is another mesh and has no shapes that are known by name"
                raise InputError(f"{made}, {other}; {error}") from None
        return replace(source, coefficients=weights, head=head, residual=None)

    def to(self, shapes: str) -> Self:
        """The same motion as weights of another set of shapes of the same face: "arkit", "oculus" (visemes) or "vrm".

        A head without ARKit's shapes, such as FLAME's, gives way to the default one. `head.names` has the names of the columns.
        """
        kept = self.head if "jawOpen" in self.head.names else Head.default()
        return self.on(kept.with_shapes(shapes))

    def _by_names(self, head: Head) -> np.ndarray | None:
        """(T, K) weights of another head's shapes by their names; None where names do not tell."""
        arkit = to_arkit(self.coefficients, self.head)
        weights = None if arkit is None else from_arkit(arkit, head, lip_gap_of(self.coefficients, self.head))
        moving = {name for name, column in zip(self.head.names, self.coefficients.T, strict=True) if column.any()}
        if weights is None and moving <= set(head.names):
            shared = [name for name in self.head.names if name in head.names]
            values = self.coefficients[:, [self.head.names.index(name) for name in shared]]
            weights = head.scatter_coefficients(values, shared)
        return weights

    def as_weights(self) -> Self:
        """The same motion without residual: the head's shapes weighted so that they come nearest to the vertices.

        `meta["left_out"]` has the mean and the largest distance of a vertex that is left, in metres.
        """
        if self.residual is None:
            return self
        found = replace(self, coefficients=over_surface(self.coefficients, self.head, self.head, self.residual), residual=None)
        total, most = 0.0, 0.0
        for span in spans(len(self), 64):
            far = np.linalg.norm(found.offsets(span) - self.offsets(span), axis=-1)
            total, most = total + float(far.mean(1).sum()), max(most, float(far.max()))
        return replace(found, meta=self.meta | {"left_out": {"mean": total / len(self), "largest": most}})

    def with_gaze_as_shapes(self) -> Self:
        """Gaze folded into the ARKit eyeLook shapes, for formats and clients that know no eye joints."""
        if self.gaze is None:
            return self
        weights = self.coefficients.copy()
        for name, (eye, axis, reach) in eye_shapes(self.head).items():
            weights[:, self.head.index(name)] += np.maximum(self.gaze[:, eye, axis] / reach, 0)
        return replace(self, coefficients=weights, gaze=None)

    def with_tongue_as_shapes(self) -> Self:
        """The tongue as four more shapes of the head, see `motion.tongue.SHAPES`, for formats that know shapes only.

        Where nothing raises the tongue, or the head has none, it keeps its shapes.
        """
        shapes = tongue_shapes(self.head) if self.tongue is not None and self.tongue.any() else {}
        if self.tongue is None or not shapes or not shapes.keys().isdisjoint(self.head.names):
            return replace(self, tongue=None)
        basis = np.concatenate([self.head.basis, np.stack(list(shapes.values()))])
        head = replace(self.head, basis=basis, names=(*self.head.names, *shapes))
        weights = np.concatenate([self.coefficients, tongue_weights(self.tongue)], 1)
        return replace(self, coefficients=weights, head=head, tongue=None)

    def _gaze_offsets(self, gaze: np.ndarray) -> np.ndarray:
        """(..., V, 3) metres that turn the eyeballs by (..., 2, 2) rad, first up or down, then to the side."""
        from scipy.spatial.transform import Rotation

        template = self.head.template
        out = np.zeros((*gaze.shape[:-2], *template.shape), np.float32)
        for eye, joint in enumerate(("left_eye", "right_eye")):
            mine = eyeball(self.head, joint)
            if mine is None:
                raise InputError(f"head {self.head.name} has no eyeballs to turn: leave gaze out")
            centre = self.head.joints[joint]
            yaw, pitch = gaze[..., eye, 0], gaze[..., eye, 1]
            angles = np.stack([yaw, -pitch], -1)
            turn = Rotation.from_euler("YX", angles.reshape(-1, 2)).as_matrix().reshape(*angles.shape[:-1], 3, 3)
            arm = template[mine] - centre
            out[..., mine, :] = arm @ np.swapaxes(turn, -1, -2).astype(np.float32) - arm
        return out


def _blend(weights: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(..., K) weights @ (K, X). One frame does without BLAS, whose threads wait for more in a loop that fills a core."""
    return np.einsum("k,kx->x", weights, shapes) if weights.ndim == 1 else weights @ shapes


def neighbours(count: int, fps: float, wanted: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each frame at the rate `wanted`: the two of `count` frames at `fps` that it lies between, and its share of the second.

    Where the rates are equal, the first is the frame itself.
    """
    target = frame_times(frame_count(count / fps, wanted), wanted)
    position = np.clip(target * fps - 0.5, 0, count - 1)
    low = np.floor(position).astype(int)
    return low, np.minimum(low + 1, count - 1), (position - low).astype(np.float32)


def between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(T, ...) values: `share` (T,) of the second, the rest of the first."""
    weight = share.reshape(-1, *[1] * (first.ndim - 1))
    return first * (1 - weight) + second * weight


@per_head
def eye_shapes(head: Head) -> dict[str, tuple[int, int, float]]:
    """How ARKit's eyeLook shapes turn the eyes: name -> (eye: 0 left, 1 right; axis of gaze: 0 yaw, 1 pitch; rad at weight 1).

    The angle has the sign of `gaze` and is measured on the eyeballs: a shape moves them on straight lines, so it is the angle
    of the least-squares turn of the whole ball at weight 1. Heads without eyeballs get `GAZE_REACH`.
    """
    out = {}
    for eye, side in enumerate(("Left", "Right")):
        inward = -1 if side == "Left" else 1  # yaw is positive to the head's left
        for look, axis, sign in (("Out", 0, -inward), ("In", 0, inward), ("Up", 1, 1), ("Down", 1, -1)):
            if (name := f"eyeLook{look}{side}") in head.names:
                out[name] = (eye, axis, sign * _reach(head, name, f"{side.lower()}_eye", axis))
    return out


def _reach(head: Head, name: str, joint: str, axis: int) -> float:
    """Rad, positive: how far a shape turns the eyeball about the vertical (axis 0) or the horizontal axis (1)."""
    ball = eyeball(head, joint)
    if ball is None:
        return float(GAZE_REACH)
    from scipy.spatial.transform import Rotation

    before = head.template[ball]
    after = before + head.basis[head.index(name)][ball]
    turn = Rotation.align_vectors(after - after.mean(0), before - before.mean(0))[0]  # a shape may shift the ball as well
    return float(abs(turn.as_rotvec()[1 - axis])) or float(GAZE_REACH)  # a shape that turns nothing must not divide by 0


def _has_eyes(head: Head) -> bool:
    """Whether gaze turns eyes of this head."""
    return all(eyeball(head, joint) is not None for joint in ("left_eye", "right_eye"))


def eyeball(head: Head, joint: str) -> np.ndarray | None:
    """(V,) bool: the vertices that turn about an eye's joint, or None where the head has no such thing."""
    mask = head.regions.get("eyeballs")
    if mask is None or joint not in head.joints:
        return None
    return (mask > 0.5) & (np.sign(head.template[:, 0]) == np.sign(head.joints[joint][0]))
