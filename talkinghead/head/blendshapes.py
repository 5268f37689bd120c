"""ARKit's 52 blendshapes and the box-constrained solve for their weights.

Names and meanings: Apple, ARFaceAnchor.BlendShapeLocation. Legend: T frames, K shapes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_SIDED = (
    *("browDown", "browOuterUp", "cheekSquint", "eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp"),
    *("eyeSquint", "eyeWide", "mouthDimple", "mouthFrown", "mouthLowerDown", "mouthPress", "mouthSmile", "mouthStretch"),
    *("mouthUpperUp", "noseSneer"),
)
_SINGLE = (
    *("browInnerUp", "cheekPuff", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthFunnel", "mouthLeft"),
    *("mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "tongueOut"),
)
PAIRS = tuple((f"{name}Left", f"{name}Right") for name in _SIDED)  # the same shape on the head's left and right
ARKIT = tuple(sorted((*_SINGLE, *(name for pair in PAIRS for name in pair))))


def solve_box(
    curvature: Callable[[np.ndarray], np.ndarray],
    linear: np.ndarray,
    scale: np.ndarray,
    *,
    smooth: np.ndarray | float = 0.0,
    upper: float = 1.0,
    ordered: tuple[tuple[int, int], ...] = (),
    start: np.ndarray | None = None,
    iterations: int = 600,
    tolerance: float = 1e-5,
) -> np.ndarray:
    """(T, K) weights w in [0, upper] that minimise  sum_t w_t'H_t w_t / 2 - linear_t'w_t + smooth |w_t - w_(t-1)|^2 / 2.

    curvature: w -> H w, (T, K) to (T, K), linear and positive semidefinite. linear: (T, K); an L1 prior is a constant taken
    off it, as weights are never negative. scale: (K,) positive, about the diagonal of H: steps are measured by it.
    smooth: (K,) or one number. ordered: pairs (i, j) with w_i <= w_j. Accelerated projected gradient (FISTA, Beck and
    Teboulle 2009) with adaptive restart (O'Donoghue and Candes 2015); stops when no weight moves by more than `tolerance`.
    """
    scale = np.asarray(scale, np.float64) + 4 * np.asarray(smooth)  # |w_t - w_(t-1)|^2 / 2 has curvature up to 4
    weights = np.zeros_like(linear) if start is None else np.clip(start, 0, upper)

    def gradient(w: np.ndarray) -> np.ndarray:
        out = curvature(w) - linear
        if len(w) > 1:
            step = np.diff(w, axis=0) * smooth
            out[1:] += step
            out[:-1] -= step
        return out

    bound = _largest(lambda w: gradient(w) + linear, scale, linear.shape)
    ahead, momentum = weights, 1.0
    for _ in range(iterations):
        fresh = _project(ahead - gradient(ahead) / (bound * scale), scale, upper, ordered)
        move = fresh - weights
        if np.sum((ahead - fresh) * move * scale) > 0:  # overshoot: forget the momentum
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead, weights = fresh + (momentum - 1) / following * move, fresh
        momentum = following
        if np.abs(move).max(initial=0) < tolerance:
            break
    return weights


def _largest(apply: Callable[[np.ndarray], np.ndarray], scale: np.ndarray, shape: tuple[int, ...]) -> float:
    """Upper bound of the largest eigenvalue of H in the metric `scale`, by power iteration with a margin."""
    vector = np.random.default_rng(0).standard_normal(shape)
    value = 1.0
    for _ in range(30):
        image = apply(vector) / scale
        value = float(np.linalg.norm(image) / max(np.linalg.norm(vector), 1e-30))
        vector = image / max(np.linalg.norm(image), 1e-30)
    return 1.1 * max(value, 1e-12)


def _project(weights: np.ndarray, scale: np.ndarray, upper: float, ordered: tuple[tuple[int, int], ...]) -> np.ndarray:
    """The nearest point, in the metric `scale`, of the box with w_i <= w_j for each ordered pair."""
    for i, j in ordered:
        wrong = weights[:, i] > weights[:, j]
        mean = (scale[i] * weights[wrong, i] + scale[j] * weights[wrong, j]) / (scale[i] + scale[j])
        weights[wrong, i] = weights[wrong, j] = mean
    return np.clip(weights, 0, upper)
