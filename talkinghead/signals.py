"""Signals that ask the process to end: they are heard even where a library loses the exception that they raise.

A handler of Python raises in the midst of whatever runs. Libraries in C that call Python back drop such an exception, or make a
failure of their own of it. So the signal is kept, and loops that run long raise it again with their next round.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
CLEANING = 10.0  # seconds after a signal in which another one does not disturb the removal of what is half done
NAMES = ("SIGTERM", "SIGHUP", "SIGINT")
_heard: list[tuple[int, float]] = []  # (number, monotonic seconds) since `stopping` was entered
_within: list[bool] = []  # not empty inside of `stopping`


class Terminated(KeyboardInterrupt):
    """A signal that asks the process to end."""

    number: int = signal.SIGTERM


def status() -> int | None:
    """The exit status that tells the first signal since `stopping` was entered, as shells do; None if there was none."""
    return 128 + _heard[0][0] if _heard else None


def raise_again() -> None:
    """Raise `Terminated` if a signal was heard: whoever gets here has not seen its exception."""
    if _within and _heard:
        raise _terminated(_heard[0][0])


def heeding(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, as long as no signal was heard."""
    for item in items:
        raise_again()
        yield item


@contextmanager
def stopping() -> Iterator[None]:
    """SIGTERM, SIGHUP and SIGINT raise `Terminated`, unless they are ignored or have a handler of somebody else."""
    _heard.clear()
    usual = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in NAMES if usual and hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler in (signal.SIG_DFL, signal.default_int_handler)}
    for number in before:
        signal.signal(number, _end)
    _within.append(True)
    try:
        yield
    finally:
        _within.pop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: object) -> None:
    if _heard and number != signal.SIGINT and time.monotonic() - _heard[-1][1] < CLEANING:
        return  # a second signal must not interrupt the clean-up; whoever presses Ctrl-C twice may
    _heard.append((number, time.monotonic()))
    raise _terminated(number)


def _terminated(number: int) -> Terminated:
    stop = Terminated()
    stop.number = signal.Signals(number)
    return stop
