"""Output files of the verbs: checks before the slow work, writing, and a spinner."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from talkinghead import export
from talkinghead.animate.settings import PAGE
from talkinghead.audio.speaker import Speaker
from talkinghead.errors import InputError
from talkinghead.head.spec import is_auto, read_head
from talkinghead.inputs import Inputs, check_replaceable
from talkinghead.motion.transfer.retarget import lip_partings
from talkinghead.rendering.output.stills import is_numbered
from talkinghead.rendering.settings import DRAWN, RenderSettings, check_output
from talkinghead.writing import need_folder

if TYPE_CHECKING:
    from talkinghead.audio.waveform import Waveform
    from talkinghead.head.head import Head
    from talkinghead.motion.animation import Animation


def check_outputs(
    outputs: tuple[Path, ...],
    source: Path,
    inputs: Inputs,
    known: list[str],
    drawing: RenderSettings | None = None,
    **options: bool,
) -> list[Path]:
    """Refuse, before the slow work, whatever could not be written at its end, or would replace what the command reads.

    drawing: of pictures and films. options: of formats, as in `write_animation`; each must be one of a format that is written.
    Returns the folders that are there, for `write_animation`.
    """
    if not outputs:
        raise InputError(f"{source}: say what to write with -o FILE, for example -o {source.stem or 'speech'}{known[0]}")
    for path in outputs:
        if export.suffix_of(path) not in known:
            raise InputError(f"{path}: use one of the suffixes {' '.join(known)}")
        if [other.resolve() for other in outputs].count(path.resolve()) > 1:
            raise InputError(f"{path}: is given twice as an output")
        _check_apart(path, outputs)
        for file in export.written(path):
            inputs.refuse(file)
        check_replaceable(path)
        if drawing is not None and path.suffix.lower() in DRAWN:
            _check_drawn(path, drawing, inputs)
        if path.is_dir() and path.suffix.lower() != ".obj":
            raise InputError(f"{path}: is a folder; give a file's name")
        if export.suffix_of(path) in export.suffixes():
            export.check(path, **_own(path, options))  # a folder in the way, a library that is missing
        home = next(p for p in (path.absolute().parent, *path.absolute().parents) if p.exists())
        if not home.is_dir() or not os.access(home, os.W_OK):
            raise InputError(f"{path}: cannot be written: {home} is {'read-only' if home.is_dir() else 'not a folder'}")
    for name in (name for name, wanted in options.items() if wanted):
        if not any(_own(path, {name: True}) for path in outputs):
            flag, kinds = name.replace("_", "-"), " ".join(export.OPTIONS[name])
            raise InputError(f"--{flag} is for {kinds} only, and no output is one")
    return [path.parent for path in outputs if path.parent.is_dir()]


def _check_apart(path: Path, outputs: tuple[Path, ...]) -> None:
    """Raise InputError if another output lies in the folder that `path` is: it is written, and replaced, as a whole."""
    whole = path.parent if is_numbered(path) else path if path.suffix.lower() == ".obj" else None
    if whole is None:
        return
    for other in outputs:
        if other is not path and other.resolve().is_relative_to(whole.resolve()):
            raise InputError(f"{other}: is in {whole}, a folder that another output writes as a whole; choose another folder")


def _check_drawn(path: Path, drawing: RenderSettings, inputs: Inputs) -> None:
    check_output(path, drawing)
    if is_numbered(path):
        inputs.refuse(path.parent, below=True)


def _own(path: Path, options: dict[str, bool]) -> dict[str, bool]:
    """Those of the options that the format of `path` takes."""
    return {name: wanted for name, wanted in options.items() if export.takes(path, name)}


def video_options(outputs: tuple[Path, ...], settings: RenderSettings, **options) -> dict:
    """Options of a video, with a renderer that works: it is looked for before the slow work, if it is needed."""
    if any(path.suffix.lower() in DRAWN for path in outputs):
        from talkinghead.rendering.renderer import choose_backend

        settings = replace(settings, backend=choose_backend(settings.backend))
    return {"settings": settings, **options}


def write_animation(
    animation: Animation, path: Path, there: list[Path], options: dict[str, bool] | None = None, **video
) -> None:
    """Write an animation in the format of the path's suffix, and print the path.

    there: folders that `check_outputs` found: one that was removed since then is not made again. options: of formats, see
    `export.OPTIONS`; a format takes its own. video: arguments of a video; a page takes the sound.
    """
    if path.parent in there:
        need_folder(path)
    if path.suffix.lower() in DRAWN:
        from talkinghead.rendering.video import render

        render(animation, path, progress=True, **video)
    elif path.suffix.lower() == PAGE:
        from talkinghead.web.page import write

        with working(f"writing {path.name}"):
            write(animation, path, audio=video.get("audio"), track=video.get("track"))
    else:
        with working(f"writing {path.name}"):
            export.save(animation, path, **_own(path, options or {}))
    print(path)


def named_head(name: str, voice: Waveform | None = None) -> Head | None:
    """The head that `--head` names; lines on stderr say what moves of a character, and what `voice` tells of a person."""
    from talkinghead.registration.stored import head_for

    head, report = (read_head(name, voice), None) if is_auto(name) else head_for(name)
    if report is not None:
        print("\n".join(f"talkinghead: {name}: {line}" for line in report.lines()), file=sys.stderr)
    if head is not None and "voice" in head.provenance:
        print(f"talkinghead: {name}: {Speaker(**head.provenance['voice']).summary()}; the face is drawn", file=sys.stderr)
    if head is not None and head.character is not None:
        print(f"talkinghead: {name}: {summary(head)}", file=sys.stderr)
    return head


def summary(head: Head) -> str:
    """What of a character moves, and how its mouth is opened, in one line."""
    about = head.character.summary() if head.character is not None else ""
    if (reason := head.provenance.get("undecoded")) is not None:
        return f"{about}; its mouth opens by the weights as they are, as its vertices are {reason}"
    if lip_partings(head) is None:
        return f"{about}; its mouth opens by the weights as they are, as its lips are not found"
    return about


def working(what: str) -> contextlib.AbstractContextManager:
    """A spinner on stderr while something takes long; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)
