"""Parsers of arguments, which check them before the slow work."""

from __future__ import annotations

from talkinghead.errors import InputError

UNITS = ("m", "cm", "mm")


def read_unit(text: str | None) -> str | float | None:
    """m, cm, mm, or the metres that 1 is, as a number."""
    if text is None or text in UNITS:
        return text
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise InputError(f"unit {text!r}: write {', '.join(UNITS)}, or the metres that 1 is, for example 0.001")
    return scale
