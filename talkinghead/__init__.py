"""talkinghead: speech to a talking 3D face. Everything heavy is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING

from talkinghead.version import __version__ as __version__

if TYPE_CHECKING:
    from talkinghead.animate.animation import Animation
    from talkinghead.animate.talker import Talker
    from talkinghead.audio.load import load_audio
    from talkinghead.head.head import Head
    from talkinghead.rendering.video import render

HOME = {
    "Talker": "animate.talker",
    "Animation": "animate.animation",
    "Head": "head.head",
    "load_audio": "audio.load",
    "render": "rendering.video",
}
__all__ = ["Animation", "Head", "Talker", "load_audio", "render"]


def __getattr__(name: str):
    if name in HOME:
        return getattr(import_module(f"talkinghead.{HOME[name]}"), name)
    raise AttributeError(f"module 'talkinghead' has no attribute {name!r}")
