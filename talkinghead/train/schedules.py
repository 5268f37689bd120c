"""Learning rate schedules: the rate as a share of `lr`, by name. step counts from 0."""

from __future__ import annotations

import math


def cosine(step: int, steps: int, warmup: int) -> float:
    """Half a cosine from 1 to 0 (Loshchilov and Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def linear(step: int, steps: int, warmup: int) -> float:
    """From 1 to 0."""
    return 1 - step / steps


def constant(step: int, steps: int, warmup: int) -> float:
    """1."""
    return 1.0


def inverse_sqrt(step: int, steps: int, warmup: int) -> float:
    """1 until `warmup`, then with the square root of the steps (Vaswani et al. 2017)."""
    return math.sqrt(max(warmup, 1) / max(step + 1, warmup, 1))


SCHEDULES = {"cosine": cosine, "linear": linear, "constant": constant, "inverse_sqrt": inverse_sqrt}


def share(name: str, step: int, steps: int, warmup: int) -> float:
    """The schedule's share, after a linear warm-up."""
    return min(1.0, (step + 1) / max(warmup, 1)) * SCHEDULES[name](step, steps, warmup)
