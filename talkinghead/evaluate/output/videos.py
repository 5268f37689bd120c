"""The truth and systems side by side, one renderer for all of them: a few clips of a report, a few seconds of each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.manifest import Clip
from talkinghead.evaluate.cache import Cache, clip_state
from talkinghead.evaluate.measures.clip import Recorded, cut_frames, read_motion_of, rebase
from talkinghead.evaluate.selection import spread
from talkinghead.evaluate.systems import System
from talkinghead.files import file_name
from talkinghead.motion.animation import OPTIONAL, Animation

SECONDS = 8.0  # of a clip
PANEL = 256  # pixels
LABEL = 26  # pixels above a face
TRUTH = "recorded motion"


def films(out: Path, folder: Path, clips: list[Clip], systems: list[System], count: int) -> dict[str, Path]:
    """{clip: .mp4} of `count` clips, evenly spread; what is there and up to date is kept. None for motion without faces."""
    chosen = spread(clips, count)
    cache, shown = Cache(out), {}
    for clip in chosen:
        motion = read_motion_of(folder, clip)
        if not len(motion.head.faces):
            continue
        path = out / "videos" / f"{file_name(clip.id)}.mp4"
        made = [(system.name, system.identity(clip.id)) for system in systems]
        key = None if any(identity is None for _, identity in made) else f"{clip_state(folder, clip)} {made}"
        if not (path.exists() and cache.get(".videos", clip.id, key)):
            film(path, Recorded(folder, clip, motion, None, None, None, None), systems)
            cache.put(".videos", clip.id, key, {"file": path.name})
        shown[clip.id] = path
    return shown


def film(path: Path, recorded: Recorded, systems: list[System]) -> None:
    """One video: recorded motion first, then each system, with its name above, and the sound."""
    from talkinghead.rendering.video import write_pictures

    truth = recorded.motion
    motions = {TRUTH: truth}
    for system in systems:
        motions[system.name] = rebase(system.motions(recorded)[0], truth).resample(truth.fps)
    frames = min(ceil(SECONDS * truth.fps), len(truth))
    motions = {name: hold(motion, frames) for name, motion in motions.items()}
    with tempfile.TemporaryDirectory() as place:
        sound = Path(place) / "sound.flac"
        write_audio(sound, load_audio(recorded.audio)[: round(frames / truth.fps * RATE)])
        write_pictures(panels(motions), path, truth.fps, audio=sound)


def hold(motion: Animation, frames: int) -> Animation:
    """Exactly `frames` frames: cut, or the last one held."""
    if len(motion) >= frames:
        return cut_frames(motion, frames)
    index = np.minimum(np.arange(frames), len(motion) - 1)
    names = ("coefficients", *OPTIONAL)
    return replace(motion, **{name: value[index] for name in names if (value := getattr(motion, name)) is not None})


def panels(motions: dict[str, Animation], size: int = PANEL) -> Iterator[np.ndarray]:
    """(H, W, 3) uint8 pictures: all motions of one head in a grid, each with its name above it."""
    from talkinghead.rendering.renderer import open_renderer

    first = next(iter(motions.values()))
    rows = ceil(len(motions) / 4) if len(motions) > 4 else 1
    columns = ceil(len(motions) / rows)
    canvas = np.full((rows * (size + LABEL), columns * size, 3), 255, np.uint8)
    corners = [((size + LABEL) * (i // columns), size * (i % columns)) for i in range(len(motions))]
    for (top, left), name in zip(corners, motions, strict=True):
        canvas[top : top + LABEL, left : left + size] = label(name, size)
    renderer = open_renderer(first, size)
    try:
        for t in range(len(first)):
            for (top, left), motion in zip(corners, motions.values(), strict=True):
                canvas[top + LABEL : top + LABEL + size, left : left + size] = renderer.draw(motion.vertices(t, posed=True))
            yield canvas.copy()
    finally:
        renderer.close()


def label(text: str, width: int) -> np.ndarray:
    """(LABEL, width, 3) uint8: black on white, cut where it does not fit."""
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (width, LABEL), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    while draw.textlength(text, font) > width - 12 and len(text) > 2:
        text = text[:-2] + "…"
    draw.text((width / 2, LABEL / 2), text, fill="black", font=font, anchor="mm")
    return np.asarray(picture)


def still(path: Path) -> bytes:
    """A picture of the middle of a film, as JPEG: what a page shows before it plays."""
    from io import BytesIO

    import av

    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        middle, picture = stream.frames // 2, None
        for t, frame in enumerate(file.decode(stream)):
            picture = frame
            if t >= middle:
                break
    out = BytesIO()
    if picture is not None:
        picture.to_image().save(out, "JPEG", quality=80)
    return out.getvalue()
