"""A page inside a notebook."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.errors import InputError
from talkinghead.web.page import document

if TYPE_CHECKING:
    from IPython.display import HTML

    from talkinghead.motion.animation import Animation

SANDBOX = "allow-scripts"  # the page needs nothing of the notebook


def inline(animation: Animation, *, audio: str | Path | None = None, height: int = 560, title: str = "") -> HTML:
    """A frame with the whole page in it: it is kept in the notebook's file. Raises InputError without IPython."""
    try:
        from IPython.display import HTML
    except ImportError:
        raise InputError("show() is for notebooks, which have IPython; elsewhere use save('speech.html')") from None
    page = html.escape(document(animation, audio=audio, title=title))
    style = f"width: 100%; height: {height:d}px; border: 0; border-radius: 12px"
    frame = f'<iframe srcdoc="{page}" sandbox="{SANDBOX}" allow="autoplay; fullscreen" style="{style}"></iframe>'
    return HTML(f"<div>{frame}</div>")
