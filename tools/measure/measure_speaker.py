"""How often a voice's sex is guessed right: python tools/measure/measure_speaker.py FOLDER SPEAKERS.TXT [--seconds 5].

FOLDER has recordings whose names begin with a reader's number and a hyphen, SPEAKERS.TXT is LibriSpeech's: number | F or M |.
Every other recording (odd ones in the order of names) is left out of the first line: the numbers in `audio.speaker` were set
by looking at the even ones. Ages are not in such lists, so that of a voice is not measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.speaker import speaker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("speakers", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each recording that are heard")
    args = parser.parse_args()
    lines = [line.split("|") for line in args.speakers.read_text(encoding="utf-8").splitlines() if not line.startswith(";")]
    sexes = {int(line[0]): line[1].strip() for line in lines if len(line) > 1}
    rows = []
    paths = sorted(p for p in args.folder.iterdir() if p.stem.split("-")[0].isdigit())
    for number, path in enumerate(paths):
        heard = speaker(load_audio(path, RATE)[: round(args.seconds * RATE)])
        rows.append((number % 2, sexes[int(path.stem.split("-")[0])] == "M", heard.male, heard.pitch is not None))
    odd, male, guess, told = (np.array(column) for column in zip(*rows, strict=True))
    sure = np.maximum(guess, 1 - guess) > 0.9
    for name, some in (("odd", odd == 1), ("all", odd >= 0)):
        right, heard = (guess > 0.5) == male, some & (told > 0)
        print(
            f"{name}: {heard.sum()} of {some.sum()} recordings have voice; sex right in {right[heard].mean():.3f} of these, "
            f"men {right[heard & male].mean():.3f}, women {right[heard & ~male].mean():.3f}; "
            f"surer than 0.9 in {sure[heard].mean():.3f}, right in {right[heard & sure].mean():.3f} of these"
        )


if __name__ == "__main__":
    main()
