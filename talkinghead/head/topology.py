"""Vertex sets: a shape basis from motion in one streamed pass, and the head of a topology."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.head.landmarks import FLAME_VERTICES, INNER_LIPS, find_landmarks, find_mouth
from talkinghead.head.regions import estimate_regions

SPARE = 32  # components carried along beyond those asked for, so that those asked for are not hurt by what is cut off
COLUMNS = 1 << 15  # of a Gram matrix at a time: products in float32, their sum in float64


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
