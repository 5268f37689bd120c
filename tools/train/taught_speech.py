"""Speech with what Whisper hears in it, in files, and training windows of it. T frames at 50 a second, D features.

Every recording is heard clean, at its own speed and at others, which shift pitch and vocal tract and so make new voices.
A file has `wave` (T * 320,) int16, `features` (T, D) float16 of `speech_features.WhisperLayers`, `sinks` and `phones` (T,), and
`lips` (T, K + 2) float16, see `lip_nets`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
import torch
from recordings import Recording, find_recordings
from speech_features import WhisperLayers
from torch import Tensor

from talkinghead.audio.augment import augment
from talkinghead.audio.clock import FPS, FRAME, RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.audio.synthetic_sounds import background
from talkinghead.data.loading.feature_cache import room_noise
from talkinghead.data.manifest import read_manifest
from talkinghead.data.store.index import id_hash
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.progress import progress_bar
from talkinghead.speech.labels import frame_labels
from talkinghead.speech.phonemes import PHONES, SILENCE

SPEEDS = ((0.78, 0.94), (1.06, 1.28))  # between which those of the slower and of the faster version of a recording are drawn
FULL = 32000  # int16 of a sample of 1
BEDS, BED_SECONDS, BED_LEVEL = 60, 20, 0.125  # sounds that are no voice
# Shares of windows: a room in which nobody speaks, worse recordings, other levels and no more, a pause at one end.
ROOMS, WORSE, LEVELS, PAUSES = 0.12, 0.62, 0.12, 0.2
LONGER = (1, 1, 2, 4)  # factors of the length of windows: short ones are of many voices, long ones what is heard in use
REST = PHONES.index(SILENCE)
Lips = Callable[[np.ndarray, np.ndarray], np.ndarray]


def add_speech(parser: argparse.ArgumentParser) -> None:
    """The options that `find_speech` takes."""
    parser.add_argument("--speech", type=Path, nargs="+", required=True, help="folders of recordings, or files")
    parser.add_argument("--films", type=Path, nargs="*", default=[], help="prepared folders, whose sound is learnt, too")
    parser.add_argument("--per-film", type=int, default=110, help="clips of a prepared folder at most")
    parser.add_argument("--held-out", type=int, default=20, help="recordings of each folder with phonemes to validate on")


def quiet_room() -> np.ndarray:
    """(320000,) samples in which nobody speaks, at -100 dB."""
    return np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32) * 1e-5


def find_speech(speech: list[Path], films: list[Path], held_out: int, per_film: int) -> list[Recording]:
    """`recordings.find_recordings`, and the sound of at most `per_film` clips of split train of prepared `films`.

    Raises InputError if nothing is left to learn from.
    """
    found = find_recordings(speech, held_out)
    for folder in films:
        clips = [clip for clip in read_manifest(folder) if clip.split == "train"]
        for clip in clips[:: max(1, -(-len(clips) // per_film))]:
            found.append(Recording(f"{folder.name}-{clip.id}", folder / clip.audio, clip.speaker, "train", clip.phonemes))
    if all(one.split == "test" for one in found):
        raise InputError(f"--speech {' '.join(map(str, speech))}: all is held out; choose a smaller --held-out")
    return found


def teach(found: list[Recording], whisper: WhisperLayers, lips: Lips, folder: Path) -> tuple[list[Path], list[Path]]:
    """Write what is missing of the files of recordings; those to train on, and those of recordings that are held out.

    lips: the (T, K + 2) lips of (n,) samples with (T, D) features of Whisper.
    """
    folder.mkdir(exist_ok=True)
    train: list[Path] = []
    held: list[Path] = []
    with progress_bar() as bar:
        for one in bar.track(found, description="features of speech"):
            speeds = [1.0]
            if one.split != "test":
                rng = np.random.default_rng(id_hash(one.id))
                speeds += [float(np.exp(rng.uniform(*np.log(limits)))) for limits in SPEEDS]
            paths = [folder / f"{one.id}-{version}.safetensors" for version in range(len(speeds))]
            (held if one.split == "test" else train).extend(paths)
            if not all(path.exists() for path in paths):
                wave = load_audio(one.path)
                for path, speed in zip(paths, speeds, strict=True):
                    _write(path, one, wave, speed, whisper, lips)
    return train, held


def _write(path: Path, one: Recording, wave: np.ndarray, speed: float, whisper: WhisperLayers, lips: Lips) -> None:
    from safetensors.numpy import save_file

    heard = wave if speed == 1 else soxr.resample(wave, RATE * speed, RATE)
    features, sinks = whisper.with_sinks(heard)
    arrays = {
        "wave": np.round(np.clip(heard[: len(features) * FRAME], -1, 1) * FULL).astype(np.int16),
        "features": features,
        "lips": lips(heard, features).astype(np.float16),
        "sinks": sinks.astype(np.int16),
        "phones": frame_labels(one.phones_said(wave), frame_times(len(features), FPS) * speed).astype(np.int16),
    }
    with replacing(path) as fresh:
        save_file(arrays, fresh)


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of speech: (T * 320,) samples, (T, D) float32 features, (T, K + 2) lips, (T,) whether features count, (T,)
    phonemes or UNKNOWN.
    """

    wave: np.ndarray
    features: np.ndarray
    lips: np.ndarray
    counts: np.ndarray
    phones: np.ndarray


