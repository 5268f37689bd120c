"""What the words on the command line mean, and one line for whatever is wrong with them."""

from __future__ import annotations

import contextlib
import functools
import io
import os
from collections.abc import Callable
from pathlib import Path

import tyro

from talkinghead import export
from talkinghead.errors import InputError

FPS = (1, 240)
UNITS = ("m", "cm", "mm")


def parse(verbs: dict[str, Callable[..., None]], arguments: list[str]) -> Callable[[], None]:
    """The verb with its arguments, ready to run. tyro's boxes of text become one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                {verb: _later(function) for verb, function in verbs.items()},
                prog="talkinghead",
                description="Speech to a talking 3D face.",
                args=arguments,
                config=(tyro.conf.FlagConversionOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise  # --help
        verb = f" {arguments[0]}" if arguments and arguments[0] in verbs else ""
        raise InputError(f"{_one_line(complaint.getvalue())} (see talkinghead{verb} --help)") from None


def _later(function: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """A function that tyro sees like `function` but that only binds its arguments."""

    @functools.wraps(function)
    def bind(*args, **kwargs) -> Callable[[], None]:
        return functools.partial(function, *args, **kwargs)

    return bind


def _one_line(box: str) -> str:
    """What a box says, up to its second rule; the rest is help."""
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines() if not line.startswith("│" + 9 * " ")]  # that is help, too
    sections: list[str] = [""]
    for line in lines[1:]:
        if line and not line.strip("─"):
            sections.append("")
        else:
            sections[-1] = f"{sections[-1]} {line}".strip()
    advice = [s for s in sections[1:] if s.startswith(("Perhaps", "Available"))]
    return "; ".join(filter(None, [sections[0].rstrip("."), *advice])) or " ".join(box.split())


def check_outputs(outputs: tuple[Path, ...], source: Path, known: list[str]) -> None:
    """Refuse, before the slow work, whatever could not be written at its end."""
    if not outputs:
        raise InputError(f"{source}: say what to write with -o FILE, for example -o {source.stem or 'speech'}{known[0]}")
    for path in outputs:
        if path.suffix.lower() not in known:
            raise InputError(f"{path}: use one of the suffixes {' '.join(known)}")
        if outputs.count(path) > 1:
            raise InputError(f"{path}: is given twice as an output")
        if path.exists() and source.exists() and path.samefile(source):
            raise InputError(f"{path}: is the input; write to another name")
        if path.is_dir() and path.suffix.lower() != ".obj":
            raise InputError(f"{path}: is a folder; give a file's name")
        if path.suffix.lower() in export.suffixes():
            export.check(path)  # a folder in the way, a library that is missing
        home = next(p for p in (path.absolute().parent, *path.absolute().parents) if p.exists())
        if not home.is_dir() or not os.access(home, os.W_OK):
            raise InputError(f"{path}: cannot be written: {home} is {'read-only' if home.is_dir() else 'not a folder'}")


def check_fps(fps: float | None) -> None:
    if fps is not None and not FPS[0] <= fps <= FPS[1]:
        raise InputError(f"fps is {fps:g}: choose {FPS[0]} to {FPS[1]}")


def read_unit(text: str | None) -> str | float | None:
    """m, cm, mm, or the metres that 1 is, as a number."""
    if text is None or text in UNITS:
        return text
    try:
        scale = float(text)
    except ValueError:
        scale = 0.0
    if not 0 < scale < float("inf"):
        raise InputError(f"unit {text!r}: write {', '.join(UNITS)}, or the metres that 1 is, for example 0.001")
    return scale


def read_size(text: str) -> tuple[int, int]:
    """512 or 640x360 -> (width, height), within what the renderers can do."""
    from talkinghead.render.camera import parse_size

    try:
        width, _, height = text.lower().partition("x")
        return parse_size((int(width), int(height or width)))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"size {text!r}: write pixels such as 512, or 640x360") from None
