"""The command line: one function a verb. What is heavy is imported when a verb needs it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from talkinghead.cli.animate import animate
from talkinghead.cli.convert import convert, render
from talkinghead.cli.doctor import doctor
from talkinghead.cli.evaluate import evaluate
from talkinghead.cli.info import info
from talkinghead.cli.parser import parse
from talkinghead.cli.prepare import prepare
from talkinghead.cli.train import train
from talkinghead.errors import InputError, InputWarning

VERBS = {
    "animate": animate,
    "render": render,
    "convert": convert,
    "prepare": prepare,
    "train": train,
    "evaluate": evaluate,
    "doctor": doctor,
    "info": info,
}


class Terminated(KeyboardInterrupt):
    """A signal that asks the process to end."""

    number = signal.SIGTERM


def main(arguments: list[str] | None = None) -> int:
    """Run a command. 0: done; 2: the input or the arguments are wrong, one line on stderr says how; 130: interrupted; 143 and
    129: ended by SIGTERM or SIGHUP, which leave nothing half done, as Ctrl-C does.

    A defect of ours leaves as an exception: a traceback and status 1.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        with _signals(), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # of the libraries; a user can do nothing about them
            warnings.simplefilter("always", InputWarning)
            warnings.showwarning = _tell_once()
            parse(VERBS, sys.argv[1:] if arguments is None else arguments)()
    except InputError as error:
        return _say(str(error))
    except Terminated as end:
        return 128 + end.number
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk, a folder without permission: the user's to mend
        if error.filename is None and not error.errno:
            raise
        return _say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    return 0


def _tell_once() -> Callable[..., None]:
    """What prints a warning. A recording is read again for a video, which tells nothing new."""
    told: set[str] = set()

    def tell(message: Warning | str, *where: object, **more: object) -> None:
        if str(message) not in told:
            told.add(str(message))
            print(f"talkinghead: {message}", file=sys.stderr)

    return tell


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Terminated`, unless whoever started the process has other plans for them."""

    def end(number: int, frame) -> None:
        signal.signal(number, signal.SIG_IGN)  # what is removed now is removed to the end
        stop = Terminated()
        stop.number = signal.Signals(number)
        raise stop

    usual = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if usual and hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _say(line: str) -> int:
    print(f"talkinghead: {' '.join(line.split())}", file=sys.stderr)
    return 2
