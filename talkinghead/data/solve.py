"""Tracked landmarks of a talking person -> head coefficients, head pose and gaze.

Three steps. `fit_pose` finds where the skull is in every frame (scaled orthographic camera). `Person.estimate` takes the
resting face of a person from all clips of that person, so that motion is measured from the person's own neutral and not
from the head's. `solve` explains what is left, in the head's own units, by the head's shapes.
Legend: T frames, L points, K shapes; metres are the head's: a person is scaled so that the outer eye corners are as far
apart as the head's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.animation import Animation
from talkinghead.data import video
from talkinghead.data.video import Track
from talkinghead.errors import InputError
from talkinghead.face.blendshapes import PAIRS, solve_box
from talkinghead.face.head import Head
from talkinghead.files import replacing

VERSION = 1  # goes up when the same landmarks would give other motion: prepared clips are then solved again
EYE_RADIUS = 0.012  # metres from the centre of an eye to its iris, of an adult
CAMERA_DISTANCE = 0.8  # metres assumed between camera and face: only scales how far a head seems to come nearer

# Shapes that landmarks of a front view can tell, with the price of using them: (L1, L2), in mm^2 of summed squared error.
# What is not here stays zero: tongueOut, cheekPuff and jawForward cannot be seen, lids and eyes are read off directly.
PRICE = {
    "jawOpen": (0.5, 1.0),
    "mouthClose": (1.0, 6.0),
    "mouthFunnel": (1.5, 4.0),
    "mouthPucker": (1.5, 4.0),
    "mouthSmile": (2.0, 6.0),
    "mouthStretch": (2.0, 6.0),
    "mouthFrown": (2.0, 6.0),
    "mouthDimple": (3.0, 8.0),
    "mouthPress": (2.0, 6.0),
    "mouthLowerDown": (1.0, 3.0),
    "mouthUpperUp": (1.0, 3.0),
    "mouthRollLower": (2.0, 5.0),
    "mouthRollUpper": (2.0, 5.0),
    "mouthShrugLower": (2.0, 6.0),
    "mouthShrugUpper": (2.0, 6.0),
    "mouthLeft": (4.0, 12.0),
    "mouthRight": (4.0, 12.0),
    "jawLeft": (6.0, 20.0),
    "jawRight": (6.0, 20.0),
    "browDown": (1.0, 4.0),
    "browInnerUp": (1.0, 4.0),
    "browOuterUp": (1.0, 4.0),
    "noseSneer": (4.0, 12.0),
    "cheekSquint": (4.0, 12.0),
}
COUPLING = 20.0  # mm^2 on the squared difference of a shape's left and right
SMOOTH = 1.5  # mm^2 on the squared change of a weight from frame to frame at 25 fps
PRESSED = 0.5  # mm by which lips that touch are pressed together
MEETING = 1.5  # mm: lips nearer than this are taken as about to touch
GAP = (80.0, 4.0)  # weight of the lips' distance in the middle (squared mm), and of each pair beside it


def point_weights() -> np.ndarray:
    """(478,) how much each tracked point counts; points on lids and irises are read off elsewhere."""
    weights = np.full(video.POINTS, 0.05)
    for points, value in (
        (video.CHIN, 0.6),
        (video.BROWS, 0.5),
        ((*video.LIPS_UPPER, *video.LIPS_LOWER), 1.0),
        (video.LIP_CORNERS, 1.5),
        ((*video.EYELIDS, *video.IRISES[0], *video.IRISES[1]), 0.0),
    ):
        weights[list(points)] = value
    return weights


def tracker_names() -> list[str]:
    return [f"tracker_{i:03d}" for i in range(video.POINTS)]


def head_points(head: Head) -> np.ndarray:
    """(478, 3) metres: the tracker's points on the head. Raises InputError if the head has none."""
    if "tracker_000" not in head.landmarks:
        raise InputError(f"head {head.name} has no tracker landmarks: run tools/tracker_landmarks.py on its file first")
    return head.landmark(tracker_names()).astype(np.float64)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """(..., 478, D) -> (...): distance of the outer eye corners."""
    right, left = video.EYE_CORNERS
    return np.linalg.norm(points[..., left, :] - points[..., right, :], axis=-1)


