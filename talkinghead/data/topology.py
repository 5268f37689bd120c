"""Vertex sets: a shape basis from motion in one streamed pass, regions, landmarks and units of a topology."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from talkinghead.data.pickles import read_array, read_pickle
from talkinghead.errors import InputError
from talkinghead.face.head import Head

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
HEAD_SIZE = (0.1, 0.7)  # metres, largest extent of what can be a face, or a head with neck and shoulders' edge
SPARE = 32  # components carried along beyond those asked for, so that those asked for are not hurt by what is cut off
COLUMNS = 1 << 15  # of a Gram matrix at a time: products in float32, their sum in float64
LIPS_SHARE = 0.05  # of the vertices: those that move most in speech are taken for lips
STILL = 0.5  # upper face: vertices that move less than this share of what the lips do
# vertices of FLAME's inner lips, as used for lip distance by Perceptual-3D-Talking-Head's MTM metric
FLAME_LIPS = (3531, 3504)
FLAME_VERTICES = 5023
# names in the field's region files -> ours; several files or parts may make one region
ALIASES = {
    "lve": "lips",
    "mouth": "lips",
    "lip": "lips",
    "fdd": "upper_face",
    "forehead": "upper_face",
    "eye_region": "upper_face",
    "left_eyeball": "eyeballs",
    "right_eyeball": "eyeballs",
}


def fit_pca(blocks: Iterable[np.ndarray], most: int = 128, explained: float = 0.999) -> np.ndarray:
    """Shape basis (K, V, 3) float32 of offsets, from (T, V, 3) blocks that are seen once; metres.

    Principal components that are not centred, so that weights of 0 are the template at rest: the right singular vectors of all
    frames, scaled so that a weight of 1 is one standard deviation (root mean square). K is the smallest number of components
    that explain the share `explained` of the mean square, at most `most`. Memory does not depend on the number of frames:
    that of 2 (most + 32) frames. Method: incremental singular value decomposition with truncation (Ross et al., Incremental
    Learning for Robust Visual Tracking, IJCV 2008, without its update of the mean). Raises InputError where nothing moves.
    """
    rank = most + SPARE
    stack: np.ndarray | None = None  # (2 rank, V * 3): the components so far times their singular values, then new frames
    shape, filled, frames, energy = (0, 3), 0, 0, 0.0
    for block in blocks:
        if block.ndim != 3 or block.shape[2] != 3 or (stack is not None and block.shape[1:] != shape):
            raise InputError(f"offsets of shape {block.shape} cannot share a basis with {shape[0]} vertices")
        if stack is None:
            shape = block.shape[1:]
            stack = np.empty((2 * rank, shape[0] * 3), np.float32)
        for start in range(0, len(block), rank):
            rows = np.asarray(block[start : start + rank], np.float32).reshape(-1, stack.shape[1])
            sums = float(np.einsum("td,td->", rows, rows, dtype=np.float64))
            if not np.isfinite(sums):
                raise InputError("offsets that are not finite cannot make a basis")
            frames, energy = frames + len(rows), energy + sums
            if filled + len(rows) > len(stack):
                filled = _compress(stack, filled, rank)
            stack[filled : filled + len(rows)] = rows
            filled += len(rows)
    if stack is None or energy == 0:
        raise InputError("nothing moves: no basis can be made of the motion of these clips")
    filled = _compress(stack, filled, rank)
    squares = np.einsum("kd,kd->k", stack[:filled], stack[:filled], dtype=np.float64)
    enough = int(np.searchsorted(np.cumsum(squares) / energy, explained)) + 1
    count = min(enough, most, filled)
    basis = stack[:count] / np.float32(np.sqrt(frames))
    peak = basis[np.arange(count), np.abs(basis).argmax(1)]
    basis *= np.where(peak < 0, -1, 1).astype(np.float32)[:, None]  # the sign is free: the same one on every machine
    return basis.reshape(count, *shape)


def _compress(stack: np.ndarray, filled: int, rank: int) -> int:
    """Replace the first `filled` rows by at most `rank` orthogonal ones of nearly the same Gram matrix; their number."""
    rows = stack[:filled]
    gram = np.zeros((filled, filled))
    for start in range(0, rows.shape[1], COLUMNS):
        part = rows[:, start : start + COLUMNS]
        gram += part @ part.T
    values, vectors = np.linalg.eigh(gram)
    order = np.argsort(values)[::-1][:rank]
    order = order[values[order] > max(values[-1], 0) * 1e-7]  # below, float32's rounding
    turn = np.ascontiguousarray(vectors[:, order].T, np.float32)
    for start in range(0, rows.shape[1], COLUMNS):
        stack[: len(order), start : start + COLUMNS] = turn @ rows[:, start : start + COLUMNS]
    return len(order)


def head_for(
    annotation: str,
    template: np.ndarray,
    faces: np.ndarray,
    basis: np.ndarray,
    regions: dict[str, np.ndarray] | None = None,
    landmarks: dict[str, np.ndarray] | None = None,
    provenance: dict | None = None,
) -> Head:
    """The `Head` of a topology: template (V, 3) metres, faces (F, 3), which may be (0, 3), and basis (K, V, 3), also K = 0.

    regions: name -> (V,) masks; where "lips" or "upper_face" are missing they are estimated from the basis
    (`estimate_regions`) and provenance["estimated"] lists them. landmarks: name -> [triangle, u, v]; where the faces are
    known, those that are missing are found (`find_landmarks`).
    """
    template, faces = np.asarray(template, np.float32), np.asarray(faces, np.int32).reshape(-1, 3)
    regions, provenance = dict(regions or {}), dict(provenance or {})
    if len(basis) and not {"lips", "upper_face"} <= set(regions):
        rms = np.sqrt(np.einsum("kvx,kvx->v", basis, basis))
        guessed = {k: v for k, v in estimate_regions(template, rms).items() if k not in regions}
        regions |= guessed
        provenance["estimated"] = sorted(guessed)
    return Head(
        name=annotation,
        template=template,
        faces=faces,
        basis=np.asarray(basis, np.float32),
        names=tuple(f"pca_{i:03d}" for i in range(len(basis))),
        regions=regions,
        landmarks=find_landmarks(template, faces, regions) | (landmarks or {}),
        provenance=provenance,
    )


def estimate_regions(template: np.ndarray, rms: np.ndarray) -> dict[str, np.ndarray]:
    """Masks "lips" and "upper_face" from a template (V, 3), y up, z to the viewer, and each vertex's RMS displacement (V,).

    lips: the twentieth of the vertices that move most in speech. upper_face: what lies above the tip of the nose and moves
    less than half as much as the lips do. The tip of the nose is the vertex furthest in front above the lips. A rough guide
    where no index sets are known, good enough to weight a loss; published index sets are what figures should be compared with.
    """
    count = max(1, round(LIPS_SHARE * len(template)))
    order = np.argsort(rms)[::-1][:count]
    lips = np.zeros(len(template), np.float32)
    lips[order] = 1
    height = np.median(template[order, 1])
    above = template[:, 1] > height + 0.1 * (template[:, 1].max() - height)  # lips may stand out further than the nose
    tip = template[np.where(above, template[:, 2], -np.inf).argmax(), 1]
    upper = (template[:, 1] > tip) & (rms < STILL * np.median(rms[order])) & (lips == 0)
    return {"lips": lips, "upper_face": upper.astype(np.float32)}


def find_landmarks(template: np.ndarray, faces: np.ndarray, regions: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """name -> [triangle, u, v] of what can be told: FLAME's inner lips by their indices, the corners by the lips' extent."""
    found: dict[str, int] = {}
    if not len(faces):
        return {}
    if len(template) == FLAME_VERTICES:
        high, low = sorted(FLAME_LIPS, key=lambda v: -template[v, 1])
        found |= {"lip_upper_inner": high, "lip_lower_inner": low}
    lips = np.flatnonzero(regions.get("lips", np.zeros(len(template))) > 0.5)
    if len(lips) > 1:
        found["lip_corner_left"] = int(lips[template[lips, 0].argmax()])  # +x is the head's own left
        found["lip_corner_right"] = int(lips[template[lips, 0].argmin()])
    return {name: place for name, vertex in found.items() if (place := on_triangle(faces, vertex)) is not None}


def on_triangle(faces: np.ndarray, vertex: int) -> np.ndarray | None:
    """A vertex as (3,) [triangle, u, v]; None if no triangle has it."""
    at = np.argwhere(faces == vertex)
    if not len(at):
        return None
    triangle, corner = at[0]
    return np.array([triangle, corner == 1, corner == 2], np.float32)


def unit_scale(template: np.ndarray, unit: str | float, where: str = "template") -> float:
    """What to multiply by to get metres, for "m", "cm", "mm" or a factor, checked with the size of a head.

    Raises InputError that says what the (V, 3) template looks like and which unit to give.
    """
    if unit not in UNITS and not isinstance(unit, float | int):
        try:
            unit = float(unit)
        except ValueError:
            raise InputError(f"unit {unit!r}: one of {', '.join(UNITS)}, or a number of metres") from None
    scale = UNITS[unit] if isinstance(unit, str) else float(unit)
    extent = float(np.ptp(template, axis=0).max()) if template.size else 0.0
    if not np.isfinite(extent) or extent <= 0:
        raise InputError(f"{where}: is not a face ({len(template)} vertices that span {extent:g})")
    low, high = HEAD_SIZE
    if low <= extent * scale <= high:
        return scale
    fits = [name for name, factor in UNITS.items() if low <= extent * factor <= high]
    hint = (
        f"it looks like {fits[0]}, give --unit {fits[0]}"
        if fits
        else f"give --unit as metres a unit, about {0.25 / extent:.2g}"
    )
    raise InputError(f"{where}: {extent * scale:.3g} m is not the size of a head ({low:g} to {high:g} m); {hint}")


def load_regions(path: str | Path, vertices: int) -> dict[str, np.ndarray]:
    """name -> (vertices,) float32 masks in [0, 1] from index sets or soft masks.

    A .pkl or .json of {name: indices} (FLAME_masks.pkl), an .npz or .npy, a .txt of indices (FaceDiffuser's lve.txt, fdd.txt;
    its name is the region's), or a folder of such files. A list of `vertices` numbers in [0, 1] with a fraction among them is a
    soft mask. lve and mouth count as lips; fdd, forehead and eye_region as upper_face; both eyeballs as eyeballs.
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
            mask = _mask(np.asarray(values), vertices, f"{file}: {name}")
            for region in {str(name), ALIASES.get(str(name).lower(), str(name))}:
                masks[region] = np.maximum(mask, masks.get(region, np.float32(0)))
    if not masks:
        raise InputError(f"{path}: no index sets")
    return masks


def _mask(values: np.ndarray, vertices: int, where: str) -> np.ndarray:
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
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    return found if isinstance(found, dict) else {path.stem: found}


def _npz(path: Path) -> dict:
    from zipfile import BadZipFile

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(f"{path}: not an .npz of numbers ({error})") from None


def _text(path: Path) -> dict:
    try:
        numbers = [float(word) for word in re.split(r"[\s,;\[\]]+", path.read_text(encoding="utf-8")) if word]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a list of numbers ({error})") from None
    return {path.stem: np.array(numbers)}


READERS = {".pkl": _pickled, ".json": _json, ".npz": _npz, ".npy": lambda path: {path.stem: read_array(path)}, ".txt": _text}
