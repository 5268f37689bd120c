"""How many threads run a model."""

from __future__ import annotations

import os
import sys

_limit: int | None = None


def threads() -> int:
    """Threads of a model that is loaded now: those of `limit_threads`, of OMP_NUM_THREADS, or the cores of this process."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return _limit or (int(given) if given.isdigit() and int(given) else cores or 1)


def limit_threads(count: int) -> None:
    """How many threads models have that are loaded from now on, and those of torch that are there."""
    global _limit
    _limit = count
    apply_limit()


def apply_limit() -> None:
    """Pass what `limit_threads` set to torch, where it is imported; without a limit torch keeps its own number."""
    torch = sys.modules.get("torch")
    if _limit and torch is not None and torch.get_num_threads() != _limit:
        torch.set_num_threads(_limit)
