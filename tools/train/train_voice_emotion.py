"""How plain readers speak: the numbers that `talkinghead.speech.voice_emotion` compares a voice with.

    python tools/train/train_voice_emotion.py RECORDINGS [RECORDINGS ...] [--out assets/models/voice_emotion/plain.json]

RECORDINGS are folders of neutral speech, a file each, any format. The shipped numbers are of 231 readers of LibriSpeech (CC BY
4.0); their mean, deviation and correlation are all that is kept. Each recording is heard whole and as pieces of 3 s.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import MOMENTS, RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.prosody import Prosody, prosody
from talkinghead.files import replacing
from talkinghead.speech.voice_emotion import CUES, TUNING, Plain, relative, spectrum_of, usual_around, windows

SUFFIXES = {".opus", ".flac", ".wav", ".ogg", ".mp3"}
PIECE = 3.0  # seconds
TRACKS = ("times", "pitch", "level", "speaking", "rise", "strength")


Heard = tuple[np.ndarray, np.ndarray]  # cues (N, C), seconds of voice (N,)


def heard(voice: Prosody, spectrum: tuple[np.ndarray, ...]) -> list[Heard]:
    """Cues of a recording and of its pieces."""
    found, size = [windows(voice, spectrum)], round(PIECE * MOMENTS)
    for start in range(0, max(1, len(voice.times) - size), size):
        part = slice(start, start + size)
        tracks = {name: getattr(voice, name)[part] for name in TRACKS}
        inside = (voice.accents[:, 0] * MOMENTS // size).astype(int) == start // size
        accents = voice.accents[inside] - [start / MOMENTS, 0]
        piece = replace(voice, **tracks, accents=accents, phrases=voice.phrases[:0])
        found.append(windows(piece, tuple(track[part] for track in spectrum)))
    return found


def measure(found: list[Heard]) -> Plain:
    """Mean, deviation and correlation of the windows with enough voice; a few rounds, for cues are judged against the mean."""
    mean = np.concatenate([raw[voiced > TUNING.enough] for raw, voiced in found]).mean(0)
    mean[CUES.index("pitch")] = mean[CUES.index("level")] = 0
    rows = np.zeros((0, len(CUES)))
    for _ in range(5):
        rows = np.concatenate([_relative(raw, voiced, mean)[voiced > TUNING.enough] for raw, voiced in found])
        moved, mean = np.abs(rows.mean(0) - mean).max(), rows.mean(0)
    print(f"{len(rows)} windows; the mean last moved by {moved:.1e}")
    return Plain(mean, rows.std(0), np.asarray(np.corrcoef(rows.T)))


def _relative(raw: np.ndarray, voiced: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """As the model does; of the two registers the one that is nearer to the recording's mean."""
    usual, known = usual_around(raw, voiced)
    pitch = np.average(raw[:, 0], weights=voiced + 1e-9)
    return relative(raw, usual, known, min(TUNING.registers, key=lambda centre: abs(pitch - centre)), mean)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("assets/models/voice_emotion/plain.json"))
    parser.add_argument("--held-out", type=int, default=20, help="of each folder, the last recordings are left for tests")
    options = parser.parse_args()
    paths = []
    for folder in options.recordings:
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        paths += files[: len(files) - options.held_out]
    found = []
    for path in paths:
        wave = load_audio(path, RATE)
        voice = prosody(wave)
        found += heard(voice, spectrum_of(wave, voice))
    save(measure(found), len(paths), options.out)


def save(found: Plain, recordings: int, path: Path) -> None:
    content = {name: np.round(getattr(found, name), 4).tolist() for name in ("mean", "deviation", "correlation")}
    with replacing(path) as fresh:
        fresh.write_text(json.dumps({"cues": CUES, "recordings": recordings, **content}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
