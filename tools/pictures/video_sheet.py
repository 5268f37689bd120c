"""A sheet of telling moments of a prepared video dataset: the tracked landmarks above the head that was solved from them.

    python tools/pictures/video_sheet.py DATASET -o assets/pictures/video_solve.png [--videos FOLDER]

With `--videos` the pictures themselves are put on top: for your own eyes, as most recordings may not be shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from talkinghead import Animation
from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.data.motion_file import animation_of, read_motion
from talkinghead.data.tracking import landmarks
from talkinghead.data.tracking.person import eye_distance
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.rendering import image

SIZE = 240
LINES = {  # chains of the tracker's points
    "lips": (
        (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146, 61),
        (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78),
    ),
    "eyes": (
        (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7, 33),
        (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249, 263),
        (469, 470, 471, 472, 469),
        (474, 475, 476, 477, 474),
    ),
    "rest": (
        (70, 63, 105, 66, 107),
        (300, 293, 334, 296, 336),
        (168, 6, 197, 195, 5, 4, 1),
        (98, 97, 2, 326, 327),
        (127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356),
    ),
}
COLOURS = {"lips": (196, 60, 60), "eyes": (40, 90, 170), "rest": (90, 90, 90)}


@dataclass
class Solved:
    """A clip, the frames of it that were tracked, and the motion solved from them."""

    clip: Clip
    first: int
    pixels: np.ndarray  # (T, 478, 2), y down
    animation: Animation

    def word(self, frame: int) -> str:
        time = (frame + 0.5) / self.clip.fps
        return next((w for a, b, w in self.clip.words or () if a <= time < b), "")


def load(folder: Path, clip: Clip, head: Head) -> Solved:
    first, run = landmarks.longest_run(landmarks.Track.load(folder / "landmarks" / f"{clip.id}.npz"))
    animation = animation_of(read_motion(folder / clip.motion), head, clip.id)
    return Solved(clip, first, run.pixels()[..., :2] * [1, -1], animation)


def moments(clips: list[Solved]) -> Iterator[tuple[str, Solved, int]]:
    """What to show: the frame of all clips in which something is at its most."""
    shape = clips[0].animation.head.index

    def gap(s: Solved) -> np.ndarray:
        return np.linalg.norm(s.pixels[:, 13] - s.pixels[:, 14], axis=1) / eye_distance(s.pixels)

    def width(s: Solved) -> np.ndarray:
        return np.linalg.norm(s.pixels[:, 61] - s.pixels[:, 291], axis=1) / eye_distance(s.pixels)

    def eyes(s: Solved) -> np.ndarray:
        return s.animation.coefficients[:, shape("eyeBlinkLeft")]

    def speed(s: Solved) -> np.ndarray:
        return np.abs(np.gradient(gap(s)))

    def bilabial(s: Solved) -> np.ndarray:
        """Shut within 0.1 s of the start of a word in b or p."""
        starts = [a for a, _, word in s.clip.words or () if word[0] in "bp"]
        near = [np.abs(s.animation.times - a) < 0.1 for a in starts]
        return (
            np.where(np.any(near, 0) & (speed(s) > 0.01), -gap(s), -9) - eyes(s) if starts else np.full(len(s.animation), -9.0)
        )

    kinds = {
        "at rest": lambda s: np.where(s.animation.times < 0.3, -gap(s), -9) - eyes(s),
        "/b/ or /p/": bilabial,
        "open": lambda s: gap(s) - eyes(s),
        "rounded": lambda s: -width(s) - eyes(s),
        "spread": lambda s: np.where((gap(s) > 0.05) & (gap(s) < 0.15), width(s), -9) - eyes(s),
        "blink": lambda s: eyes(s) - gap(s),
        "turned": lambda s: np.abs(s.animation.rotation[:, 1]) - eyes(s),
        "nodding": lambda s: np.abs(s.animation.rotation[:, 0]) - eyes(s),
    }
    taken: set[str] = set()
    for name, score in kinds.items():
        best = max((s for s in clips if s.clip.id not in taken), key=lambda s: float(score(s).max()))
        taken.add(best.clip.id)
        yield name, best, int(score(best).argmax())


def window(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Corner and side of the square around a face."""
    side = 2.3 * float(eye_distance(pixels))
    return pixels[[33, 263, 1, 13]].mean(0) - side / 2, side


def drawing(pixels: np.ndarray) -> Image.Image:
    corner, side = window(pixels)
    points = (pixels - corner) / side * SIZE * 2
    sheet = Image.new("RGB", (SIZE * 2, SIZE * 2), (250, 250, 248))
    draw = ImageDraw.Draw(sheet)
    for kind, chains in LINES.items():
        for chain in chains:
            draw.line([tuple(points[i]) for i in chain], fill=COLOURS[kind], width=3)
    return sheet.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def face(solved: Solved, frame: int) -> Image.Image:
    animation = solved.animation
    one = Animation(
        animation.coefficients[[frame]], animation.fps, animation.head,
        rotation=animation.rotation[[frame]], gaze=animation.gaze[[frame]],
    )  # fmt: skip
    picture = Image.fromarray(image(one, size=2 * SIZE))
    side = 2 * SIZE
    return picture.crop((side // 5, side // 4, side - side // 5, side - side // 5 + side // 20)).resize((SIZE, SIZE))


def photograph(videos: Path, solved: Solved, frame: int) -> Image.Image:
    import av

    with av.open(str(next(videos.rglob(f"{solved.clip.id}.*")))) as container:
        pictures = [f.to_image() for f in container.decode(video=0)]
    corner, side = window(solved.pixels[frame])
    box = (*corner, *(corner + side))
    return pictures[solved.first + frame].crop(tuple(round(v) for v in box)).resize((SIZE, SIZE), Image.Resampling.BICUBIC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--clips", type=int, default=60, help="how many clips to choose from")
    given = parser.parse_args()
    head, manifest = Head.default(), read_manifest(given.dataset)
    clips = [load(given.dataset, clip, head) for clip in manifest[:: max(1, len(manifest) // given.clips)]]
    columns = []
    for name, solved, frame in moments(clips):
        rows = [photograph(given.videos, solved, frame)] if given.videos else []
        rows += [drawing(solved.pixels[frame]), face(solved, frame)]
        word = solved.word(frame)
        ImageDraw.Draw(rows[0]).text((6, 4), f'{name} "{word}"' if word not in ("", "sil") else name, fill=(20, 20, 20))
        columns.append(np.concatenate([np.asarray(row) for row in rows]))
    with replacing(given.output) as fresh:
        Image.fromarray(np.concatenate(columns, 1)).save(fresh)


if __name__ == "__main__":
    main()
