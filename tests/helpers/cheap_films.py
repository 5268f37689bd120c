"""Films of full length whose first frames alone are drawn: the last of them is held. Drawing takes most of a film's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from talkinghead.evaluate.output import videos
from talkinghead.rendering.film.composition import Film

DRAWN = 5  # frames
SECONDS = 0.2  # of films that show systems side by side


def shorten(put: Callable[[Any, str, Any], None]) -> None:
    """`put(owner, name, value)` is setattr, or monkeypatch.setattr."""
    whole = Film.pictures

    def pictures(film: Film) -> Iterator[np.ndarray]:
        last = np.zeros(0)
        for last in islice(whole(film), DRAWN):
            yield last
        for _ in range(film.count - DRAWN):
            yield last

    put(Film, "pictures", pictures)
    put(videos, "SECONDS", SECONDS)
