"""Several samples of one clip: coverage, mean estimate, diversity. N samples, T frames."""

from __future__ import annotations

import numpy as np

from talkinghead.metrics.vertices import lve, lve_frames


def coverage_error(samples: np.ndarray, g: np.ndarray, lips: np.ndarray) -> tuple[float, int]:
    """CE = LVE of the best of N samples, in m^2; the best is chosen per clip, by its LVE summed over frames.

    Source: ProbTalk3D's evaluation code (N = 10). Trap: it falls with N, so state N. (Returned are the sum over frames, and
    their number.)
    """
    return min(float(lve_frames(sample, g, lips).sum()) for sample in samples), len(g)


def mean_estimate_error(samples: np.ndarray, g: np.ndarray, lips: np.ndarray) -> float:
    """MEE = LVE of the mean of N samples, in m^2.

    Source: ProbTalk3D's evaluation code (N = 10). Trap: the mean of many different mouths is a smooth one, which LVE rewards.
    """
    return lve(samples.mean(0), g, lips)


def pairs_of(count: int, seed: int) -> np.ndarray:
    """(count // 2, 2) indices: samples shuffled, the first half paired with the second."""
    order = np.random.default_rng(seed).permutation(count)
    return np.stack([order[: count // 2], order[count // 2 : count // 2 * 2]], 1)


def diversity(samples: np.ndarray, seed: int = 0) -> float:
    """Diversity = mean over pairs of samples, frames and all vertices of ||a - b||, in mm.

    Source: ProbTalk3D's evaluation code: N samples of a clip are shuffled (seeded) into N/2 pairs. Trap: trembling is diverse,
    too; how much is right cannot be seen from one recording a sentence.
    """
    values = [np.linalg.norm(samples[a] - samples[b], axis=-1).mean() for a, b in pairs_of(len(samples), seed)]
    return float(np.mean(values) * 1000)
