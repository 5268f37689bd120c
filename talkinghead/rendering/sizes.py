"""How large a picture is."""

from __future__ import annotations

from typing import Any

import numpy as np

from talkinghead.errors import InputError

SizeSpec = int | str | tuple[int, int]
SMALLEST, LARGEST = 16, 4096


def parse_size(size: SizeSpec) -> tuple[int, int]:
    """A side, (width, height), 512 or 640x360 as text -> (width, height), even as H.264 wants it. Raises InputError."""
    pair: Any = tuple(size) if isinstance(size, tuple | list) else (size, size)
    if isinstance(size, str):
        try:
            width, _, height = size.lower().partition("x")
            pair = int(width), int(height or width)
        except ValueError:
            raise InputError(f"size {size!r}: write pixels such as 512, or 640x360") from None
    if len(pair) != 2 or not all(isinstance(n, int | np.integer) for n in pair):
        raise InputError(f"size {size!r}: must be a number of pixels or a pair (width, height)")
    if min(pair) < SMALLEST or max(pair) > LARGEST:
        raise InputError(f"size {pair[0]}x{pair[1]}: each side must be {SMALLEST} to {LARGEST} pixels")
    return int(pair[0]) // 2 * 2, int(pair[1]) // 2 * 2
