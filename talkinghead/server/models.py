"""The model of live streams."""

from __future__ import annotations

from talkinghead.animate.talker import Talker
from talkinghead.files import asset


def live_talker(model: str | None) -> Talker:
    """A talker that can stream: a model's, or the one that ships. Raises InputError for a model that cannot."""
    talker = Talker.from_pretrained(model if model is not None else asset("models/streaming"))
    _ = talker.streaming
    return talker
