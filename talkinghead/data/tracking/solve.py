"""Tracked landmarks of a talking person -> head coefficients, head pose and gaze.

Three steps, the first two in `person`. `fit_pose` finds the pose of the skull in every frame (scaled orthographic camera).
`Person.estimate` takes the resting face of a person from all of their clips, so that motion is measured from their own neutral
and not from the head's. `solve` fits the rest, in the head's units, by the head's shapes.
Legend: T frames, P pairs of lip points, K shapes of the head, k of them solved for; metres are the head's (see `person`).
"""

from __future__ import annotations

import numpy as np

from talkinghead.data.tracking import landmarks
from talkinghead.data.tracking.landmarks import Track
from talkinghead.data.tracking.person import Person, Pose, eye_distance, fit_pose, lid_gaps, lip_gaps, tracker_names
from talkinghead.head.blendshapes import PAIRS, solve_box
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation

VERSION = 6  # incremented when the same landmarks give other motion: prepared clips are then solved again
EYE_RADIUS = 0.012  # metres from the centre of an eye to its iris, of an adult
CAMERA_DISTANCE = 0.8  # metres assumed between camera and face: scales translation in depth only

# Shapes that landmarks of a front view determine, and their regularisation: (L1, L2), in mm^2 of summed squared error.
# Others stay 0: tongueOut, cheekPuff and jawForward cannot be seen; lids and gaze are computed from distances directly.
PRICE: dict[str, tuple[float, float]] = {
    "jawOpen": (30, 60),
    "mouthClose": (40, 120),
    "mouthFunnel": (30, 80),
    "mouthPucker": (30, 80),
    "mouthSmile": (40, 120),
    "mouthStretch": (40, 120),
    "mouthFrown": (40, 120),
    "mouthDimple": (60, 160),
    "mouthPress": (40, 120),
    "mouthLowerDown": (8, 20),
    "mouthUpperUp": (15, 40),
    "mouthRollLower": (40, 100),
    "mouthRollUpper": (40, 100),
    "mouthShrugLower": (40, 120),
    "mouthShrugUpper": (40, 120),
    "mouthLeft": (80, 240),
    "mouthRight": (80, 240),
    "jawLeft": (120, 400),
    "jawRight": (120, 400),
    "browDown": (8, 25),
    "browInnerUp": (8, 25),
    "browOuterUp": (8, 25),
    "noseSneer": (80, 240),
    "cheekSquint": (80, 240),
}
COUPLING = 200.0  # mm^2 on the squared difference of a shape's left and right
SMOOTH = 30.0  # mm^2 on the squared change of a weight from frame to frame at 25 fps
TOUCH = 0.0004  # metres of tracked lip gap while lips touch: 9 of 10 bilabials of 25 fps video are below
PRESSED = 0.5  # mm by which lips that touch are pressed together
MEETING = 1.5  # mm: lips nearer than this are taken as about to touch
GAP = (80.0, 4.0)  # weight of the lips' distance in the middle (squared mm), and of each pair beside it
CORNERS = (61, 291)  # of the mouth, as tracked
WIDTH = 20.0  # weight of the distance of the mouth's corners: shapes that open the mouth narrow it, which real mouths do not


def point_weights() -> np.ndarray:
    """(478,) weight of each tracked point; 0 on lids and irises, which `_blinks` and `_gaze` read."""
    weights = np.full(landmarks.POINTS, 0.05)
    for points, value in (
        (landmarks.CHIN, 1.0),
        (landmarks.BROWS, 0.5),
        ((*landmarks.LIPS_UPPER, *landmarks.LIPS_LOWER), 1.0),
        (landmarks.LIP_CORNERS, 1.5),
        ((*landmarks.EYELIDS, *landmarks.IRISES[0], *landmarks.IRISES[1]), 0.0),
    ):
        weights[list(points)] = value
    return weights


def solve(track: Track, person: Person, head: Head) -> Animation:
    """The motion of a tracked clip (no NaN) on `head`: coefficients in [0, 1], gaze, pose relative to the usual one."""
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
    tracked, solved = lip_gaps(pixels)[:, 0] / eye_distance(pixels), animation.lip_aperture()
    if min(tracked.std() * eye_distance(person.neutral), solved.std()) < 1e-4:  # neither moves by a tenth of a mm
        return 1.0
    return float(np.corrcoef(tracked, solved)[0, 1])


def _shapes(pixels: np.ndarray, pose: Pose, person: Person, head: Head, fps: float) -> tuple[list[int], np.ndarray]:
    """Rows of the head's basis that are solved for, and their (T, k) weights."""
    names = [name for name in head.names if _stem(name) in PRICE]
    active = [head.index(name) for name in names]
    vertices = head.basis[active] * 1000.0  # mm, so that prices are in squared mm
    basis = head.landmark(tracker_names(), vertices).astype(np.float64)  # (k, 478, 3)
    products, across, linear = _point_terms(pixels, pose, person, basis)
    rows, shear = _lip_rows(head, basis, vertices)
    wanted = _lip_distances(pixels, pose, person)
    strength = np.array([GAP[0], *[GAP[1]] * (len(rows) - 2), WIDTH])
    constant = np.einsum("p,pk,pm->km", strength, rows, rows) + _prior(names)
    meet = GAP[0] * np.exp(-((wanted[:, :1] / MEETING) ** 2)) + 0.2  # (T, 1): weight that keeps touching lips at one depth
    slots = [(i, j) for i in range(3) for j in range(3)]

    def curvature(w: np.ndarray) -> np.ndarray:
        points = sum(across[:, i, j, None] * (w @ products[i, j]) for i, j in slots)
        return points + w @ constant + meet * (w @ shear)[:, None] * shear

    scale = np.einsum("iikk->k", products) + np.diag(constant) + GAP[0] * shear**2
    order = ((names.index("mouthClose"), names.index("jawOpen")),) if {"mouthClose", "jawOpen"} <= set(names) else ()
    smooth = SMOOTH * (fps / 25.0) ** 2  # the same per second at any rate
    linear -= np.array([PRICE[_stem(name)][0] for name in names])
    rest = (head.landmark("lip_upper_inner") - head.landmark("lip_lower_inner")) * 1000.0
    weights = np.zeros_like(linear)
    for _ in range(2):  # the second time, the depth of the lip gap is known and subtracted from its length
        height = wanted.copy()
        height[:, 0] = np.sqrt(np.maximum(wanted[:, 0] ** 2 - (rest[2] + weights @ shear) ** 2, 0)) - rest[1]
        height[:, 0] -= PRESSED * np.exp(-((wanted[:, 0] / 0.5) ** 2))
        target = linear + np.einsum("p,tp,pk->tk", strength, height, rows)
        weights = solve_box(curvature, target, scale, smooth=smooth, ordered=order, start=weights)
    return active, weights


