"""Films and rows of pictures whose first frames alone are drawn: the last of them is held. Drawing takes most of their time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from talkinghead.evaluate.output import videos
from talkinghead.rendering import renderer
from talkinghead.rendering.film.composition import Film

DRAWN = 3  # frames
SECONDS = 0.2  # of films that show systems side by side


def first_of(pictures: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """`count` pictures."""
    last = np.zeros(0)
    for last in islice(pictures, DRAWN):
        yield last
    for _ in range(count - DRAWN):
        yield last


def shorten(put: Callable[[Any, str, Any], None]) -> None:
    """`put(owner, name, value)` is setattr, or monkeypatch.setattr."""
    film_pictures, frames = Film.pictures, renderer.frames
    put(Film, "pictures", lambda film: first_of(film_pictures(film), film.count))
    put(renderer, "frames", lambda animation, **shot: first_of(frames(animation, **shot), len(animation)))
    put(videos, "SECONDS", SECONDS)
