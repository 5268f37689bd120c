"""The command line: one function a verb. What is heavy is imported when a verb needs it."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from tyro.conf import Positional, UseAppendAction, arg

from talkinghead.errors import InputError

if TYPE_CHECKING:
    from talkinghead.animation import Animation
    from talkinghead.face.head import Head

VIDEO = ".mp4"
READERS = (".npz", ".csv")
SIZES = (64, 4096)  # pixels
Outputs = Annotated[
    tuple[Path, ...],
    UseAppendAction,
    arg(name="output", aliases=("-o",), metavar="FILE", help="File to write, its format by its suffix. Repeat it for more."),
]
HeadName = Annotated[
    str,
    arg(metavar="HEAD", help="default, one of its people such as default:age=60,gender=female,seed=3, or a head's .npz file."),
]
Camera = Literal["front", "three_quarter", "side"]
Size = Annotated[int, arg(metavar="PIXELS", help="Width and height of the video.")]
Backend = Annotated[str | None, arg(metavar="NAME", help="Renderer; `talkinghead info` lists them. The fastest that works.")]
Model = Annotated[str | None, arg(metavar="MODEL", help="Folder of a model or its id on the Hub. The one that ships.")]


def animate(
    audio: Annotated[Positional[Path], arg(metavar="AUDIO")],
    output: Outputs = (),
    *,
    head: HeadName = "default",
    model: Model = None,
    emotion: str = "neutral",
    intensity: float = 1.0,
    style: str | None = None,
    idle: float = 1.0,
    temperature: float = 0.0,
    seed: int = 0,
    fps: float = 30.0,
    device: str = "cpu",
    size: Size = 512,
    camera: Camera = "front",
    backend: Backend = None,
) -> None:
    """Turn a recording of speech into a talking head: video, motion or both.

    Args:
        audio: Recording: WAV, FLAC, MP3, Ogg, M4A, or a video with sound.
        emotion: How it is said.
        intensity: How strongly, 0 to 1.
        style: Whose way of speaking; one of the model's speakers.
        idle: Strength of blinks, gaze and head motion; 0 switches them off.
        temperature: Above 0, the motion of the mouth is sampled, too.
        seed: Decides all that is sampled; the same seed gives the same motion.
        fps: Frames a second.
        device: Where the model runs: cpu, cuda, mps.
    """
    from talkinghead.audio import RATE, load_audio

    _check_outputs(output, audio, [VIDEO, *_formats()])
    _check_numbers(size=size, fps=fps)
    face = read_head(head)
    wave = load_audio(audio)  # before torch is imported: a bad file is told at once
    with _working("loading the model"):
        from talkinghead.models.talker import Talker

        talker = Talker.from_pretrained(model, device)
    with _working("animating"):
        animation = talker.animate(
            wave,
            rate=RATE,
            head=face,
            emotion=emotion,
            intensity=intensity,
            style=style,
            idle=idle,
            temperature=temperature,
            seed=seed,
            fps=fps,
        )
    for path in output:
        _write(animation, path, audio=audio, size=size, camera=camera, backend=backend)


def render(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    audio: Path | None = None,
    head: HeadName = "default",
    fps: float | None = None,
    size: Size = 512,
    camera: Camera = "front",
    backend: Backend = None,
) -> None:
    """Show an animation as a video.

    Args:
        animation: Motion: .npz or .csv.
        audio: Recording to put under the video.
        fps: Frames a second; those of the animation.
    """
    _check_outputs(output, animation, [VIDEO])
    _check_numbers(size=size, fps=fps)
    if audio is not None:
        from talkinghead.audio import load_audio

        _check_outputs(output, audio, [VIDEO])
        load_audio(audio)
    motion = _read(animation, head, fps)
    for path in output:
        _write(motion, path, audio=audio, size=size, camera=camera, backend=backend)


def convert(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    head: HeadName = "default",
    fps: float | None = None,
) -> None:
    """Write an animation in other formats.

    Args:
        animation: Motion: .npz or .csv.
        fps: Frames a second; those of the animation.
    """
    _check_outputs(output, animation, _formats())
    _check_numbers(fps=fps)
    motion = _read(animation, head, fps)
    for path in output:
        _write(motion, path)


def prepare(
    source: Positional[Literal["video", "facegood"]],
    paths: Annotated[Positional[tuple[Path, ...]], arg(metavar="PATHS")],
    output: Outputs = (),
    *,
    workers: int = 1,
) -> None:
    """Turn recordings of faces into a data set to train on.

    Args:
        source: What the paths are: video (clips or folders of clips of one talking face), facegood (the data set's folder).
        paths: Files or folders.
        workers: Clips at a time.
    """
    from talkinghead.data import prepare as run

    if len(output) != 1:
        raise InputError("prepare: say the folder to write with one -o FOLDER")
    if not paths:
        raise InputError(f"prepare {source}: say what to read, for example `talkinghead prepare {source} CLIPS -o {output[0]}`")
    if workers < 1:
        raise InputError(f"workers is {workers}: 1 or more")
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    run(source, list(paths), output[0], workers=workers)
    print(output[0])


def train(
    config: Annotated[Positional[Path], arg(metavar="CONFIG")],
    overrides: Annotated[Positional[tuple[str, ...]], arg(metavar="KEY=VALUE")] = (),
) -> None:
    """Train a model. An interrupted run goes on where it was.

    Args:
        config: Recipe, such as configs/talker.yaml.
        overrides: Changes to the recipe, such as data=data/grid out=runs/a.
    """
    from talkinghead.train import train as run

    run(config, list(overrides))


def info() -> None:
    """Show versions, devices, renderers, extras and what is shipped."""
    from talkinghead.info import report

    for name, value in report():
        print(f"{name:<22}{value}")


VERBS = {"animate": animate, "render": render, "convert": convert, "prepare": prepare, "train": train, "info": info}


def main(arguments: list[str] | None = None) -> int:
    """Run a command. 0: done; 2: the input or the arguments are wrong, one line on stderr says how; 130: interrupted.

    A defect of ours leaves as an exception: a traceback and status 1.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of the libraries; a user can do nothing about them
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    try:
        _parse(sys.argv[1:] if arguments is None else arguments)()
    except InputError as error:
        return _say(str(error))
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk, a folder without permission: the user's to mend
        if error.filename is None and not error.errno:
            raise
        return _say(": ".join(str(part) for part in (error.filename, error.strerror or error) if part))
    return 0


def read_head(name: str) -> Head | None:
    """The head that `--head` names; None for the plain default one.

    default:KEY=VALUE,… gives a person of the default head: age, gender, ancestry and seed are `Head.default`'s arguments,
    any other key a direction of the face.
    """
    from talkinghead.face.head import Head

    word, _, person = name.partition(":")
    if word != "default":
        return Head.load(name)
    if not person:
        return None
    given: dict = {"face": {}}
    for item in person.split(","):
        key, sign, value = (part.strip() for part in item.partition("="))
        if not sign or not key or not value:
            raise InputError(f"head {name}: write default:key=value,… such as default:age=60,gender=female,seed=3")
        if key in ("age", "gender", "ancestry", "seed"):
            given[key] = _number(value, int if key == "seed" else float) if key in ("age", "seed") else _maybe_number(value)
        else:
            given["face"][key] = _number(value, float)
    return Head.default(**{**given, "face": given["face"] or None})


def _parse(arguments: list[str]) -> Callable[[], None]:
    """The verb with its arguments, ready to run. tyro's boxes of text become one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                {verb: _later(function) for verb, function in VERBS.items()},
                prog="talkinghead",
                description="Speech to a talking 3D face.",
                args=arguments,
                config=(tyro.conf.FlagConversionOff,),
            )
    except SystemExit as stop:
        if not stop.code:
            raise  # --help
        verb = f" {arguments[0]}" if arguments and arguments[0] in VERBS else ""
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


def _say(line: str) -> int:
    print(f"talkinghead: {' '.join(line.split())}", file=sys.stderr)
    return 2


def _number(text: str, kind: type):
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"head: {text!r} is not a {'whole ' if kind is int else ''}number") from None


def _maybe_number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _formats() -> list[str]:
    from talkinghead.export import suffixes

    return list(suffixes())


def _check_outputs(outputs: tuple[Path, ...], source: Path, known: list[str]) -> None:
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
        home = next(p for p in (path.absolute().parent, *path.absolute().parents) if p.exists())
        if not home.is_dir() or not os.access(home, os.W_OK):
            raise InputError(f"{path}: cannot be written: {home} is {'read-only' if home.is_dir() else 'not a folder'}")


def _check_numbers(*, size: int | None = None, fps: float | None = None) -> None:
    if size is not None and (not SIZES[0] <= size <= SIZES[1] or size % 2):
        raise InputError(f"size is {size}: choose an even number from {SIZES[0]} to {SIZES[1]}")
    if fps is not None and not 1 <= fps <= 240:
        raise InputError(f"fps is {fps:g}: choose 1 to 240")


def _read(path: Path, head: str, fps: float | None) -> Animation:
    """An animation of any readable format, at `fps` if given."""
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path}: an animation is read from {' or '.join(READERS)}")
    face = read_head(head)
    if path.suffix.lower() == ".csv":
        from talkinghead.export.csv import read

        motion = read(path, face, fps)
    else:
        from talkinghead.export.npz import read

        motion = read(path, face)
    return motion.resample(fps) if fps else motion


def _write(animation: Animation, path: Path, **video) -> None:
    if path.suffix.lower() == VIDEO:
        animation.render(path, progress=sys.stderr.isatty(), **video)
    else:
        with _working(f"writing {path.name}"):
            animation.save(path)
    print(path)


def _working(what: str) -> contextlib.AbstractContextManager:
    """A spinner on stderr while something takes long; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return contextlib.nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(what)


if __name__ == "__main__":
    sys.exit(main())
