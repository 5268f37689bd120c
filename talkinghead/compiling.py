"""How loops are compiled by numba, of renderers and of the light on a head."""

from __future__ import annotations

from numba import njit

FAST = {"contract", "arcp", "reassoc", "nsz"}  # freedoms of rounding that need no care about infinities


def compiled(function, *, fast: bool = True):
    """njit without Python's lock, cached on disk where a folder is writable. fast: rounding as FAST lets it be."""
    how = {"fastmath": FAST, "error_model": "numpy"} if fast else {}
    try:
        return njit(nogil=True, cache=True, **how)(function)
    except RuntimeError:  # numba found no folder it may write to
        return njit(nogil=True, **how)(function)
