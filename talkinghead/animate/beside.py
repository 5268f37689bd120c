"""What is shown beside an animation: animations in files of ours and of others, vertices of other systems, and films."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export import curves, npz
from talkinghead.head.head import Head
from talkinghead.io.npz import load_arrays, read_array
from talkinghead.motion.animation import Animation

MOTIONS = (".npz", ".csv", ".tsv", ".json", ".npy")
TAKEN = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".flv")
SCALES = (1.0, 0.01, 0.001)  # metres that m, cm and mm are
ALIKE = 1.6  # times that a head may be larger than the other to be told from one in another unit
Item = str | Path | Animation


def read_beside(given: Iterable[Item] | Mapping[str, Item], animation: Animation, head: Head | None = None) -> dict:
    """{name: an `Animation`, or the path of a film} from NAME=FILE, FILE, or a mapping.

    Files of ours and curves go onto `head` where it is given. Vertices are (frames, V, 3) or (frames, V * 3) of the head of
    `animation` and at its rate, as .npy or as `vertices` of an .npz, which may have `fps`, and `faces` of another mesh.
    Raises InputError for what is none of these.
    """
    out: dict[str, Animation | Path] = {}
    items: Any = given
    pairs = list(items.items()) if isinstance(given, Mapping) else [_named(item) for item in items]
    for name, item in pairs:
        shown = item if isinstance(item, Animation) else _read(Path(item), animation, head)
        unique, number = name, 2
        while unique in out:
            unique, number = f"{name} {number}", number + 1
        out[unique] = shown
    return out


def name_of(item: str | Path) -> tuple[str, Path]:
    """NAME=FILE or FILE -> its name and its path."""
    name, sign, path = str(item).partition("=")
    if sign and not Path(str(item)).exists():
        return name, Path(path)
    return Path(item).stem, Path(item)


def _named(item: Item) -> tuple[str, Item]:
    return ("animation", item) if isinstance(item, Animation) else name_of(item)


def _read(path: Path, animation: Animation, head: Head | None) -> Animation | Path:
    suffix = path.suffix.lower()
    if suffix in TAKEN:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        return path
    if suffix not in MOTIONS:
        raise InputError(f"{path}: side by side go animations ({' '.join(MOTIONS)}) and films ({' '.join(TAKEN)})")
    if suffix == ".npy":
        return _of_vertices(path, read_array(path), None, animation, animation.fps)
    if suffix != ".npz":
        return curves.read(path, head, None)
    arrays = load_arrays(path, ("vertices", "faces", "fps"), "an animation or vertices")
    if "vertices" not in arrays:
        return npz.read(path, head)
    try:
        fps = float(arrays["fps"]) if "fps" in arrays else animation.fps
    except (TypeError, ValueError):
        raise InputError(f"{path}: its fps is not a number") from None
    return _of_vertices(path, arrays["vertices"], arrays.get("faces"), animation, fps)


def _of_vertices(path: Path, values: np.ndarray, faces: np.ndarray | None, like: Animation, fps: float) -> Animation:
    count = len(like.head.template)
    if values.ndim == 4 and len(values) == 1:
        values = values[0]
    if values.ndim == 2 and values.size and values.shape[1] % 3 == 0:
        values = values.reshape(len(values), -1, 3)
    if values.ndim != 3 or values.shape[2] != 3 or not values.size or values.dtype.kind != "f":
        raise InputError(f"{path}: has {values.dtype} {values.shape}; floats (frames, vertices, 3) are expected")
    values = np.asarray(values, np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"{path}: has values that are not finite")
    if faces is not None:
        head = _mesh(path, values[0], faces)
    elif values.shape[1] == count:
        head = like.head
        values = values * np.float32(_scale(path, values[0], head))
    else:
        hint = "for another mesh write an .npz with vertices and faces"
        raise InputError(f"{path}: has {values.shape[1]} vertices, the head of the animation {count}; {hint}")
    try:
        return Animation(np.zeros((len(values), len(head.names))), fps, head, residual=values - head.template)
    except InputError as error:  # of its rate
        raise InputError(f"{path}: {error}") from None


def _mesh(path: Path, first: np.ndarray, faces: np.ndarray) -> Head:
    if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
        raise InputError(f"{path}: its faces have shape {faces.shape}; whole numbers (triangles, 3) are expected")
    try:
        return Head(path.stem, first, faces.astype(np.int32), np.zeros((0, *first.shape), np.float32), ())
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _scale(path: Path, first: np.ndarray, head: Head) -> float:
    """Metres that 1 is, by the size of the head. Raises InputError where no unit fits."""
    size = float(np.linalg.norm(np.ptp(first, 0)) / np.linalg.norm(np.ptp(head.template, 0)))
    for scale in SCALES:
        if 1 / ALIKE < size * scale < ALIKE:
            return scale
    raise InputError(f"{path}: its head is {size:.3g} times the size of the animation's; write it in metres")
