"""The model of live streams."""

from __future__ import annotations

from talkinghead.animate.talker import Talker
from talkinghead.models.folder import STREAMING, model_folder, read_heads
from talkinghead.models.runtime.streaming import STEP, StreamingRuntime
from talkinghead.server.limits import HOP


def live_talker(name: str | None) -> Talker:
    """A talker that streams for many at once, by the model's own network or the one beside it. name: as for `from_pretrained`.

    Raises InputError for a model that cannot stream.
    """
    folder = model_folder(name)
    if not (folder / STEP).is_file() and (folder / STREAMING).is_dir():
        folder = folder / STREAMING
    runtime = StreamingRuntime.load(folder, hop=HOP)
    return Talker(runtime, read_heads(folder, runtime.config))
