"""Fit what `talkinghead.export.visemes` tells visemes by: speech with known phoneme times, animated by a model.

    python tools/train/fit_visemes.py PHONES.jsonl SOUNDS [-o assets/visemes.json] [--clips 40] [--model NAME] [--credit X]

PHONES.jsonl: a line a recording with `id` and `phones`, a list of [phoneme, start, end] in seconds; SOUNDS has `id`.opus, .flac
or .wav. Each frame is a sample of the viseme of its phoneme: linear discriminant analysis (Fisher 1936), class means and one
covariance. Printed is the share of frames that are told right in a third of the recordings that the fit did not see; then all
are fitted.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from talkinghead import Animation, Talker
from talkinghead.export.visemes import FEATURES, PHONEMES, best_path, features, scores
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.visemes import NAMES
from talkinghead.io.files import SOUNDS, read_lines

PRIOR = 0.5  # power of the shares of visemes in speech: 1 would tell aa for most of what is unsure
RIDGE = 1e-3


def main() -> None:
    """Fit, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phones", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("assets/visemes.json"))
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--model", default=None)
    parser.add_argument("--credit", default="")
    given = parser.parse_args()
    lines = [json.loads(line) for line in read_lines(given.phones) if line.strip()]
    talker = Talker.from_pretrained(given.model) if given.model else Talker.from_pretrained()
    told = [_told(talker, row, given.sounds) for row in lines[:: max(1, len(lines) // given.clips)][: given.clips]]
    seen, unseen = told[: len(told) * 2 // 3], told[len(told) * 2 // 3 :]
    right = [best_path(scores(x, fit(seen)), 30.0) == y for x, y in unseen]
    share = float(np.concatenate(right).mean())
    print(f"{share:.3f} of the frames of {len(unseen)} recordings that were left out")
    content = {"features": FEATURES, "visemes": NAMES, "credit": given.credit, "right": round(share, 3)}
    content |= {name: np.round(value, 4).tolist() for name, value in fit(told).items()}
    given.output.write_text(json.dumps(content, indent=None) + "\n", encoding="utf-8")


def fit(samples: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """(T, F) features and (T,) visemes of recordings -> what `export.visemes.scores` takes."""
    x, y = (np.concatenate(parts) for parts in zip(*samples, strict=True))
    share = np.bincount(y, minlength=len(NAMES)) / len(y)
    means = np.stack([x[y == viseme].mean(0) for viseme in range(len(NAMES))])
    apart = x - means[y]
    whitening = np.linalg.cholesky(np.linalg.inv(apart.T @ apart / len(apart) + RIDGE * np.eye(x.shape[1])))
    return {"whitening": whitening, "means": means @ whitening, "offsets": PRIOR * np.log(share)}


def _told(talker: Talker, row: dict, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features and viseme of each frame of a recording."""
    sound = next(path for suffix in (*SOUNDS, ".opus") if (path := folder / f"{row['id']}{suffix}").exists())
    motion: Animation = talker.animate(sound, idle=0.0, emotion="neutral")
    told = np.zeros(len(motion), int)
    for phoneme, start, end in row["phones"]:
        told[round(start * motion.fps) : round(end * motion.fps)] = NAMES.index(PHONEMES[phoneme])
    return features(motion.coefficients[:, [motion.head.index(name) for name in ARKIT]]), told


if __name__ == "__main__":
    main()
