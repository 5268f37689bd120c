"""How long a film will take, told once the first frames are drawn."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator

import numpy as np

FIRST, AFTER = 3, 1.5  # frames that are left out, as they wait for what is made once; seconds that are measured
WORTH = 5.0  # seconds from which on it is told


def timed(pictures: Iterable[np.ndarray], count: int, name: str) -> Iterator[np.ndarray]:
    """The pictures; a line on stderr says how long all of them will take, if that is long."""
    begun, told = time.monotonic(), False
    for t, picture in enumerate(pictures):
        yield picture
        now = time.monotonic()
        if t + 1 == FIRST:
            begun = now
        elif not told and t + 1 > FIRST and now - begun > AFTER:
            told, rate = True, (t + 1 - FIRST) / (now - begun)
            if (left := (count - t - 1) / rate) > WORTH:
                print(f"talkinghead: {name}: {count} frames, {in_words(left)} to go ({rate:.3g} a second)", file=sys.stderr)


def in_words(seconds: float) -> str:
    """About 20 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {minutes // 60} h {minutes % 60} min"
