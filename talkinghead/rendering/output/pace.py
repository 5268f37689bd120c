"""How long a film will take, told once the first frames are drawn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console

FIRST, AFTER = 3, 1.5  # frames that are left out, as they wait for what is made once; seconds that are measured
WORTH = {True: 5.0, False: 30.0}  # seconds from which on it is told, on a terminal and in a log


def timed(pictures: Iterable[np.ndarray], count: int, name: str, console: Console) -> Iterator[np.ndarray]:
    """The pictures; a line on the console says how long all of them will take, if that is long."""
    begun, told = time.monotonic(), False
    for t, picture in enumerate(pictures):
        yield picture
        now = time.monotonic()
        if t + 1 == FIRST:
            begun = now
        elif not told and t + 1 > FIRST and now - begun > AFTER:
            told, rate = True, (t + 1 - FIRST) / (now - begun)
            if (left := (count - t - 1) / rate) > WORTH[console.is_terminal]:
                line = f"talkinghead: {name}: {count} frames, {in_words(left)} to go ({rate:.3g} a second)"
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def in_words(seconds: float) -> str:
    """About 20 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes // 60} h {minutes % 60} min"
