"""talkinghead: speech to a talking 3D face. Everything heavy is imported when it is first used."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkinghead.animation import Animation
    from talkinghead.audio.load import load_audio
    from talkinghead.head.head import Head
    from talkinghead.models.talker import Talker
    from talkinghead.render import render

try:
    __version__ = version("talkinghead")
except PackageNotFoundError:  # run from a clone that was not installed
    __version__ = "0.0.0"

HOME = {"Talker": "models.talker", "Animation": "animation", "Head": "head.head", "load_audio": "audio.load", "render": "render"}
__all__ = ["Animation", "Head", "Talker", "load_audio", "render"]


def __getattr__(name: str):
    if name in HOME:
        return getattr(import_module(f"talkinghead.{HOME[name]}"), name)
    raise AttributeError(f"module 'talkinghead' has no attribute {name!r}")