@dataclass(frozen=True, eq=False)
class Pose:
    """Scaled orthographic camera of each frame: pixel = scale * (rotation @ x)[:2] + shift."""

    scale: np.ndarray  # (T,) pixels per metre
    rotation: np.ndarray  # (T, 3, 3)
    shift: np.ndarray  # (T, 2) pixels

    def local(self, pixels: np.ndarray) -> np.ndarray:
        """(T, L, 2) pixels -> (T, L, 2) metres in the picture plane, relative to the head's origin."""
        return (pixels - self.shift[:, None]) / self.scale[:, None, None]


def fit_pose(pixels: np.ndarray, shape: np.ndarray, iterations: int = 12) -> Pose:
    """Rigid pose of `shape` (478, 3) in every frame of (T, 478, 2) pixels from the points on bone, by Gauss-Newton."""
    from scipy.spatial.transform import Rotation

    index = list(video.STABLE)
    weight = np.array([video.STABLE_WEIGHT.get(i, 1.0) for i in index])
    weight /= weight.sum()
    seen, model = pixels[:, index], shape[index] - weight @ shape[index]
    centre = np.einsum("l,tlc->tc", weight, seen)
    seen = seen - centre[:, None]
    frames = len(seen)
    rotation = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy()
    scale = eye_distance(pixels) / eye_distance(shape)
    for _ in range(iterations):
        turned = np.einsum("tij,lj->tli", rotation, model)  # (T, L, 3)
        zero = np.zeros(turned.shape[:2])
        x, y, z = np.moveaxis(turned, -1, 0)
        # Columns: scale, and a turn about x, y, z of the camera: d(turned) = omega x turned.
        jacobian = np.stack([np.stack([x, zero, z, -y], -1), np.stack([y, -z, zero, x], -1)], 2)  # (T, L, 2, 4)
        jacobian[..., 1:] *= scale[:, None, None, None]
        error = seen - scale[:, None, None] * turned[..., :2]
        normal = np.einsum("l,tlci,tlcj->tij", weight, jacobian, jacobian)
        step = np.linalg.solve(normal, np.einsum("l,tlci,tlc->ti", weight, jacobian, error)[..., None])[..., 0]
        scale = scale + step[:, 0]
        rotation = Rotation.from_rotvec(step[:, 1:]).as_matrix() @ rotation
    shift = centre - scale[:, None] * np.einsum("tij,j->ti", rotation, weight @ shape[index])[:, :2]
    return Pose(scale, rotation, shift)