def _point_terms(
    pixels: np.ndarray, pose: Pose, person: Person, basis: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least squares of the points, R[:2] (B w) = tracked offset: (3, 3, k, k) B_i'B_j, (T, 3, 3) M and (T, k) right-hand side.

    With r the camera's axis in the head and M = I - r r', the normal matrix of a frame is sum_ij M_ij B_i'B_j.
    """
    weight = point_weights()
    products = np.einsum("l,kli,mlj->ijkm", weight, basis, basis)
    expected = np.einsum("tij,lj->tli", pose.rotation, person.neutral)[..., :2]
    seen = _calm((pose.local(pixels) - expected) * 1000.0)
    linear = np.einsum("l,tlc,tci,kli->tk", weight, seen, pose.rotation[:, :2], basis, optimize=True)
    across = np.eye(3) - pose.rotation[:, 2, :, None] * pose.rotation[:, 2, None, :]
    return products, across, linear


def _lip_rows(head: Head, basis: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(P, k) mm by which each shape opens the pairs of lip points and, last, widens the mouth; (k,) mm by which it moves the
    upper lip in front of the lower. The first of the P pairs is the one that `Animation.lip_aperture` measures.
    """
    inner = head.landmark(["lip_upper_inner", "lip_lower_inner"], vertices).astype(np.float64)
    rows = [inner[:, 0, 1] - inner[:, 1, 1]]
    rows += [basis[:, upper, 1] - basis[:, lower, 1] for upper, lower in landmarks.INNER_PAIRS[1:]]
    corners = head.landmark(["lip_corner_left", "lip_corner_right"], vertices).astype(np.float64)
    rows += [corners[:, 0, 0] - corners[:, 1, 0]]
    return np.array(rows), inner[:, 0, 2] - inner[:, 1, 2]


def _lip_distances(pixels: np.ndarray, pose: Pose, person: Person) -> np.ndarray:
    """(T, P) mm: target distances of the pairs of lip points and, last, of the corners, less that at rest."""
    seen = np.maximum(lip_gaps(pixels) / pose.scale[:, None] - person.closed, 0)
    apart = np.sqrt(np.maximum(seen**2 - TOUCH**2, 0))  # large gaps hardly change, those of touching lips are 0
    left, right = CORNERS
    width = np.linalg.norm(pixels[:, left] - pixels[:, right], axis=-1) / pose.scale
    wider = _calm(width - np.linalg.norm(person.neutral[left] - person.neutral[right]))
    return np.concatenate([apart, wider[:, None]], 1) * 1000.0


def is_solved(name: str) -> bool:
    """Whether `solve` fits this shape; others are 0."""
    return _stem(name) in PRICE or name.startswith(("eyeBlink", "eyeWide"))


def _stem(name: str) -> str:
    """Name of a shape in PRICE: without its side, but mouthLeft, jawLeft and the like are names of their own."""
    return name if name in PRICE else name.removesuffix("Left").removesuffix("Right")


def _prior(names: list[str]) -> np.ndarray:
    """(k, k): L2 prices, and the coupling of left and right."""
    prior = np.diag([PRICE[_stem(name)][1] for name in names]).astype(np.float64)
    for left, right in PAIRS:
        if left in names and right in names:
            i, j = names.index(left), names.index(right)
            prior[[i, j], [i, j]] += COUPLING
            prior[[i, j], [j, i]] -= COUPLING
    return prior


def _calm(values: np.ndarray) -> np.ndarray:
    """Zero-phase smoothing of (T, ...) by (1, 6, 1) / 8: halves the tracker's jitter, keeps 75 % of a one-frame event."""
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    return (padded[:-2] + 6 * values + padded[2:]) / 8


def _blinks(pixels: np.ndarray, pose: Pose, person: Person) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) eyeBlink and eyeWide of the left and right eye from the distance of the lids."""
    lids = lid_gaps(pixels) / pose.scale[:, None]
    both = lids.mean(1, keepdims=True)  # lids move together; a wink is a clear difference
    shut, opened = person.lids.T
    ratio = (lids - shut) / (opened - shut)
    together = (both - shut.mean()) / (opened.mean() - shut.mean())
    ratio = np.where(np.abs(ratio[:, :1] - ratio[:, 1:]) > 0.5, ratio, together)
    return np.clip((0.85 - ratio) / 0.75, 0, 1), np.clip((ratio - 1.15) / 0.5, 0, 1)


def _gaze(pixels: np.ndarray, pose: Pose, person: Person, blink: np.ndarray) -> np.ndarray:
    """(T, 2, 2) rad from where the irises are between the eye corners; held through blinks; both eyes turn together."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    centres = [eye[0] for eye in landmarks.IRISES]
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
