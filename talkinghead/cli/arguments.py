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


def read_size(text: str) -> tuple[int, int]:
    """512 or 640x360 -> (width, height), within what the renderers can do."""
    from talkinghead.rendering.camera import parse_size

    try:
        width, _, height = text.lower().partition("x")
        return parse_size((int(width), int(height or width)))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"size {text!r}: write pixels such as 512, or 640x360") from None
