"""The verbs render and convert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseCounterAction, arg

from talkinghead.animate.beside import name_of, read_beside
from talkinghead.animate.settings import PAGE
from talkinghead.audio.clock import check_fps, exact_rate
from talkinghead.cli.options import Beside, HeadName, MadeFor, Outputs, Rendered, Rendering, Track
from talkinghead.cli.outputs import check_outputs, named_head, video_options, write_animation
from talkinghead.errors import InputError
from talkinghead.export import READERS, load, suffixes
from talkinghead.head.spec import read_head
from talkinghead.inputs import Inputs
from talkinghead.rendering.settings import DRAWN

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

DEFAULTS = Rendering()


def render(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    drawing: Rendered = DEFAULTS,
    audio: Path | None = None,
    track: Track = None,
    head: HeadName = "default",
    made_for: MadeFor = None,
    fps: float | None = None,
    side_by_side: Beside = (),
) -> None:
    """Show an animation as a film or as pictures.

    The suffix of each -o decides: .mp4 (H.264), .webm (VP9), .mov (ProRes) with sound, .gif and .webp, which
    repeat, .png and .jpg, one picture, frames/%04d.png, a folder of them. With --background transparent
    all but .mp4 and .jpg keep the opacity.

    Args:
        animation: Motion: .npz, curves (.csv, .tsv, .json), FLAME's parameters (.npz, .pkl, .npy) or vertices (.npy, .pc2).
        audio: Recording to put under the film.
        fps: Frames a second; those of the animation, which some files do not tell.
    """
    output = tuple(path / "%04d.png" if path.is_dir() and not path.suffix else path for path in output)
    others = [name_of(item)[1] for item in side_by_side]
    inputs = Inputs(animation, audio, head, made_for, drawing, others)
    there = check_outputs(output, animation, inputs, list(DRAWN), drawing)
    fps = _exact(fps)
    video = video_options(output, drawing, audio=audio, track=track, name=animation.stem)
    if audio is not None:
        from talkinghead.audio.load import open_audio

        open_audio(audio, track=track).close()  # a bad file is told at once
    motion = _read(animation, head, made_for, fps)
    beside = read_beside(side_by_side, motion, None if head == "default" else motion.head) if side_by_side else {}
    for path in output:
        write_animation(motion, path, there, beside=beside, **video)


def convert(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    audio: Path | None = None,
    track: Track = None,
    head: HeadName = "default",
    made_for: MadeFor = None,
    fps: float | None = None,
    compress: UseCounterAction[int] = 0,
    shape_normals: UseCounterAction[int] = 0,
) -> None:
    """Write an animation in other formats.

    The suffix of each -o decides: .npz (all of it), .csv and .json (curves), .glb, .gltf, .usdc, .usda,
    .usdz, .fbx, .vrm and .vrma (for engines and characters), .pc2 and .obj (vertices), .flame.npz (FLAME's parameters),
    .metahuman.csv and .metahuman.json (MetaHuman's control curves), .visemes.json, .srt, .textgrid and .tsv (visemes),
    .html (a page that plays it).

    Args:
        animation: Motion: .npz, curves (.csv, .tsv, .json), FLAME's parameters (.npz, .pkl, .npy) or vertices (.npy, .pc2).
        audio: .html: recording that the page plays.
        fps: Frames a second; those of the animation, which some files do not tell.
        compress: .glb: a sixth of the size, for readers that know meshopt and WebP (extra compress).
        shape_normals: .glb: shapes turn the normals, too.
    """
    options = {"compress": bool(compress), "shape_normals": bool(shape_normals)}
    there = check_outputs(output, animation, Inputs(animation, audio, head, made_for), [*suffixes(), PAGE], None, **options)
    fps = _exact(fps)
    sound = {"audio": audio, "track": track}
    for name, value in sound.items():
        if value is not None and not any(path.suffix.lower() == PAGE for path in output):
            raise InputError(f"--{name} is for {PAGE} only, and no output is one")
    motion = _read(animation, head, made_for, fps)
    for path in output:
        write_animation(motion, path, there, options, **sound)


def _exact(fps: float | None) -> float | None:
    """The rate that is meant by the one that is asked for: of 29.97, 30000/1001."""
    check_fps(fps)
    return fps if fps is None else float(exact_rate(fps))


def _read(path: Path, head: str, made_for: str | None, fps: float | None) -> Animation:
    """An animation of any readable format, at `fps` if given."""
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path}: an animation is read from {', '.join(READERS)}")
    from talkinghead.head.head import Head

    source = None if made_for is None else read_head(made_for) or Head.default()
    motion = load(path, named_head(head), made_for=source, fps=fps)
    return motion.resample(fps) if fps else motion
