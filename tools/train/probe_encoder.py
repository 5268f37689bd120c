"""How well phonemes can be told from a speech encoder's features, for speakers it never heard, in good and bad recordings.

    python tools/train/probe_encoder.py LIBRISPEECH_FOLDER --teacher whisper-base.bin

The folder holds recordings and `phones.jsonl`. A linear map from features to phonemes is fitted on clean recordings, and tested
on the last `--held-out` ones, which nothing was trained on: in share of frames, 50 a second, whose phoneme is right. Beside the
model's encoder stand log-mel with 140 ms of context on either side and, if it is named, the teacher.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from recordings import find_recordings
from torch import Tensor, nn
from whisper_teacher import Teacher

from talkinghead import Talker
from talkinghead.audio.augment import coloured_noise
from talkinghead.audio.clock import FPS, RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.audio.mel import log_mel
from talkinghead.audio.synthetic_sounds import music
from talkinghead.speech.labels import UNKNOWN, frame_labels
from talkinghead.speech.phonemes import PHONES

CONTEXT = 7  # frames of 20 ms on either side


def mixed(wave: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """Speech so many decibels above something else."""
    return wave + noise / noise.std() * wave.std() * 10 ** (-decibels / 20)


def room(wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """In a room that takes 0.5 s to fall silent, the direct sound as strong as its echoes."""
    length = RATE // 2
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail /= np.linalg.norm(tail)
    tail[0] = 1
    size = len(wave) + length
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)[: len(wave)]


def telephone(wave: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz."""
    spectrum, hertz = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / RATE)
    return np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(wave))


def conditions(others: np.ndarray) -> dict[str, Callable]:
    """Name -> (wave, rng) -> the same speech, recorded worse. others: (n,) of other people talking."""
    return {
        "clean": lambda w, rng: w,
        "noise 10 dB": lambda w, rng: mixed(w, coloured_noise(rng, len(w)), 10),
        "noise 0 dB": lambda w, rng: mixed(w, coloured_noise(rng, len(w)), 0),
        "music 10 dB": lambda w, rng: mixed(w, music(rng, len(w)), 10),
        "voice 10 dB": lambda w, rng: mixed(w, np.roll(np.resize(others, len(w)), rng.integers(len(w))), 10),
        "room 0.5 s": room,
        "telephone": lambda w, rng: telephone(w),
        "quiet -40 dB": lambda w, rng: w * 0.01,
        "clipped": lambda w, rng: np.clip(w, -w.std(), w.std()),
    }


def stacked(wave: np.ndarray) -> Tensor:
    """(n,) -> (T, 15 * 80) log-mel of a frame and its neighbours."""
    mel = log_mel(torch.from_numpy(wave)[None])[0]
    padded = torch.cat([mel[:1].expand(CONTEXT, -1), mel, mel[-1:].expand(CONTEXT, -1)])
    return padded.unfold(0, 2 * CONTEXT + 1, 1).flatten(1)


def fit(features: Tensor, labels: Tensor, steps: int = 800) -> Callable[[Tensor], Tensor]:
    """A linear classifier of standardised features."""
    torch.manual_seed(0)
    mean, std = features.mean(0), features.std(0) + 1e-3
    ready = ((features - mean) / std).clamp(-6, 6)
    linear = nn.Linear(features.shape[1], len(PHONES))
    optimizer = torch.optim.Adam(linear.parameters(), 2e-3)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (1 - step / steps)
        some = torch.randint(len(ready), (4096,))
        loss = nn.functional.cross_entropy(linear(ready[some]), labels[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda x: linear(((x - mean) / std).clamp(-6, 6)).argmax(-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--model", help="a model folder; the shipped one if not given")
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--held-out", type=int, default=20)
    parser.add_argument("--every", type=int, default=2, help="fit on each so manieth recording")
    args = parser.parse_args()
    found = [(load_audio(one.path), one.phones, one.split) for one in find_recordings([args.speech], args.held_out)]
    held = [(wave, phones) for wave, phones, split in found if split == "test"]
    train = [(wave, phones) for wave, phones, split in found if split != "test"][:: args.every]
    talker = Talker.from_pretrained(args.model)
    kinds: dict[str, Callable[[np.ndarray], Tensor]] = {
        "log-mel": stacked,
        "encoder": lambda wave: talker.network.audio(torch.from_numpy(wave)[None])[0],
    }
    if args.teacher:
        kinds["teacher"] = Teacher(args.teacher)
    others = np.concatenate([wave for wave, _ in train[:5]])
    with torch.no_grad():
        heard = {name: [of(wave[: 30 * RATE]) for wave, _ in train] for name, of in kinds.items()}
    for name, of in kinds.items():
        labels = [
            torch.from_numpy(frame_labels(phones, frame_times(len(x), FPS)))
            for x, (_, phones) in zip(heard[name], train, strict=True)
        ]
        known = torch.cat(labels) != UNKNOWN
        probe = fit(torch.cat(heard.pop(name))[known], torch.cat(labels)[known])
        line: dict[str, float | str] = {"features": name}
        for condition, spoil in conditions(others).items():
            right = seen = 0
            for i, (wave, phones) in enumerate(held):
                with torch.no_grad():
                    features = of(spoil(wave[: 30 * RATE], np.random.default_rng(i)).astype(np.float32))
                    truth = torch.from_numpy(frame_labels(phones, frame_times(len(features), FPS)))
                    right += int((probe(features) == truth)[truth != UNKNOWN].sum())
                seen += int((truth != UNKNOWN).sum())
            line[condition] = round(right / seen, 4)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
