"""Vertex sets: a shape basis from motion in one streamed pass, regions, landmarks and units of a topology."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.io.pickles import read_array, read_pickle

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
HEAD_SIZE = (0.1, 0.7)  # metres, largest extent of what can be a face, or a head with neck and shoulders' edge
SPARE = 32  # components carried along beyond those asked for, so that those asked for are not hurt by what is cut off
COLUMNS = 1 << 15  # of a Gram matrix at a time: products in float32, their sum in float64
LARGEST = 256 << 20  # bytes of index sets
LIPS_SHARE = 0.05  # of the vertices: those that move most in speech
TOUCHING = 0.006  # metres between vertices of the upper and the lower lip at rest
PARTING = 0.2  # of the largest motion: what lips must move apart at least
MOUTH = (0.04, 0.015, 0.03)  # metres around the middle of the mouth where lips can be
LIPS_AROUND = 0.005  # metres around the gap that are lips
CORNER = 0.003  # metres from the end of the lips within which their corner is
STILL = 0.5  # upper face: vertices that move less than this share of what the lips do
# vertices of FLAME's inner lips, as used for lip distance by Perceptual-3D-Talking-Head's MTM metric
FLAME_LIPS: tuple[int, ...] = (3531, 3504)
INNER_LIPS = ("lip_upper_inner", "lip_lower_inner")
FLAME_VERTICES = 5023
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

    regions: name -> (V,) masks. landmarks: name -> [triangle, u, v]. What is not given of the regions "lips" and "upper_face"
    and, where the faces are known, of the lips' landmarks is estimated from the basis, if there is one (`estimate_regions`,
    `find_landmarks`); provenance["estimated"] lists it.
    """
    template, faces = np.asarray(template, np.float32), np.asarray(faces, np.int32).reshape(-1, 3)
    regions, landmarks = dict(regions or {}), dict(landmarks or {})
    mouth, guessed = None, {}
    if len(basis):
        mouth = find_mouth(template, basis)
        guessed = {k: v for k, v in estimate_regions(template, basis, mouth).items() if k not in regions}
    places = find_landmarks(template, faces, regions | guessed, mouth)
    estimated = [*guessed, *(name for name in places if name not in landmarks)]
    if len(template) == FLAME_VERTICES:
        estimated = [name for name in estimated if name not in INNER_LIPS]
    return Head(
        name=annotation,
        template=template,
        faces=faces,
        basis=np.asarray(basis, np.float32),
        names=tuple(f"pca_{i:03d}" for i in range(len(basis))),
        regions=regions | guessed,
        landmarks=places | landmarks,
        provenance=dict(provenance or {}) | ({"estimated": sorted(estimated)} if estimated else {}),
    )


