"""The model of live streams."""

from __future__ import annotations

from talkinghead.animate.talker import Talker
from talkinghead.models.folder import STREAMING, model_folder


def live_talker(name: str | None) -> Talker:
    """A talker that streams: the model, or the streaming one in its folder. name: as for `Talker.from_pretrained`.

    Raises InputError for a model that cannot stream.
    """
    folder = model_folder(name)
    talker = Talker.from_pretrained(folder / STREAMING if (folder / STREAMING).is_dir() else folder)
    _ = talker.streaming
    return talker