@dataclass(frozen=True, eq=False)
class Person:
    """The resting face of one person and the ranges of lips and lids, in the head's metres."""

    name: str
    neutral: np.ndarray  # (478, 3)
    closed: np.ndarray  # (7,) tracked distance of each pair of inner lip points when the lips touch
    lids: np.ndarray  # (2, 2) lid distance of left and right eye: shut, open
    rotation: np.ndarray  # (3, 3) how this person usually holds the head before the camera

    @classmethod
    def estimate(cls, name: str, tracks: Iterable[Track], head: Head, clips: int = 1, frames: int = 12000) -> Person:
        """The person's neutral from all `clips`: lips together but at rest, eyes open, little motion.

        Of each clip at most `frames` / `clips` frames are looked at (at least 10), evenly spread. Depth cannot be
        seen from the front; it is the head's own, while x and y are the person's.
        """
        from scipy.spatial.transform import Rotation

        shape, some = head_points(head), []
        for track in tracks:
            every = np.unique(np.linspace(0, len(track.landmarks) - 1, max(10, frames // clips)).round().astype(int))
            some.append((track.pixels()[every, :, :2], _mouth_speed(track)[every]))
        if not some:
            raise InputError(f"person {name}: no tracked clips")
        pixels, speed = (np.concatenate(values) for values in zip(*some, strict=True))
        pixels, speed = pixels[(ok := np.isfinite(pixels).all((1, 2)))], speed[ok]
        if len(pixels) < 5:
            raise InputError(f"person {name}: {len(pixels)} tracked frames are too few to know the resting face")
        gaps, lids = _gaps(pixels), _lids(pixels)
        middle = gaps[:, 0]
        low, high = np.percentile(middle, [2, 95])
        opened = lids.min(1) > 0.8 * np.percentile(lids.min(1), 80)
        near = middle <= low + 0.15 * (high - low)
        rest = near & opened & (speed <= np.median(speed))
        rest = rest if rest.sum() >= 5 else np.argsort(middle + 1e3 * ~opened)[: max(5, len(middle) // 10)]
        calm = pixels[rest]
        for _ in range(4):
            pose = fit_pose(calm, shape)
            flat, deep = pose.local(calm), np.einsum("tj,lj->tl", pose.rotation[:, 2], shape)
            camera = np.concatenate([flat, deep[..., None]], -1)
            shape = np.median(np.einsum("tji,tlj->tli", pose.rotation, camera), 0)
            shape *= eye_distance(head_points(head)) / eye_distance(shape)
        everywhere = fit_pose(pixels, shape)
        metres = 1 / everywhere.scale
        return cls(
            name=name,
            neutral=shape,
            closed=np.percentile(gaps * metres[:, None], 2, axis=0),
            lids=_lid_range(lids * metres[:, None]),
            rotation=Rotation.from_matrix(everywhere.rotation).mean().as_matrix(),
        )

    def save(self, path: Path) -> None:
        arrays = {k: v.astype(np.float32) for k, v in vars(self).items() if k != "name"}
        with replacing(path) as fresh:
            np.savez(fresh, name=np.array(self.name), **arrays)

    @classmethod
    def load(cls, path: Path) -> Person:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k].astype(np.float64) for k in ("neutral", "closed", "lids", "rotation")}
            return cls(name=str(file["name"]), **arrays)


def solve(track: Track, person: Person, head: Head) -> Animation:
    """The motion of a tracked clip (no NaN) on `head`: coefficients in [0, 1], gaze, pose relative to the person's usual one."""
    pixels = track.pixels()[..., :2]
    pose = fit_pose(pixels, person.neutral)
    coefficients = np.zeros((len(pixels), len(head.names)), np.float32)
    active, weights = _shapes(pixels, pose, person, head, track.fps)
    coefficients[:, active] = weights
    blink, wide = _blinks(pixels, pose, person)
    for eye, side in enumerate(("Left", "Right")):
        coefficients[:, head.index(f"eyeBlink{side}")] = blink[:, eye]
        coefficients[:, head.index(f"eyeWide{side}")] = wide[:, eye]
    rotation, translation = _motion(pose, person, head, track.fps)
    gaze = _gaze(pixels, pose, person, blink)
    return Animation(coefficients, track.fps, head, rotation=rotation, translation=translation, gaze=gaze)


def lip_correlation(animation: Animation, track: Track, person: Person) -> float:
    """Pearson's r of the solved lip aperture and the tracked one; 1 if neither moves."""
    pixels = track.pixels()[..., :2]
    tracked, solved = _gaps(pixels)[:, 0] / eye_distance(pixels), animation.lip_aperture()
    if min(tracked.std() * eye_distance(person.neutral), solved.std()) < 1e-4:  # both stay shut to within a tenth of a mm
        return 1.0
    return float(np.corrcoef(tracked, solved)[0, 1])


def _shapes(pixels: np.ndarray, pose: Pose, person: Person, head: Head, fps: float) -> tuple[list[int], np.ndarray]:
    """Rows of the head's basis that are solved for, and their (T, k) weights."""
    names = [n for n in head.names if _price(n) is not None]
    active = [head.index(n) for n in names]
    vertices = head.basis[active] * 1000.0  # mm, so that prices are in squared mm
    basis = head.landmark(tracker_names(), vertices).astype(np.float64)  # (k, 478, 3)
    weight = point_weights()
    # Seen is R[:2] (B w); with M = I - r r', r the camera's axis in the head, its normal matrix is sum_ij M_ij B_i'B_j.
    products = np.einsum("l,kli,mlj->ijkm", weight, basis, basis)
    expected = np.einsum("tij,lj->tli", pose.rotation, person.neutral)[..., :2]
    seen = _calm((pose.local(pixels) - expected) * 1000.0)
    linear = np.einsum("l,tlc,tci,kli->tk", weight, seen, pose.rotation[:, :2], basis, optimize=True)
    across = np.eye(3) - pose.rotation[:, 2, :, None] * pose.rotation[:, 2, None, :]  # (T, 3, 3)

    linear -= np.array([_price(n)[0] for n in names])

    rows, shear, wanted = _gap_rows(pixels, pose, person, head, basis, vertices)
    strength = np.array([GAP[0], *[GAP[1]] * (len(rows) - 1)])
    extra = np.einsum("p,pk,pm->km", strength, rows, rows) + _prior(names)
    meet = GAP[0] * np.exp(-((wanted[:, :1] / MEETING) ** 2)) + 0.2  # (T, 1): lips that touch are not one behind the other
    slots = [(i, j) for i in range(3) for j in range(3)]

    def curvature(w: np.ndarray) -> np.ndarray:
        return (
            w @ extra
            + meet * (w @ shear)[:, None] * shear
            + sum(across[:, i, j, None] * (w @ products[i, j]) for i, j in slots)
        )

    scale = np.diag(extra) + np.einsum("iikk->k", products) + GAP[0] * shear**2
    order = ((names.index("mouthClose"), names.index("jawOpen")),) if "mouthClose" in names else ()
    smooth = SMOOTH * fps / 25.0  # a change per frame is smaller at a higher rate
    rest = (head.landmark("lip_upper_inner") - head.landmark("lip_lower_inner")) * 1000.0
    weights = None
    for _ in range(2):  # the second time with what the lips' distance has in depth taken off its height
        height = wanted.copy()
        depth = rest[2] if weights is None else rest[2] + weights @ shear
        height[:, 0] = np.sqrt(np.maximum(wanted[:, 0] ** 2 - depth**2, 0)) - rest[1]
        height[:, 0] -= PRESSED * np.exp(-((wanted[:, 0] / 0.5) ** 2))
        target = linear + np.einsum("p,tp,pk->tk", strength, height, rows)
        weights = solve_box(curvature, target, scale, smooth=smooth, ordered=order, start=weights)
    return active, weights


def _price(name: str) -> tuple[float, float] | None:
    return PRICE.get(name.removesuffix("Left").removesuffix("Right") if name not in PRICE else name)


def _prior(names: list[str]) -> np.ndarray:
    """(k, k): L2 prices, and the coupling of left and right."""
    prior = np.diag([_price(n)[1] for n in names])
    for left, right in (*PAIRS, ("mouthLeft", "mouthRight")):
        if left in names and right in names and left != "mouthLeft":
            i, j = names.index(left), names.index(right)
            prior[[i, j], [i, j]] += COUPLING
            prior[[i, j], [j, i]] -= COUPLING
    return prior


def _gap_rows(
    pixels: np.ndarray, pose: Pose, person: Person, head: Head, basis: np.ndarray, vertices: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What each shape opens the lips by (P, k), puts the upper before the lower (k,), and the distances wanted (T, P); mm.

    The first of the P pairs is the one that `Animation.lip_aperture` measures.
    """
    inner = head.landmark(["lip_upper_inner", "lip_lower_inner"], vertices)
    rows = [inner[:, 0, 1] - inner[:, 1, 1]]
    rows += [basis[:, upper, 1] - basis[:, lower, 1] for upper, lower in video.INNER_PAIRS[1:]]
    wanted = _gaps(pixels) / pose.scale[:, None] - person.closed
    return np.array(rows, np.float64), (inner[:, 0, 2] - inner[:, 1, 2]).astype(np.float64), np.maximum(wanted, 0) * 1000.0


def _calm(values: np.ndarray) -> np.ndarray:
    """Zero-phase smoothing of (T, ...) by (1, 6, 1) / 8: halves the tracker's jitter, keeps 75 % of a one-frame event."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    return (padded[:-2] + 6 * values + padded[2:]) / 8


def _gaps(pixels: np.ndarray) -> np.ndarray:
    """(T, 478, 2) -> (T, 7) distances of the inner lip pairs."""
    upper, lower = np.array(video.INNER_PAIRS).T
    return np.linalg.norm(pixels[:, upper] - pixels[:, lower], axis=-1)


def _lids(pixels: np.ndarray) -> np.ndarray:
    """(T, 478, 2) -> (T, 2) mean distance of the lids of the left and the right eye."""
    upper, lower = np.moveaxis(np.array(video.LID_PAIRS), -1, 0)
    return np.linalg.norm(pixels[:, upper] - pixels[:, lower], axis=-1).mean(-1)


def _lid_range(lids: np.ndarray) -> np.ndarray:
    """(T, 2) -> (2, 2): shut and open distance of each eye; shut is never more than a third of open (few blinks seen)."""
    opened = np.percentile(lids, 60, axis=0)
    shut = np.minimum(np.percentile(lids, 0.5, axis=0), opened / 3)
    return np.stack([shut, opened], 1)


def _mouth_speed(track: Track) -> np.ndarray:
    """(T,) how fast the lips move, relative to the face."""
    lips = track.pixels()[:, [13, 14, 61, 291], :2]
    if len(lips) < 2:
        return np.zeros(len(lips))
    speed = np.linalg.norm(np.diff(lips - lips.mean(1, keepdims=True), axis=0), axis=-1).max(-1)
    return np.nan_to_num(np.concatenate([speed[:1], speed]) / np.nanmedian(eye_distance(track.pixels()[..., :2])), nan=np.inf)


def _blinks(pixels: np.ndarray, pose: Pose, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) eyeBlink and eyeWide of the left and right eye from the distance of the lids."""
    lids = _lids(pixels) / pose.scale[:, None]
    both = lids.mean(1, keepdims=True)  # lids move together; a wink is a clear difference
    shut, opened = person.lids.T
    ratio = (lids - shut) / (opened - shut)
    together = (both - shut.mean()) / (opened.mean() - shut.mean())
    ratio = np.where(np.abs(ratio[:, :1] - ratio[:, 1:]) > 0.5, ratio, together)
    return np.clip((0.85 - ratio) / 0.75, 0, 1), np.clip((ratio - 1.15) / 0.5, 0, 1)


def _gaze(pixels: np.ndarray, pose: Pose, person: Person, blink: np.ndarray) -> np.ndarray:
    """(T, 2, 2) rad from where the irises are between the eye corners; held through blinks; both eyes turn together."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    centres = [eye[0] for eye in video.IRISES]
    expected = np.einsum("tij,lj->tli", pose.rotation, person.neutral[centres])[..., :2]
    angle = np.arcsin(np.clip((pose.local(pixels[:, centres]) - expected) / EYE_RADIUS, -0.6, 0.6)).mean(1)  # (T, 2)
    hidden = blink.max(1) > 0.35
    if hidden.all():
        return np.zeros((len(pixels), 2, 2))
    times = np.arange(len(angle))
    angle = np.stack([np.interp(times, times[~hidden], a[~hidden]) for a in angle.T], 1)
    angle = gaussian_filter1d(median_filter(angle, (3, 1), mode="nearest"), 0.7, axis=0, mode="nearest")
    return np.repeat(angle[:, None], 2, axis=1)


def _motion(pose: Pose, person: Person, head: Head, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angle about the neck joint relative to the person's usual pose, and translation about the clip's middle; smooth."""
    from scipy.ndimage import gaussian_filter1d
    from scipy.spatial.transform import Rotation

    scale = np.median(pose.scale)
    depth = CAMERA_DISTANCE * (scale / pose.scale - 1)
    shift = np.concatenate([pose.shift / pose.scale[:, None], -depth[:, None]], 1)
    turned = person.rotation.T @ pose.rotation
    shift = (shift - np.median(shift, 0)) @ person.rotation
    sigma = 0.06 * fps  # 60 ms: heads do not move faster
    rotation = gaussian_filter1d(Rotation.from_matrix(turned).as_rotvec(), sigma, axis=0, mode="nearest")
    matrix = Rotation.from_rotvec(rotation).as_matrix()
    neck = head.joints.get("neck", np.zeros(3)).astype(np.float64)
    shift = gaussian_filter1d(shift, sigma, axis=0, mode="nearest") + matrix @ neck - neck
    return rotation, shift - np.median(shift, 0)