def find_mouth(template: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, tuple[int, int]] | None:
    """The vertices on both sides of the gap between the lips, and the inner lips' upper and lower vertex in the middle.

    From template (V, 3), y up, z to the viewer, metres, and basis (K, V, 3) whose weights have unit spread. Where lips part,
    vertices that lie within 6 mm of each other at rest move apart: all pairs below the tip of the nose whose relative motion is
    at least 0.4 of the largest one and that lie around it. In the middle the pair is taken that moves apart most for its
    distance at rest; the lower lip is the one that moves more. None where the mesh is too coarse, or nothing moves apart.
    On our own head, whose lips are known, the mask made of it overlaps them by 0.73 (intersection over union); the vertices
    that move most would by 0.09, since the jaw moves as much as the lower lip and the upper lip hardly at all.
    """
    from scipy.spatial import KDTree

    flat = np.asarray(basis, np.float32).transpose(1, 0, 2).reshape(len(template), -1)
    rms = np.linalg.norm(flat, axis=1)
    low = np.flatnonzero((template[:, 1] < _nose(template, rms)) & (rms > 0.1 * rms.max()))
    if len(low) < 2:
        return None
    pairs = low[KDTree(template[low]).query_pairs(TOUCHING, output_type="ndarray")]
    if not len(pairs):
        return None
    parts = np.array_split(pairs, max(1, len(pairs) * flat.shape[1] // 10**7))
    apart = np.concatenate([np.linalg.norm(flat[part[:, 0]] - flat[part[:, 1]], axis=1) for part in parts])
    if apart.max() < PARTING * rms.max():
        return None
    centre = template[pairs[apart.argmax()]].mean(axis=0)
    near = (np.abs(template[pairs] - centre) < MOUTH).all(axis=(1, 2)) & (apart > 0.4 * apart.max())
    distance = np.linalg.norm(template[pairs[:, 0]] - template[pairs[:, 1]], axis=1)
    middle = np.ptp(template[np.unique(pairs[near]), 0]) / 8
    score = np.where(near, apart / (distance + 0.001), 0)
    central = np.abs(template[pairs][..., 0] - centre[0]).max(axis=1) < max(middle, 0.003)
    best = pairs[(score * central).argmax() if (score * central).any() else score.argmax()]
    upper, lower = best[np.argsort(rms[best])]
    return np.unique(pairs[near]), (int(upper), int(lower))


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
        lips[_movers(rms)] = True
    upper = (template[:, 1] > _nose(template, rms)) & (rms < STILL * np.median(rms[lips])) & ~lips
    return {"lips": lips.astype(np.float32), "upper_face": upper.astype(np.float32)}


def _movers(rms: np.ndarray) -> np.ndarray:
    """The twentieth of the vertices that move most."""
    return np.argsort(rms)[::-1][: max(1, round(LIPS_SHARE * len(rms)))]


def _nose(template: np.ndarray, rms: np.ndarray) -> float:
    """Height of the tip of the nose: the vertex furthest in front that lies well above those that move most."""
    height = float(np.median(template[_movers(rms), 1]))
    above = template[:, 1] > height + 0.1 * (template[:, 1].max() - height)
    return float(template[np.where(above, template[:, 2], -np.inf).argmax(), 1])


def find_landmarks(
    template: np.ndarray,
    faces: np.ndarray,
    regions: dict[str, np.ndarray],
    mouth: tuple[np.ndarray, tuple[int, int]] | None = None,
) -> dict[str, np.ndarray]:
    """name -> [triangle, u, v] of the lips: the inner ones of FLAME by their indices, of other meshes by `find_mouth`; the
    corners by where the region ends, at the height of the inner lips. {} without faces."""
    if not len(faces):
        return {}
    found: dict[str, int] = dict(zip(INNER_LIPS, mouth[1], strict=True)) if mouth is not None else {}
    if len(template) == FLAME_VERTICES:
        high, low = sorted(FLAME_LIPS, key=lambda vertex: -template[vertex, 1])
        found |= {"lip_upper_inner": high, "lip_lower_inner": low}
    lips = np.flatnonzero(regions.get("lips", np.zeros(len(template))) > 0.5)
    if len(lips) > 1:
        height = np.mean(template[list(found.values()) or lips, 1])
        for name, side in (("lip_corner_left", 1), ("lip_corner_right", -1)):  # +x is the head's own left
            reach = side * template[lips, 0]
            last = lips[reach > reach.max() - CORNER]
            found[name] = int(last[np.abs(template[last, 1] - height).argmin()])
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
    scale = metres(unit)
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


def metres(unit: str | float) -> float:
    """What to multiply by to get metres. Raises InputError for what is neither m, cm, mm nor a positive number."""
    try:
        scale = UNITS[unit] if unit in UNITS else float(unit)  # type: ignore[index]
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise InputError(f"unit {unit!r}: one of {', '.join(UNITS)}, or the metres that 1 is")
    return scale


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
    from zipfile import BadZipFile, ZipFile
    from zlib import error as ZlibError

    try:
        with ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise InputError(f"{path}: more than {LARGEST >> 20} MiB of index sets")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, BadZipFile, ZlibError) as error:
        raise InputError(f"{path}: not an .npz of numbers ({error})") from None


def _text(path: Path) -> dict:
    try:
        numbers = [float(word) for word in re.split(r"[\s,;\[\]]+", path.read_text(encoding="utf-8")) if word]
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a list of numbers ({error})") from None
    return {path.stem: np.array(numbers)}


READERS = {".pkl": _pickled, ".json": _json, ".npz": _npz, ".npy": lambda path: {path.stem: read_array(path)}, ".txt": _text}