class TaughtSpeech:
    """Windows of files that `teach` wrote; features are standardised by (D,) mean and sd.

    silence: (T, D) standardised features of it. rest: (K + 2,) lips in it.
    """

    def __init__(self, paths: list[Path], mean: Tensor, sd: Tensor, silence: np.ndarray, rest: np.ndarray) -> None:
        self.paths, self.mean, self.sd, self.silence, self.rest = paths, mean.numpy(), sd.numpy(), silence, rest
        self.frames = np.array([self._frames(path) for path in paths])

    def window(self, i: int, start: int = 0, frames: int | None = None) -> Window:
        """Frames start .. start + frames of a file; a shorter one is repeated."""
        from safetensors import safe_open

        places = np.arange(start, start + (frames or int(self.frames[i]))) % self.frames[i]
        low, high = int(places.min()), int(places.max()) + 1
        with safe_open(self.paths[i], "numpy") as file:
            wave = file.get_slice("wave")[low * FRAME : high * FRAME].reshape(-1, FRAME)[places - low].reshape(-1)
            features, lips, sinks, phones = (
                file.get_slice(name)[low:high][places - low] for name in ("features", "lips", "sinks", "phones")
            )
        standardised = (features.astype(np.float32) - self.mean) / self.sd
        sound = wave.astype(np.float32) / FULL
        return Window(sound, standardised, lips.astype(np.float32), sinks == 0, phones.astype(np.int64))

    def behind(self, frames: int, rng: np.random.Generator) -> np.ndarray:
        """(frames * 320,) of another voice, or of a sound that is none."""
        samples = frames * FRAME
        if rng.random() < 0.5:
            other = _bed(int(rng.integers(BEDS)))
        else:
            i = int(rng.integers(len(self.paths)))
            other = self.window(i, 0, min(frames, int(self.frames[i]))).wave
        return np.roll(np.resize(other, samples), rng.integers(samples))

    def batch(self, rng: np.random.Generator, size: int, seconds: float) -> tuple[Tensor, ...]:
        """(B, S) heard; of the clean sound (B, T, D) features, (B, T) whether they count, (B, T, K + 2) lips, (B, T) phonemes,
        (B, S) samples.
        """
        longer = int(rng.choice(LONGER))
        frames, rows = int(seconds * FPS) * longer, []
        for i in rng.choice(len(self.paths), max(1, size // longer), p=self.frames / self.frames.sum()):
            start = int(rng.integers(max(1, self.frames[i] - frames + 1)))
            whole = self.window(int(i), start, frames)
            heard = self._heard(whole, rng)
            if heard is None:
                noise = room_noise(rng, len(whole.wave))
                whole = self._silent(replace(whole, wave=noise), slice(None))
                heard = noise
            if rng.random() < PAUSES:
                middle = int(rng.integers(frames // 2))
                cut = slice(0, middle) if rng.random() < 0.5 else slice(frames - middle, frames)
                sounds = slice(cut.start * FRAME, cut.stop * FRAME)
                heard = heard.copy()
                heard[sounds] = room_noise(rng, len(heard))[sounds]
                whole = self._silent(whole, cut)
            rows.append((heard.astype(np.float32), whole.features, whole.counts, whole.lips, whole.phones, whole.wave))
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))

    def _heard(self, whole: Window, rng: np.random.Generator) -> np.ndarray | None:
        """How the window is recorded; None: nobody speaks in it."""
        kind = rng.random()
        if kind < ROOMS:
            return None
        if kind < ROOMS + WORSE:
            return augment(whole.wave, self.behind(len(whole.phones), rng), rng)
        return whole.wave * 10 ** (rng.uniform(-20, 6) / 20) if kind < ROOMS + WORSE + LEVELS else whole.wave

    def _silent(self, whole: Window, cut: slice) -> Window:
        """The window with the features, lips and phoneme of silence at some frames."""
        features, lips, counts, phones = whole.features.copy(), whole.lips.copy(), whole.counts.copy(), whole.phones.copy()
        features[cut], lips[cut], counts[cut], phones[cut] = self.silence[: len(phones)][cut], self.rest, True, REST
        return Window(whole.wave, features, lips, counts, phones)

    @staticmethod
    def _frames(path: Path) -> int:
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            return file.get_slice("phones").get_shape()[0]


@lru_cache(BEDS)
def _bed(i: int) -> np.ndarray:
    return (background(np.random.default_rng(i), BED_SECONDS * RATE) * BED_LEVEL).astype(np.float32)
