"""Pictures and films of an animation."""

from talkinghead.rendering.renderer import available, choose, frames, image, open_renderer
from talkinghead.rendering.video import render

__all__ = ["available", "choose", "frames", "image", "open_renderer", "render"]
