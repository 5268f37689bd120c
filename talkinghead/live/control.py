"""Emotions that arrive while a session runs: from strangers over a socket, or as lines of a pipe or a terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from talkinghead.errors import InputError, shown
from talkinghead.motion.emotion_curve import AUTO, curve_file, read_emotion

LONGEST = 400  # characters


def live_emotion(wanted: Any) -> str:
    """An emotion that a stranger asks for. Raises InputError for what is none, or would be read from a file of this machine."""
    if not isinstance(wanted, str) or len(wanted) > LONGEST:
        raise InputError(f"emotion {shown(wanted)}: write a name or a blend, such as happy:0.6,surprised:0.3")
    if wanted == AUTO or curve_file(wanted) is not None:
        raise InputError(f"emotion {wanted!r}: live, choose names, such as happy:0.6,surprised:0.3")
    read_emotion(wanted, 1.0)
    return wanted


def follow_lines(descriptor: int, change: Callable[[str], None]) -> threading.Thread:
    """A thread that reads an emotion from each line until the file ends; what is wrong is told on stderr.

    It reads from the descriptor itself: a thread that waits inside of `sys.stdin` would hold a lock that Python needs to end.
    """

    def follow() -> None:
        rest = b""
        while chunk := os.read(descriptor, LONGEST):
            *lines, rest = (rest + chunk).split(b"\n")
            rest = rest[: LONGEST + 1]
            for line in lines:
                obey(line.decode(errors="replace").strip())
        obey(rest.decode(errors="replace").strip())

    def obey(text: str) -> None:
        if text:
            try:
                change(live_emotion(text))
            except InputError as error:
                complain(error)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread


def complain(error: InputError) -> None:
    """Tell what is wrong while a session goes on."""
    print(f"talkinghead: {error}", file=sys.stderr, flush=True)
