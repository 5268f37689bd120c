"""Which shapes of a head have names that begin alike. K shapes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=256)
def beginning_with(names: tuple[str, ...], *prefixes: str) -> np.ndarray:
    """(K,) bool, not to be written to: whether a name begins with one of the prefixes."""
    mask = np.array([name.startswith(prefixes) for name in names], bool)
    mask.flags.writeable = False
    return mask
