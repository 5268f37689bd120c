"""Units of length: metres from m, cm, mm, or a guess by the size of a head."""

from __future__ import annotations

import numpy as np

from talkinghead.errors import InputError

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001}
HEAD_SIZE = (0.1, 0.7)  # metres, largest extent of what can be a face, or a head with neck and shoulders' edge


def unit_scale(template: np.ndarray, unit: str | float, where: str = "template") -> float:
    """What to multiply by to get metres, for "m", "cm", "mm" or a factor, checked with the size of a head.

    Raises InputError that says what the (V, 3) template looks like and which unit to give.
    """
    scale = metres(unit)
    extent = float(np.ptp(template, axis=0).max()) if template.size else 0.0
    if not np.isfinite(extent) or extent <= 0:
        raise InputError(f"{where}: is not a face ({len(template)} vertices that span {extent:g})")
    low, high = HEAD_SIZE
    if low <= extent * scale <= high:
        return scale
    fits = [name for name, factor in UNITS.items() if low <= extent * factor <= high]
    hint = (
        f"it looks like {fits[0]}, give --unit {fits[0]}"
        if fits
        else f"give --unit as metres a unit, about {0.25 / extent:.2g}"
    )
    raise InputError(f"{where}: {extent * scale:.3g} m is not the size of a head ({low:g} to {high:g} m); {hint}")


def metres(unit: str | float) -> float:
    """What to multiply by to get metres. Raises InputError for what is neither m, cm, mm nor a positive number."""
    try:
        scale = UNITS[unit] if unit in UNITS else float(unit)  # type: ignore[index]
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise InputError(f"unit {unit!r}: one of {', '.join(UNITS)}, or the metres that 1 is")
    return scale
