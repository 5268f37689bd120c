"""Where a tracked head is, and what a person's face is like at rest.

Legend: T frames, L points; metres are the head's: a person is scaled so that the outer eye corners are as far apart as the
head's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from talkinghead.data.tracking import landmarks
from talkinghead.data.tracking.landmarks import Track
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.head.head import Head


def tracker_names() -> list[str]:
    """Names of the tracker's points among a head's landmarks, in the tracker's order."""
    return [f"tracker_{i:03d}" for i in range(landmarks.POINTS)]


def head_points(head: Head) -> np.ndarray:
    """(478, 3) metres: the tracker's points on the head. Raises InputError if the head has none."""
    if "tracker_000" not in head.landmarks:
        how = "run `python -m talkinghead.data.tracking.head_landmarks` on its file first"
        raise InputError(f"head {head.name} has no tracker landmarks: {how}")
    return head.landmark(tracker_names()).astype(np.float64)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """(..., 478, D) -> (...): distance of the outer eye corners."""
    right, left = landmarks.EYE_CORNERS
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

    index = list(landmarks.STABLE)
    weight = np.array([landmarks.STABLE_WEIGHT.get(i, 1.0) for i in index])
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
            if not np.isfinite(track.landmarks).all((1, 2)).any():
                continue
            every = np.unique(np.linspace(0, len(track.landmarks) - 1, max(10, frames // clips)).round().astype(int))
            some.append((track.pixels()[every, :, :2], _mouth_speed(track)[every]))
        if not some:
            raise InputError(f"person {name}: no frames with a face")
        pixels, speed = (np.concatenate(values) for values in zip(*some, strict=True))
        pixels, speed = pixels[(ok := np.isfinite(pixels).all((1, 2)))], speed[ok]
        if len(pixels) < 5:
            raise InputError(f"person {name}: {len(pixels)} tracked frames are too few to know the resting face")
        calm = pixels[_resting(pixels, speed)]
        for _ in range(4):
            pose = fit_pose(calm, shape)
            flat, deep = pose.local(calm), np.einsum("tj,lj->tl", pose.rotation[:, 2], shape)
            camera = np.concatenate([flat, deep[..., None]], -1)
            shape = np.median(np.einsum("tji,tlj->tli", pose.rotation, camera), 0)
            shape *= eye_distance(head_points(head)) / eye_distance(shape)
        everywhere = fit_pose(pixels, shape)
        metres = 1 / everywhere.scale[:, None]
        return cls(
            name=name,
            neutral=shape,
            closed=np.percentile(lip_gaps(pixels) * metres, 2, axis=0),
            lids=_lid_range(lid_gaps(pixels) * metres),
            rotation=Rotation.from_matrix(everywhere.rotation).mean().as_matrix(),
        )

    def save(self, path: Path) -> None:
        """Write the arrays, unless `path` has the same: its time tells when the person changed."""
        arrays = {k: v.astype(np.float32) for k, v in vars(self).items() if k != "name"}
        try:
            with np.load(path, allow_pickle=False) as file:
                if str(file["name"]) == self.name and all(np.array_equal(file[k], v) for k, v in arrays.items()):
                    return
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            pass  # none yet, or damaged
        with replacing(path) as fresh:
            np.savez(fresh, name=np.array(self.name), **arrays)

    @classmethod
    def load(cls, path: Path) -> Person:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k].astype(np.float64) for k in ("neutral", "closed", "lids", "rotation")}
            return cls(name=str(file["name"]), **arrays)


def _resting(pixels: np.ndarray, speed: np.ndarray) -> np.ndarray:
    """Indices of the frames of (N, 478, 2) in which the lips are together and slow and the eyes open; at least 5."""
    middle, lids = lip_gaps(pixels)[:, 0], lid_gaps(pixels).min(1)
    low, high = np.percentile(middle, [2, 95])
    opened = lids > 0.8 * np.percentile(lids, 80)
    rest = np.flatnonzero((middle <= low + 0.15 * (high - low)) & opened & (speed <= np.median(speed)))
    if len(rest) >= 5:
        return rest
    return np.lexsort((middle, ~opened))[: max(5, len(middle) // 10)]


def lip_gaps(pixels: np.ndarray) -> np.ndarray:
    """(T, 478, 2) -> (T, 7) distances of the inner lip pairs."""
    upper, lower = np.array(landmarks.INNER_PAIRS).T
    return np.linalg.norm(pixels[:, upper] - pixels[:, lower], axis=-1)


def lid_gaps(pixels: np.ndarray) -> np.ndarray:
    """(T, 478, 2) -> (T, 2) mean distance of the lids of the left and the right eye."""
    upper, lower = np.moveaxis(np.array(landmarks.LID_PAIRS), -1, 0)
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
