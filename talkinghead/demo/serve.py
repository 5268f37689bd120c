"""The demo as a server: an address, a browser, and nothing left when it ends."""

from __future__ import annotations

import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead.demo.workshop import Limits, Workshop
from talkinghead.errors import InputError
from talkinghead.web.address import bound, names, url

if TYPE_CHECKING:
    from talkinghead.animate.talker import Talker

FIRST = {"emotion": "happy:0.5", "settings": {"seed": 3}}  # what a new visitor sees


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    limits: Limits | None = None,
    model: str | None = None,
    device: str = "cpu",
    browser: bool = True,
) -> None:
    """Serve until Ctrl-C. Raises InputError without the extra `demo`, and for an address that cannot be had.

    port: 0 takes a free one. browser: whether one is opened.
    """
    try:
        import uvicorn

        from talkinghead.demo.app import application
    except ImportError:
        raise InputError("the demo needs a server; install it with: pip install 'talkinghead[demo]'") from None
    door = bound(host, port)
    address = url(host, door)
    with door, tempfile.TemporaryDirectory(prefix="talkinghead-demo-") as folder:
        workshop = Workshop(Path(folder), limits or Limits(), lambda: _talker(model, device))
        try:
            first = workshop.animate({"sound": workshop.samples[0], **FIRST}, lasting=True) if workshop.samples else ""
            config = uvicorn.Config(application(workshop, first, list(names(host))), log_level="warning", server_header=False)
            print(f"{address}  (Ctrl-C ends it)", flush=True)
            if browser:
                threading.Timer(1.0, webbrowser.open, [address]).start()
            uvicorn.Server(config).run(sockets=[door])
        finally:
            workshop.close()


def _talker(model: str | None, device: str) -> Talker:
    from talkinghead.animate.talker import Talker

    return Talker.from_pretrained(model, device)
