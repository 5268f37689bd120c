"""Sheets of emotions: the README's picture, and with --sheet all of emotion x intensity x sound.

    python tools/pictures/emotion_sheet.py                              # the shipped model -> assets/pictures/emotions.jpg
    python tools/pictures/emotion_sheet.py --model runs/a --sheet       # also assets/pictures/emotion_sheet.jpg
    python tools/pictures/emotion_sheet.py --authored -o /tmp/pictures  # motion/expressions.py alone, without a model

Faces of a model are frames of the recordings in which it is surest to hear the sound; how sure is told.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from talkinghead.evaluate.emotion.sheets import INTENSITIES, SOUNDS, authored, moments, sheet, spoken, strip
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head

ROOT = Path(__file__).resolve().parents[2]
STEPS = (0.4, 0.7, 1.0)  # intensities of the README's picture
LARGEST = 400_000  # bytes of it


def save(picture, path: Path, most: int | None = None) -> None:
    """As JPEG, as good as fits into `most` bytes."""
    for quality in (90, 85, 80, 75, 65, 50):
        with replacing(path) as fresh:
            picture.save(fresh, "JPEG", quality=quality, optimize=True, progressive=True)
        if most is None or path.stat().st_size <= most:
            break
    print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size / 1e3:.0f} kB, quality {quality}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, default=[ROOT / "assets/audio/hello.wav"])
    parser.add_argument("--model", help="a model's folder; the one that ships if not given")
    parser.add_argument("--authored", action="store_true", help="the authored expressions on visemes, without a model")
    parser.add_argument("--head", default="default", help="as for `talkinghead animate`")
    parser.add_argument("--sound", default="a", choices=SOUNDS, help="of the README's picture")
    parser.add_argument("--life", type=float, default=0.0, help="strength of what is not speech: head motion, gaze, blinks")
    parser.add_argument("--sheet", action="store_true", help="the whole sheet, too")
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "assets/pictures", help="folder")
    args = parser.parse_args()
    head = read_head(args.head) or Head.default()
    if args.authored:

        def faces(intensities, sounds):
            return authored(head, intensities=intensities, sounds=sounds)
    else:
        from talkinghead import Talker

        talker = Talker.from_pretrained(args.model)
        found = moments(talker, args.recordings)
        print(", ".join(f"/{sound}/ heard at {moment.likely:.0%}" for sound, moment in found.items()))

        def faces(intensities, sounds):
            life = {"idle": args.life, "blinks": 0.0}
            return spoken(talker, args.recordings, head=head, intensities=intensities, sounds=sounds, **life)

    save(strip(faces(STEPS, (args.sound,)), args.sound), args.out / "emotions.jpg", LARGEST)
    if args.sheet:
        save(sheet(faces(INTENSITIES, tuple(SOUNDS))), args.out / "emotion_sheet.jpg")


if __name__ == "__main__":
    main()
