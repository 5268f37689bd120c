"""How plain readers speak: the numbers that `talkinghead.models.voice_emotion` compares a voice with.

    python tools/train_voice_emotion.py RECORDINGS [RECORDINGS ...] [--out assets/models/voice_emotion/plain.json]

RECORDINGS are folders of neutral speech, a file each, any format. The shipped numbers are of 231 readers of LibriSpeech (CC BY 4.0);
their mean, deviation and correlation are all that is kept. Each recording is heard whole and as pieces of 3 s.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from talkinghead.audio import RATE, load_audio
from talkinghead.files import replacing
from talkinghead.models.voice_emotion import CUES, ENOUGH, REGISTERS, Plain, _usual, cues, relative
from talkinghead.prosody import prosody

SUFFIXES = {".opus", ".flac", ".wav", ".ogg", ".mp3"}
PIECE = 3.0  # seconds


def heard(paths: list[Path]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cues of each recording and of its pieces: ((N, C), (N,) seconds of voice)."""
    out = []
    for path in paths:
        wave = load_audio(path, RATE)
        starts = np.arange(0, max(len(wave) - PIECE * RATE, 1), PIECE * RATE).astype(int)
        out += [cues(part, prosody(part)) for part in (wave, *(wave[s : s + int(PIECE * RATE)] for s in starts))]
    return out


def measure(found: list[tuple[np.ndarray, np.ndarray]]) -> Plain:
    """Mean, deviation and correlation of the windows with enough voice; again and again, for the usual is judged against the mean."""
    mean = np.concatenate([raw[voiced > ENOUGH] for raw, voiced in found]).mean(0)
    mean[CUES.index("pitch")] = mean[CUES.index("level")] = 0
    windows = np.zeros((0, len(CUES)))
    for _ in range(5):
        windows = np.concatenate([_relative(raw, voiced, mean)[voiced > ENOUGH] for raw, voiced in found])
        moved, mean = np.abs(windows.mean(0) - mean).max(), windows.mean(0)
    print(f"{len(windows)} windows; the mean last moved by {moved:.1e}")
    return Plain(mean, windows.std(0), np.corrcoef(windows.T))


def _relative(raw: np.ndarray, voiced: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """As the model does; of the two registers the one that is nearer to the recording's mean."""
    usual, known = _usual(raw, voiced)
    pitch = np.average(raw[:, 0], weights=voiced + 1e-9)
    return relative(raw, usual, known, min(REGISTERS, key=lambda centre: abs(pitch - centre)), mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("assets/models/voice_emotion/plain.json"))
    parser.add_argument("--held-out", type=int, default=20, help="of each folder, the last recordings are left for tests")
    options = parser.parse_args()
    paths = []
    for folder in options.recordings:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        paths += files[: len(files) - options.held_out]
    found = measure(heard(paths))
    content = {name: np.round(getattr(found, name), 4).tolist() for name in ("mean", "deviation", "correlation")}
    with replacing(options.out) as fresh:
        fresh.write_text(json.dumps({"cues": CUES, "recordings": len(paths), **content}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
