"""Emotion of a clip's motion: a small classifier, trained on recorded motion and applied to predicted motion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STRENGTH = 1.0  # of the ridge, per clip


def features(coefficients: np.ndarray, fps: float) -> np.ndarray:
    """(T, K) weights of a head -> (3 K,): their mean, their standard deviation and their mean speed per second."""
    speed = np.abs(np.diff(coefficients, axis=0)).mean(0) * fps if len(coefficients) > 1 else np.zeros(coefficients.shape[1])
    return np.concatenate([coefficients.mean(0), coefficients.std(0), speed]).astype(np.float64)


def train(inputs: np.ndarray, labels: list[str]) -> Callable[[np.ndarray], list[str]]:
    """Multinomial logistic regression with a ridge: (n, D) features and n labels -> a function from (m, D) to m labels.

    Features are standardised by the training clips; those that do not vary are left out. Convex, so the result needs no seed.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    names = sorted(set(labels))
    mean, std = inputs.mean(0), inputs.std(0)
    used = std > 1e-9

    def ready(x: np.ndarray) -> np.ndarray:
        return np.clip(
            (x[:, used] - mean[used]) / std[used], -5, 5
        )  # motion of systems may lie far outside that of recorded faces

    x, d, c = ready(inputs), int(used.sum()), len(names)
    wanted = np.eye(c)[[names.index(label) for label in labels]]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = flat[: d * c].reshape(d, c), flat[d * c :]
        scores = x @ weights + bias
        log_p = scores - logsumexp(scores, axis=1, keepdims=True)
        error = (np.exp(log_p) - wanted) / len(x)
        ridge = STRENGTH / len(x)
        value = -(wanted * log_p).sum() / len(x) + ridge / 2 * (weights**2).sum()
        return value, np.concatenate([(x.T @ error + ridge * weights).ravel(), error.sum(0)])

    flat = minimize(loss, np.zeros(d * c + c), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    weights, bias = flat[: d * c].reshape(d, c), flat[d * c :]
    return lambda values: [names[i] for i in (ready(values) @ weights + bias).argmax(1)]


def accuracy(predicted: list[str], wanted: list[str]) -> float:
    """Share of the clips whose emotion a classifier reads off the motion.

    The classifier is a logistic regression with a ridge on mean, spread and speed of the head's weights in each clip, trained
    on the recorded motion of the training clips. The row of the truth is what it reaches on recorded motion, the ceiling; a
    system without the emotion as input has only the voice for it. No standard exists; others classify rendered pictures.
    Traps: its features depend on the speaker, too, and a caricature is easier to classify than a natural face.
    """
    return float(np.mean([a == b for a, b in zip(predicted, wanted, strict=True)]))
