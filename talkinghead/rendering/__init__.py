"""Pictures and videos of an animation."""

from talkinghead.rendering.renderer import available_backends, choose_backend, frames, image, open_renderer
from talkinghead.rendering.video import render

__all__ = ["available_backends", "choose_backend", "frames", "image", "open_renderer", "render"]
