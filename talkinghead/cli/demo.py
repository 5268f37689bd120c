"""The verb demo."""

from __future__ import annotations

from tyro.conf import UseCounterAction

from talkinghead.cli.options import Model


def demo(
    *,
    host: str = "127.0.0.1",
    port: int = 7860,
    no_browser: UseCounterAction[int] = 0,
    seconds: float = 60.0,
    megabytes: int = 64,
    model: Model = None,
    device: str = "cpu",
) -> None:
    """Try it in the browser: a voice, a head, an emotion, and the face in 3D with sound; downloads in every format.

    Only this machine can see the page, unless --host says more. Needs the extra demo.

    Args:
        host: Address to listen at; 0.0.0.0 shows the page to the whole network.
        port: Number of the port; 0 takes a free one.
        no_browser: Open no browser.
        seconds: Longest recording that is taken.
        megabytes: Largest file that is taken.
        device: Where the model runs: cpu, cuda, mps.
    """
    from talkinghead.demo.serve import serve
    from talkinghead.demo.workshop import Limits
    from talkinghead.errors import InputError

    if not seconds > 0 or megabytes <= 0:
        raise InputError("--seconds and --megabytes: choose more than 0")
    serve(host, port, limits=Limits(seconds, megabytes << 20), model=model, device=device, browser=not no_browser)
