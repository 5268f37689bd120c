"""Motion put onto another head by which points of their surfaces correspond. T frames, K shapes, V vertices, M matched ones.

For heads whose shapes no name tells, such as FLAME's, for motion of vertices, and for weights that are wanted instead of
vertices. The target's shapes are weighted so that its vertices move as their counterparts do, in millimetres, by least squares;
vertices of the lips count more, and the gap between the lips most. Shapes with names of their own have weights in [0, 1],
principal components and angles any.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from talkinghead.blocks import spans
from talkinghead.head.blendshapes import solve_box
from talkinghead.head.character.controls import speaks
from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import LIP_LANDMARKS, lip_gap
from talkinghead.head.transfer.correspondence import Correspondence, correspondence, has_face, skin_of
from talkinghead.motion.transfer.retarget import controls_of

LIPS = 4.0  # how many times a vertex of the lips counts
GAP = 30.0  # how much more the gap between the lips counts than a vertex
REST = 1e-6  # of the mean curvature: added to each, so that alike shapes share the work
PRIOR = 1.0  # square millimetres, summed over vertices, that a standard deviation of a component costs
AT_ONCE = 64  # frames of vertices in memory
SIGNED = re.compile(r"(pca|expression)_\d+|jaw_[xyz]")
POLISH = 12  # steps of Newton's method after the gradients


def is_signed(head: Head) -> bool:
    """Whether weights may be negative: of principal components and angles."""
    return bool(head.names) and all(SIGNED.fullmatch(name) for name in head.names)


def can_take(head: Head) -> bool:
    """Whether the motion of a mouth can be put onto a head: by the names of its shapes or, where none is known, by its face."""
    controls = controls_of(head)
    return speaks(controls) or (bool(head.names) and not controls and has_face(head))


def over_surface(coefficients: np.ndarray, source: Head, target: Head, residual: np.ndarray | None = None) -> np.ndarray:
    """(T, K) weights of the source, and (T, V, 3) metres besides -> (T, K) of the target.

    Raises InputError where a head has no mesh, or no face is found on it.
    """
    match, counts, theirs, shared, gram = _terms(source, target)
    gap, width = _gaps(target)
    linear = coefficients.astype(np.float64) @ shared
    own, own_width = _gaps(source)
    if own_width and width:
        linear += GAP**2 * np.outer(coefficients @ own * (width / own_width), gap)
    if residual is not None:
        for span in spans(len(residual), AT_ONCE):
            linear[span] += _flat(match.sample(residual[span]), counts) @ theirs.T
            if own_width and width:
                linear[span] += GAP**2 * np.outer(_parting(source, residual[span]) * (width / own_width), gap)
    return solve(gram, linear, target)


@lru_cache(maxsize=4)
def _terms(source: Head, target: Head) -> tuple[Correspondence, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What counts for all motions, which a stream asks for in every frame: which points correspond, (M,) how much they count,
    (K, 3 M) what the target's shapes do there, (K', K) how alike the source's shapes are to them, (K, K) how alike they are."""
    match = correspondence(source, target)
    counts = _counts(target, match, every=len(match.vertices) == len(target.template))
    theirs = _flat(target.basis[:, match.vertices], counts)
    gap, width = _gaps(target)
    gram = theirs @ theirs.T + GAP**2 * np.outer(gap, gap) * bool(width)
    return match, counts, theirs, _flat(match.sample(source.basis), counts) @ theirs.T, gram


def solve(gram: np.ndarray, linear: np.ndarray, head: Head) -> np.ndarray:
    """(T, K) weights of the head's shapes that minimise w' gram w / 2 - linear' w, all frames at once."""
    size = np.diag(gram)
    if is_signed(head):
        return np.linalg.solve(gram + PRIOR * np.eye(len(gram)), linear.T).T.astype(np.float32)
    gram = gram + REST * size.mean() * np.eye(len(gram))
    ordered = ((head.index("mouthClose"), head.index("jawOpen")),) if {"mouthClose", "jawOpen"} <= set(head.names) else ()
    found = solve_box(lambda w: w @ gram, linear, np.maximum(np.diag(gram), 1e-9), ordered=ordered)
    return _polished(gram, linear, found).astype(np.float32)


def _polished(gram: np.ndarray, linear: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights in the box, improved by Newton's method on those that are not at its sides (Bertsekas 1982)."""
    out = weights.copy()
    for span in spans(len(out), 256):
        best, pull = out[span], linear[span]
        for _ in range(POLISH):
            slope = best @ gram - pull
            free = ~(((best <= 0) & (slope > 0)) | ((best >= 1) & (slope < 0)))
            both = free[:, :, None] & free[:, None, :]
            system = np.where(both, gram, 0) + np.eye(len(gram)) * ~free[:, None, :]
            fresh = np.clip(best - np.linalg.solve(system, np.where(free, slope, 0)[..., None])[..., 0], 0, 1)
            better = _cost(gram, pull, fresh) < _cost(gram, pull, best) - 1e-12
            if not better.any():
                break
            best = np.where(better[:, None], fresh, best)
        out[span] = best
    return out


def _cost(gram: np.ndarray, linear: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return ((weights @ gram) / 2 * weights - linear * weights).sum(1)


def _counts(head: Head, match: Correspondence, every: bool) -> np.ndarray:
    """(M,) how much each matched vertex counts: of the lips LIPS-fold; what is no skin, only on the same mesh (`every`)."""
    skin = np.full(len(head.template), float(every))
    skin[skin_of(head)] = 1
    lips = head.regions.get("lips", np.zeros(len(skin)))
    return (skin * (1 + (LIPS - 1) * lips))[match.vertices]


def _flat(offsets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(N, M, 3) metres -> (N, 3 M) millimetres, weighted."""
    weighted = offsets * (1000 * np.sqrt(counts))[:, None]
    return weighted.reshape(len(offsets), -1).astype(np.float64)


def _gaps(head: Head) -> tuple[np.ndarray, float]:
    """(K,) mm by which each shape parts the lips, and the width of the mouth in metres, 0 where the head does not tell."""
    if not head.landmarks.keys() >= set(LIP_LANDMARKS):
        return np.zeros(len(head.names)), 0.0
    width = float(np.linalg.norm(np.diff(head.landmark(list(LIP_LANDMARKS[2:])), axis=0)))
    return lip_gap(head)[0].astype(np.float64) * 1000, width


def _parting(head: Head, offsets: np.ndarray) -> np.ndarray:
    """(T,) mm by which (T, V, 3) offsets part the lips."""
    upper, lower = (head.landmark(name, offsets) for name in LIP_LANDMARKS[:2])
    return (upper - lower)[:, 1].astype(np.float64) * 1000
