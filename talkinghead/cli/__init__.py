"""The command line: one function for each verb, whose module is imported when the verb is asked for."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable

from talkinghead import signals
from talkinghead.errors import InputError, InputWarning

LACKING: ModuleNotFoundError | None = None  # of a package without which there is no verb but doctor
VERBS: dict = {}
try:
    from talkinghead.cli.parser import Verb, parse
except ModuleNotFoundError as error:
    LACKING = error
else:
    VERBS = {
        "animate": Verb(
            "animate", "animate", "Turn speech into a talking head: one recording into files, or many into a folder."
        ),
        "render": Verb("convert", "render", "Show an animation as a film or as pictures."),
        "convert": Verb("convert", "convert", "Write an animation in other formats."),
        "head": Verb("head", "head", "Make a head of a face without shapes, or show what a head can do."),
        "live": Verb(
            "live",
            "live",
            "Speak while somebody speaks: a microphone, a file or a pipe into Unreal, VRM programs and your own.",
        ),
        "demo": Verb(
            "demo",
            "demo",
            "Try it in the browser: a voice, a head, an emotion, and the face in 3D with sound; downloads in every format.",
        ),
        "serve": Verb("serve", "serve", "Serve many clients: live streams over WebSockets, and whole recordings over HTTP."),
        "prepare": Verb("prepare", "prepare", "Turn recordings of faces into a data set to train on."),
        "train": Verb("train", "train", "Train a model."),
        "evaluate": Verb("evaluate", "evaluate", "Measure models, and animations of other tools, on a prepared data set."),
        "export-model": Verb(
            "export_model",
            "export_model",
            "Make ONNX graphs of a model, so that it runs without torch, or a page in which it runs.",
        ),
        "doctor": Verb(
            "doctor", "doctor", "Show what works here, what is missing, what each is for, and the command that brings it."
        ),
        "info": Verb("info", "info", "Show versions, devices, renderers, extras and what is shipped."),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run a command. 0: done; 2: the input or the arguments are wrong, one line on stderr says how; 130: interrupted; 143 and
    129: ended by SIGTERM or SIGHUP, which leave nothing half done, as Ctrl-C does.

    A defect of ours leaves as an exception: a traceback and status 1.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        with signals.stopping(), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")  # of libraries, which a user cannot mend
            warnings.simplefilter("always", InputWarning)
            warnings.showwarning = _tell_once()
            _command(sys.argv[1:] if arguments is None else arguments)()
    except KeyboardInterrupt:
        return signals.status() or 130
    except Exception as error:
        return signals.status() or _refuse(error)  # libraries in C make a failure of their own of a signal
    return signals.status() or 0


def _command(arguments: list[str]) -> Callable[[], None]:
    """The verb with its arguments, ready to run."""
    if LACKING is None:
        return parse(VERBS, arguments)  # pyright: ignore[reportPossiblyUnboundVariable]
    if arguments[:1] != ["doctor"]:
        raise LACKING
    from talkinghead.cli.doctor import doctor

    return doctor


def _refuse(error: Exception) -> int:
    """The status of what a user can mend, once it is told; a defect is raised again."""
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("talkinghead"):
        return _say(f"the package {error.name} is missing; talkinghead doctor tells what is, and the command that brings it")
    if isinstance(error, InputError):
        return _say(str(error))
    if isinstance(error, OSError) and (error.filename is not None or error.errno):  # a full disk, a folder without permission
        return _say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    raise error


def _tell_once() -> Callable[..., None]:
    """A function for `warnings.showwarning` that prints each text once: a recording is read again for a video."""
    told: set[str] = set()

    def tell(message: Warning | str, *where: object, **more: object) -> None:
        if str(message) not in told:
            told.add(str(message))
            print(f"talkinghead: {message}", file=sys.stderr)

    return tell


def _say(line: str) -> int:
    print(f"talkinghead: {' '.join(line.split())}", file=sys.stderr)
    return 2
