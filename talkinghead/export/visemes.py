"""Which of Oculus' fifteen visemes a mouth shows when, told from the weights of ARKit's shapes.

Each frame is compared with the weights of every viseme (`head.visemes`) at the strength that fits best. Lips that touch are
PP; for longer than a pause between words they are sil. The sequence is the one of least distance with a price for each change
(Viterbi 1967). T frames, S visemes.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.motion.animation import Animation

STRENGTHS = (0.35, 1.3)  # of a viseme, as a share of its weights
CHANGE = 0.008  # price of a change, as a squared distance of weights
TOUCH = 5e-4  # metres between lips that touch
PAUSE = 0.25  # seconds: longer closures are no consonants
SURE = 1.0  # squared distance that is added to visemes which the lips rule out
SILENT, CLOSED = NAMES.index("sil"), NAMES.index("PP")


def spans(animation: Animation) -> list[tuple[float, float, str]]:
    """(start, end, viseme) in seconds, one after the other, from 0 to the end. Raises InputError without such shapes."""
    shapes = viseme_matrix(animation.head)
    used = shapes.any(0)
    if not used.any():
        raise InputError(f"visemes are told from ARKit's shapes, and head {animation.head.name!r} has none of them")
    distance = _distances(animation.coefficients[:, used].astype(np.float64), shapes[:, used].astype(np.float64))
    if all(name in animation.head.landmarks for name in INNER_LIPS):
        _add_closures(distance, animation.lip_aperture() < TOUCH, animation.fps)
    out, start = [], 0
    for state, run in groupby(_best_path(distance)):
        end = start + len(list(run))
        out.append((start / animation.fps, end / animation.fps, NAMES[state]))
        start = end
    return out


def _distances(weights: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """(T, S) least squared distances of (T, K) weights from (S, K) visemes."""
    size = np.maximum((shapes**2).sum(1), 1e-9)
    strength = np.clip(weights @ shapes.T / size, *STRENGTHS)
    return (weights**2).sum(1)[:, None] - 2 * strength * (weights @ shapes.T) + strength**2 * size


def _add_closures(distance: np.ndarray, touching: np.ndarray, fps: float) -> None:
    """Runs of touching lips are PP or, if they are long, sil; without touch nothing is PP."""
    distance[~touching, CLOSED] += SURE
    start = 0
    for closed, run in groupby(touching.tolist()):
        end = start + len(list(run))
        if closed:
            state = SILENT if end - start > PAUSE * fps or start == 0 or end == len(touching) else CLOSED
            distance[start:end, [i for i in range(len(NAMES)) if i != state]] += SURE
        start = end


def _best_path(distance: np.ndarray) -> list[int]:
    price = CHANGE * (1 - np.eye(distance.shape[1]))
    total, before = distance[0], []
    for row in distance[1:]:
        ways = total[:, None] + price
        before.append(ways.argmin(0))
        total = ways.min(0) + row
    path = [int(total.argmin())]
    for choice in reversed(before):
        path.append(int(choice[path[-1]]))
    return path[::-1]
