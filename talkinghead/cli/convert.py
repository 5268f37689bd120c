"""The verbs render and convert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseCounterAction, arg

from talkinghead.animate.settings import PAGE, VIDEO
from talkinghead.audio.clock import check_fps
from talkinghead.cli.arguments import read_size
from talkinghead.cli.options import Backend, Camera, HeadName, MadeFor, Outputs, Size, Track
from talkinghead.cli.outputs import check_outputs, named_head, video_options, write_animation
from talkinghead.errors import InputError
from talkinghead.export import READERS, load, suffixes
from talkinghead.head.spec import read_head
from talkinghead.inputs import Inputs

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation


def render(
    animation: Annotated[Positional[Path], arg(metavar="ANIMATION")],
    output: Outputs = (),
    *,
    audio: Path | None = None,
    track: Track = None,
    head: HeadName = "default",
    made_for: MadeFor = None,
    fps: float | None = None,
    size: Size = "512",
    camera: Camera = "front",
    backend: Backend = None,
) -> None:
    """Show an animation as a video.

    Args:
        animation: Motion: .npz, curves (.csv, .tsv, .json), FLAME's parameters (.npz, .pkl, .npy) or vertices (.npy, .pc2).
        audio: Recording to put under the video.
        fps: Frames a second; those of the animation, which some files do not tell.
    """
    there = check_outputs(output, animation, Inputs(animation, audio, head, made_for), [VIDEO])
    check_fps(fps)
    video = video_options(output, audio=audio, track=track, size=read_size(size), camera=camera, backend=backend)
    if audio is not None:
        from talkinghead.audio.load import open_audio

        open_audio(audio, track=track).close()  # a bad file is told at once
    motion = _read(animation, head, made_for, fps)
    for path in output:
        write_animation(motion, path, there, **video)


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
    .visemes.json, .srt, .textgrid and .tsv (visemes), .html (a page that plays it).

    Args:
        animation: Motion: .npz, curves (.csv, .tsv, .json), FLAME's parameters (.npz, .pkl, .npy) or vertices (.npy, .pc2).
        audio: .html: recording that the page plays.
        fps: Frames a second; those of the animation, which some files do not tell.
        compress: .glb: a sixth of the size, for readers that know meshopt and WebP (extra compress).
        shape_normals: .glb: shapes turn the normals, too.
    """
    options = {"compress": bool(compress), "shape_normals": bool(shape_normals)}
    there = check_outputs(output, animation, Inputs(animation, audio, head, made_for), [*suffixes(), PAGE], **options)
    check_fps(fps)
    sound = {"audio": audio, "track": track}
    for name, value in sound.items():
        if value is not None and not any(path.suffix.lower() == PAGE for path in output):
            raise InputError(f"--{name} is for {PAGE} only, and no output is one")
    motion = _read(animation, head, made_for, fps)
    for path in output:
        write_animation(motion, path, there, options, **sound)


def _read(path: Path, head: str, made_for: str | None, fps: float | None) -> Animation:
    """An animation of any readable format, at `fps` if given."""
    if path.suffix.lower() not in READERS:
        raise InputError(f"{path}: an animation is read from {', '.join(READERS)}")
    from talkinghead.head.head import Head

    source = None if made_for is None else read_head(made_for) or Head.default()
    motion = load(path, named_head(head), made_for=source, fps=fps)
    return motion.resample(fps) if fps else motion
