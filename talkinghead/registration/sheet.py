"""A sheet of what a head's shapes look like: one picture with a cell for each pose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.mesh import is_ours, png_mark
from talkinghead.files import replacing
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.head.visemes import VISEMES

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

CELL, LABEL = 280, 18  # pixels of a cell's side, and of the height of the words above it
COLUMNS = 5
POSES: dict[str, dict[str, float]] = {
    "neutral": {},
    "jawOpen": {"jawOpen": 1.0},
    "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "pucker": {"mouthPucker": 1.0},
    "p b m": VISEMES["PP"],
    "f v": VISEMES["FF"],
    "ah": VISEMES["aa"],
    "funnel": {"mouthFunnel": 1.0},
    "frown": {"mouthFrownLeft": 1.0, "mouthFrownRight": 1.0, "browDownLeft": 1.0, "browDownRight": 1.0},
    "brows up": {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
    "look left": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "puff": {"cheekPuff": 1.0},
    "jaw left": {"jawLeft": 1.0},
    "tongue": {"tongueOut": 1.0, "jawOpen": 0.4},
}
CAMERAS = ("front", "three-quarter")


def draw(head: Head, path: Path) -> None:
    """Write the sheet as the picture that the path's suffix says. Poses that need shapes which the head lacks are left out.

    A head none of whose shapes are ARKit's, such as FLAME's, is made to do what the default head does in each pose.
    """
    from PIL import Image, ImageDraw, ImageFont

    from talkinghead.rendering.renderer import frames

    head.need_mesh()
    poses = POSES if _acts(head) else {n: weights for n, weights in POSES.items() if weights.keys() <= set(head.names)}
    rows = -(-len(poses) // COLUMNS)
    canvas = Image.new("RGB", (COLUMNS * CELL, len(CAMERAS) * rows * (CELL + LABEL)), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    animation = posed(head, list(poses.values()))
    for block, camera in enumerate(CAMERAS):
        for number, (name, frame) in enumerate(zip(poses, frames(animation, size=CELL, camera=camera), strict=True)):
            x, y = number % COLUMNS * CELL, (block * rows + number // COLUMNS) * (CELL + LABEL)
            pen.text((x + 4, y + 2), name, "black", font)
            canvas.paste(Image.fromarray(frame), (x, y + LABEL))
    with replacing(path) as fresh:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            canvas.save(fresh, "JPEG", quality=90)
        else:
            canvas.save(fresh, "PNG", pnginfo=png_mark())


def check_unasked(path: Path) -> None:
    """Raise InputError if a sheet whose name nobody gave would replace a picture of somebody else."""
    if path.exists() and not is_ours(path):
        raise InputError(f"{path}: is there and no sheet; move it away, or choose another name with -o")


def posed(head: Head, poses: list[dict[str, float]]) -> Animation:
    """A frame of the head for each pose, given as weights of ARKit's shapes."""
    from talkinghead.motion.animation import Animation

    actor = Head.default() if _acts(head) else head
    table = np.zeros((len(poses), len(actor.names)), np.float32)
    for row, weights in enumerate(poses):
        for name, value in weights.items():
            table[row, actor.index(name)] = value
    return Animation(table, 30.0, actor).on(head)


def _acts(head: Head) -> bool:
    """Whether the head's shapes are others, onto which the default head's motion can be put."""
    from talkinghead.motion.transfer.surface import can_take

    return not set(ARKIT) & set(head.names) and can_take(head)
