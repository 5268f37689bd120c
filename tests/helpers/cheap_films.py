"""Films of full length whose first frames alone are drawn: the last of them is held. Drawing takes most of a film's time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from talkinghead.evaluate.output import videos
from talkinghead.rendering import renderer, video

DRAWN = 5  # frames
SECONDS = 0.2  # of films that show systems side by side


def shorten(put: Callable[[Any, str, Any], None]) -> None:
    """`put(owner, name, value)` is setattr, or monkeypatch.setattr."""
    put(video, "frames", lambda animation, **how: islice(renderer.frames(animation, **how), DRAWN))
    put(videos, "SECONDS", SECONDS)
