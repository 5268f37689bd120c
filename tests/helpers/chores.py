"""Tasks for worker processes, which find them by import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from talkinghead.errors import InputError


def square(name: str, number: int) -> int:
    return number * number


def refuse_odd(name: str, number: int) -> int:
    if number % 2:
        raise InputError(f"{name}: {number} is odd")
    return number


def fail(name: str, number: int) -> int:
    if number == 3:
        raise ZeroDivisionError("three")
    return number


def die_once(name: str, number: int, marker: Path) -> int:
    """Kills its own worker the first time that it is asked for 3."""
    if number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return number * number


def die_always(name: str, number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def sleep(name: str, seconds: float, folder: Path) -> None:
    """Leaves its process' number in `folder`."""
    (folder / str(os.getpid())).touch()
    time.sleep(seconds)


def heed_interruptions() -> None:
    """For `preexec_fn`: pytest-xdist and shells' background jobs ignore Ctrl-C, and what they start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
