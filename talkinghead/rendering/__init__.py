"""Pictures and videos of an animation. The names are imported at first use: settings need neither PyAV nor a renderer."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from talkinghead.rendering.renderer import available_backends, choose_backend, frames, image, open_renderer
    from talkinghead.rendering.video import render

__all__ = ["available_backends", "choose_backend", "frames", "image", "open_renderer", "render"]


def __getattr__(name: str):
    if name in __all__:
        return getattr(import_module(f"talkinghead.rendering.{'video' if name == 'render' else 'renderer'}"), name)
    raise AttributeError(f"module 'talkinghead.rendering' has no attribute {name!r}")
