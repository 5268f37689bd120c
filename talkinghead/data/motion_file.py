"""The motion of one clip on disk: one safetensors file.

coefficients (T, K) float32   weights of the `names`: ARKit shapes, FLAME parameters, ...; or instead
offsets (T, V, 3) float32     metres from `template` (V, 3), the speaker's own face at rest: sets of raw vertices
rotation (T, 3), translation (T, 3), gaze (T, 2, 2)   where known, units as in `talkinghead.Animation`

`names`, `fps` and `meta` are one JSON object, "motion", in the file's metadata.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.audio.activity import SILENT
from talkinghead.audio.clock import RATE
from talkinghead.data.manifest import FPS, Clip
from talkinghead.errors import InputError, shown
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.motion.animation import Animation

ARRAYS = ("coefficients", "offsets", "template", "rotation", "translation", "gaze")


@dataclass(frozen=True, eq=False)
class Motion:
    """What a motion file holds; either coefficients with names, or offsets with a template. Shapes and units as above."""

    fps: float
    names: tuple[str, ...] = ()
    coefficients: np.ndarray | None = None
    offsets: np.ndarray | None = None
    template: np.ndarray | None = None
    rotation: np.ndarray | None = None
    translation: np.ndarray | None = None
    gaze: np.ndarray | None = None
    meta: dict = field(default_factory=dict)

    def __len__(self) -> int:
        values = self.coefficients if self.coefficients is not None else self.offsets
        return 0 if values is None else len(values)

    @classmethod
    def of(cls, animation: Animation, meta: dict) -> Motion:
        """The coefficients of an animation; a residual is not kept."""
        optional = {name: getattr(animation, name) for name in ("rotation", "translation", "gaze")}
        return cls(animation.fps, tuple(animation.head.names), animation.coefficients, meta=meta, **optional)


def write_motion(path: Path, motion: Motion) -> None:
    """Write a motion file, whole or not at all."""
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(v, np.float32) for name in ARRAYS if (v := getattr(motion, name)) is not None}
    text = json.dumps({"names": motion.names, "fps": float(motion.fps), "meta": motion.meta})
    with replacing(path) as fresh:
        save_file(arrays, fresh, metadata={"motion": text})  # one entry: safetensors writes several in any order


def read_motion(path: Path) -> Motion:
    """Read a motion file. Raises InputError, one line, if it is missing or is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            text = parse_json(file.metadata()["motion"])
            arrays = {name: file.get_tensor(name) for name in file.keys() if name in ARRAYS}
        motion = Motion(float(text["fps"]), tuple(text["names"]), meta=dict(text["meta"]), **arrays)
        _check(motion, arrays)
        return motion
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; prepare the dataset again") from None
    except (OSError, ValueError, KeyError, TypeError, OverflowError, SafetensorError) as error:
        raise InputError(f"{path}: not a motion file ({' '.join(str(error).split())}); prepare the dataset again") from None


def _check(motion: Motion, arrays: dict[str, np.ndarray]) -> None:
    """Raises ValueError for arrays that do not fit each other, or hold something else than finite numbers."""
    if not FPS[0] <= motion.fps <= FPS[1] or not all(isinstance(name, str) for name in motion.names):
        raise ValueError(f"{motion.fps:g} frames a second of {shown(motion.names)}")
    t, v = len(motion), 0 if motion.template is None else len(motion.template)
    shapes = {"coefficients": (t, len(motion.names)), "offsets": (t, v, 3), "template": (v, 3)}
    shapes |= {"rotation": (t, 3), "translation": (t, 3), "gaze": (t, 2, 2)}
    if not t or (motion.coefficients is None) == (motion.offsets is None):
        raise ValueError("either coefficients or offsets of some frames are expected")
    for name, array in arrays.items():
        if array.shape != shapes[name] or array.dtype.kind != "f":
            raise ValueError(f"{name} is {array.shape} of {array.dtype}, {shapes[name]} floats are expected")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")


def read_meta(path: Path) -> dict:
    """What was noted in a motion file, without reading its arrays; {} if there is no such file or it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return parse_json(file.metadata()["motion"])["meta"]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return {}  # what is no dict is not ours


def read_animation(folder: Path, clip: Clip) -> Animation:
    """The recorded motion of a clip on its head; what the head's shapes cannot express of raw vertices is the residual.

    Raises InputError where no head is known (FLAME parameters that were prepared without a FLAME model).
    """
    path = Path(folder) / clip.motion
    motion = read_motion(path)
    try:
        return animation_of(motion, head_of(folder, clip), f"clip {clip.id}")
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def animation_of(motion: Motion, head: Head, where: str) -> Animation:
    """A motion on its head; the template is the motion's own where it has one."""
    optional = {name: getattr(motion, name) for name in ("rotation", "translation", "gaze")}
    if motion.offsets is not None:
        if motion.template is None or motion.offsets.shape[1:] != head.template.shape:
            raise InputError(f"{where}: offsets of {motion.offsets.shape[1]} vertices, its head has {len(head.template)}")
        weights = project(motion.offsets, head.basis)
        flat = head.basis.reshape(len(head.basis), -1)
        residual = motion.offsets - (weights @ flat).reshape(motion.offsets.shape)
        return Animation(weights, motion.fps, replace(head, template=motion.template), residual=residual, **optional)
    assert motion.coefficients is not None
    return Animation(head.scatter_coefficients(motion.coefficients, motion.names), motion.fps, head, **optional)


def head_of(folder: Path, clip: Clip) -> Head:
    """The head a clip's motion is for. Raises InputError where none is known."""
    if clip.head is None and clip.annotation != "arkit":
        raise InputError(f"clip {clip.id}: no mesh is known for {clip.annotation} motion; prepare it with a model of the face")
    return _head(None if clip.head is None else str(Path(folder) / clip.head))


@lru_cache(maxsize=8)
def _head(path: str | None) -> Head:
    return Head.default() if path is None else Head.load(path)


def project(offsets: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """(T, V, 3) metres -> (T, K) least-squares weights of a (K, V, 3) basis."""
    flat = basis.reshape(len(basis), -1).astype(np.float64)
    if not len(flat):
        return np.zeros((len(offsets), 0), np.float32)
    square, right = flat @ flat.T, flat @ offsets.reshape(len(offsets), -1).T.astype(np.float64)
    try:
        weights = np.linalg.solve(square, right)
    except np.linalg.LinAlgError:  # shapes that are combinations of others
        weights = np.linalg.lstsq(square, right)[0]
    return weights.T.astype(np.float32)


def cut_sound(wave: np.ndarray, start: float, duration: float) -> np.ndarray:
    """`duration` seconds of (n,) samples at 16 kHz from `start` on, silence beyond the ends. InputError if it has no sound."""
    first, length = round(start * RATE), round(duration * RATE)
    piece = np.zeros(length, np.float32)
    low, high = max(first, 0), min(first + length, len(wave))
    if high > low:
        piece[low - first : high - first] = wave[low:high]
    if np.abs(piece).max() < SILENT:
        raise InputError("no sound")
    return piece
