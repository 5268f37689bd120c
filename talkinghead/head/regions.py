"""Regions of an unknown mesh: estimated from motion, or read from the index sets of published topologies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.head.landmarks import LIPS_AROUND, movers, nose_height
from talkinghead.io.files import parse_json
from talkinghead.io.npz import load_arrays, read_array
from talkinghead.io.pickles import read_pickle

LARGEST = 256 << 20  # bytes of index sets
STILL = 0.5  # upper face: vertices that move less than this share of what the lips do
# names in the field's region files -> ours; several files or parts may make one region
ALIASES = {
    "lve": "lips",
    "mouth": "lips",
    "lip": "lips",
    "02_flame_mouth_idx": "lips",  # UniTalker's
    "weighted_mouth_mask": "mouth",  # MeshTalk's
    "weighted_eye_mask": "upper_face",
    "fdd": "upper_face",
    "forehead": "upper_face",
    "eye_region": "upper_face",
    "left_eyeball": "eyeballs",
    "right_eyeball": "eyeballs",
}


def estimate_regions(
    template: np.ndarray, basis: np.ndarray, mouth: tuple[np.ndarray, tuple[int, int]] | None = None
) -> dict[str, np.ndarray]:
    """Masks "lips" and "upper_face" from a template (V, 3), y up, z to the viewer, and a basis (K, V, 3) of unit spread.

    lips: what lies within 5 mm of the gap between the lips (`find_mouth`); where that is not found, the twentieth of the
    vertices that move most. upper_face: what lies above the tip of the nose (the vertex furthest in front above the lips)
    and moves less than half as much as the lips do. A guide where no index sets are known, good enough to weight a loss;
    published index sets are what figures should be compared with.
    """
    from scipy.spatial import KDTree

    rms = np.sqrt(np.einsum("kvx,kvx->v", basis, basis))
    if mouth is not None:
        lips = KDTree(template[mouth[0]]).query(template)[0] < LIPS_AROUND
    else:
        lips = np.zeros(len(template), bool)
        lips[movers(rms)] = True
    upper = (template[:, 1] > nose_height(template, rms)) & (rms < STILL * np.median(rms[lips])) & ~lips
    return {"lips": lips.astype(np.float32), "upper_face": upper.astype(np.float32)}


def load_regions(path: str | Path, vertices: int) -> dict[str, np.ndarray]:
    """name -> (vertices,) float32 masks in [0, 1] from index sets or soft masks.

    A .pkl or .json of {name: indices} (FLAME_masks.pkl), an .npz or .npy, a .txt of indices (FaceDiffuser's lve.txt, fdd.txt;
    its name is the region's), or a folder of such files. A list of `vertices` numbers in [0, 1] with a fraction among them is a
    soft mask. lve and mouth count as lips; fdd, forehead and eye_region as upper_face; both eyeballs as eyeballs (ALIASES).
    Raises InputError for anything else, or an index beyond the last vertex.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; --regions takes a .pkl, .json, .npz, .npy or .txt of vertex indices")
    files = sorted(p for p in path.iterdir() if p.suffix in READERS and p.name[0] != ".") if path.is_dir() else [path]
    masks: dict[str, np.ndarray] = {}
    for file in files:
        if file.suffix not in READERS:
            raise InputError(f"{file}: regions come as {', '.join(READERS)}")
        for name, values in READERS[file.suffix](file).items():
            mask = _mask(values, vertices, f"{file}: {name}")
            for region in {str(name), ALIASES.get(str(name).lower(), str(name))}:
                masks[region] = np.maximum(mask, masks.get(region, np.float32(0)))
    if not masks:
        raise InputError(f"{path}: no index sets")
    return masks


def _mask(given: Any, vertices: int, where: str) -> np.ndarray:
    try:
        values = np.asarray(given)
    except (ValueError, TypeError, OverflowError):  # lists of different lengths, or in one another too deeply
        values = np.zeros(0)
    if values.dtype.kind not in "biuf" or values.size == 0 or not np.isfinite(values).all():
        raise InputError(f"{where}: is not a list of vertex indices")
    values = values.ravel()
    if len(values) == vertices and (values.dtype == bool or (values != np.round(values)).any()):
        if values.min() < 0 or values.max() > 1:
            raise InputError(f"{where}: a soft mask has values in 0 to 1")
        return values.astype(np.float32)
    if (values != np.round(values)).any() or values.min() < 0 or values.max() >= vertices:
        raise InputError(f"{where}: indices {values.min():g} to {values.max():g}, the mesh has vertices 0 to {vertices - 1}")
    mask = np.zeros(vertices, np.float32)
    mask[values.astype(np.int64)] = 1
    return mask


def _pickled(path: Path) -> dict:
    found = read_pickle(path)
    return found if isinstance(found, dict) else {path.stem: found}


def _json(path: Path) -> dict:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: more than {LARGEST >> 20} MiB of index sets")
        found = parse_json(path.read_text(encoding="utf-8"))
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not JSON ({brief(error)})") from None
    return found if isinstance(found, dict) else {path.stem: found}


def _npz(path: Path) -> dict:
    return load_arrays(path, None, "an .npz of numbers", limit=LARGEST)


def _text(path: Path) -> dict:
    try:
        if path.stat().st_size > LARGEST // 16:
            raise InputError(f"{path}: more than {LARGEST >> 24} MiB of text")
        numbers = [float(word) for word in re.split(r"[\s,;\[\]]+", path.read_text(encoding="utf-8")) if word]
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a list of numbers ({brief(error)})") from None
    return {path.stem: np.array(numbers)}


READERS = {".pkl": _pickled, ".json": _json, ".npz": _npz, ".npy": lambda path: {path.stem: read_array(path)}, ".txt": _text}
