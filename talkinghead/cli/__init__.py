"""The command line: one function a verb. What is heavy is imported when a verb needs it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable

from talkinghead.cli.animate import animate
from talkinghead.cli.convert import convert, render
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
    "info": info,
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command. 0: done; 2: the input or the arguments are wrong, one line on stderr says how; 130: interrupted.

    A defect of ours leaves as an exception: a traceback and status 1.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # of the libraries; a user can do nothing about them
            warnings.simplefilter("always", InputWarning)
            warnings.showwarning = _tell_once()
            parse(VERBS, sys.argv[1:] if arguments is None else arguments)()
    except InputError as error:
        return _say(str(error))
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


def _say(line: str) -> int:
    print(f"talkinghead: {' '.join(line.split())}", file=sys.stderr)
    return 2
