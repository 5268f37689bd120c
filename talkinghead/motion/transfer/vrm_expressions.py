"""Motion of ARKit's shapes as expressions of VRM, for characters that have no more. T frames, A shapes of ARKit, S expressions.

The weights whose shapes together come closest to the face, in millimetres on the default head, none below 0 (Lawson and Hanson
1974). Emotions are told apart from vowels that way: a smile is no "ih". Brows that go with speech are no emotion: BROWS, which
are not told, take them up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.transfer.shape_sets import SETS, shape_set
from talkinghead.motion.transfer.retarget import gram

EXPRESSIONS = tuple(SETS["vrm"])
BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "browDownLeft", "browDownRight")
REST = 1e-6  # of the largest curvature: added to each


def vrm_expressions(weights: np.ndarray) -> np.ndarray:
    """(T, A) weights in the order of ARKIT -> (T, S) in [0, 1], in the order of EXPRESSIONS."""
    from scipy.optimize import nnls

    factor, reduced = _problem()
    return np.clip([nnls(factor, row)[0][: len(EXPRESSIONS)] for row in weights @ reduced], 0, 1)


@lru_cache(maxsize=1)
def _problem() -> tuple[np.ndarray, np.ndarray]:
    """(n, n) factor, (A, n) reduced: |factor x - weights @ reduced| grows as n expressions and brows x leave the face."""
    brows = np.eye(len(ARKIT))[[ARKIT.index(name) for name in BROWS]]
    recipes = np.concatenate([shape_set("vrm", ARKIT)[1].astype(np.float64), brows])
    linear = gram() @ recipes.T
    square = recipes @ linear
    lower = np.linalg.cholesky(square + REST * square.max() * np.eye(len(square)))
    return lower.T, np.linalg.solve(lower, linear.T).T
