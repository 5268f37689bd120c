"""Prepared clips as training batches: encoder features and motion on the model's clock, cached on disk.

B batch, T motion frames at 50 a second, D features, K coefficients. A clip is cached in several versions: version 0 is the
recording itself, the others are slower or faster (which also changes the voice) and recorded worse.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from talkinghead.audio import RATE, frame_times, load_audio
from talkinghead.data.augment import coloured_noise, spoil
from talkinghead.data.manifest import Clip, read_manifest
from talkinghead.data.motion import read_motion
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.models.audio_encoder import FPS, AudioEncoder

SPEEDS = (0.8, 1.25)
SILENT_SHARE = 0.06  # of a batch: room noise, at which a face rests
SILENT_CLIPS = 24
BILABIALS = {"P", "B", "M"}
CLOSURE = 0.7  # of a bilabial as aligners cut it, lips are shut in the first part; then comes the burst
PAUSE, EDGE = 0.3, 0.15  # seconds: in silences this long, and this far from speech, lips rest


@dataclass
class Speech:
    """Speech that nobody filmed: features (B, T, D), and (B, T) in {0, 1} where lips must be shut, and where they rest."""

    features: Tensor
    shut: Tensor
    rest: Tensor


@dataclass
class Batch:
    """features (B, T, D), motion (B, T, K), style (B,) index of the speaker, and speech without motion where there is any."""

    features: Tensor
    motion: Tensor
    style: Tensor
    speech: Speech | None = None


class MotionDataset:
    """Clips of prepared folders. `names` are the K coefficients in the model's order; speakers become styles."""

    def __init__(self, folders: list[Path], names: list[str], cache: Path, versions: int) -> None:
        self.names, self.cache, self.versions = names, cache, versions
        self.clips: list[tuple[Path, Clip]] = [(folder, clip) for folder in folders for clip in read_manifest(folder)]
        ids = [clip.id for _, clip in self.clips]
        if len(set(ids)) < len(ids):
            raise InputError(f"data: clip {next(i for i in ids if ids.count(i) > 1)!r} is in two places; give clips unique ids")
        self.speakers = sorted({clip.speaker for _, clip in self.clips})

    def split(self, name: str) -> list[int]:
        """Indices of the clips of train, val or test."""
        return [i for i, (_, clip) in enumerate(self.clips) if clip.split == name]

    @torch.inference_mode()
    def encode(self, encoder: AudioEncoder, tag: str, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Fill the cache; `tag` names the encoder, so that another one's features are not mistaken for it."""
        self.cache = self.cache / tag
        jobs = [(i, v) for i, (_, clip) in enumerate(self.clips) for v in range(self.versions if clip.split == "train" else 1)]
        last: int | None = None  # whose voice is noise behind the next: by place, so that an interrupted cache is filled alike
        for done, (i, version) in enumerate(jobs, 1):
            progress(done, len(jobs))
            before, last = last, i if version else last
            path, (folder, clip) = self._path(i, version), self.clips[i]
            if _up_to_date(path, folder / clip.audio, folder / clip.motion):
                continue
            wave = self._wave(i)
            rng = np.random.default_rng([zlib.crc32(clip.id.encode()), version])
            speed = float(np.exp(rng.uniform(*np.log(SPEEDS)))) if version else 1.0
            if version:
                wave = soxr.resample(wave, RATE * speed, RATE)
                other = np.zeros(1, np.float32) if before is None else self._wave(before)
                wave = spoil(wave, np.resize(other, len(wave)), rng)
            features = _features(encoder, wave)
            motion = self._motion(i, len(features), speed)
            with replacing(path) as fresh:
                np.savez(fresh, features=features, motion=motion)
        for i in range(SILENT_CLIPS):
            path = self.cache / f"silence-{i}.npz"
            if not path.exists():
                rng = np.random.default_rng([1, i])
                with replacing(path) as fresh:
                    np.savez(fresh, features=_features(encoder, coloured_noise(rng, 8 * RATE) * 10 ** rng.uniform(-5, -1)))

    def clip(self, i: int, version: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Cached (T, D) features and (T, K) motion of a whole clip."""
        with np.load(self._path(i, version)) as file:
            return file["features"], file["motion"]

    def batch(self, indices: list[int], weights: np.ndarray, size: int, frames: int, rng: np.random.Generator) -> Batch:
        """Random windows of `frames` from clips drawn with probability `weights`; the end of short clips is held."""
        features, motions, styles = [], [], []
        for i in rng.choice(indices, size=size, p=weights):
            feature, motion = self.clip(int(i), int(rng.integers(self.versions)))
            style = 1 + self.speakers.index(self.clips[i][1].speaker)
            if rng.random() < SILENT_SHARE:
                with np.load(self.cache / f"silence-{rng.integers(SILENT_CLIPS)}.npz") as file:
                    feature = file["features"]
                motion, style = np.zeros((len(feature), len(self.names)), np.float32), 0
            window = _window(len(feature), frames, rng)
            features.append(feature[window])
            motions.append(motion[window])
            styles.append(style)
        return Batch(
            torch.from_numpy(np.stack(features)).float(), torch.from_numpy(np.stack(motions)).float(), torch.tensor(styles)
        )

    def durations(self, indices: list[int]) -> np.ndarray:
        """Probability of each clip in proportion to its length."""
        seconds = np.array([self.clips[i][1].duration for i in indices])
        return seconds / seconds.sum()

    def _wave(self, i: int) -> np.ndarray:
        folder, clip = self.clips[i]
        return load_audio(folder / clip.audio, RATE)

    def _path(self, i: int, version: int) -> Path:
        return self.cache / f"{self.clips[i][1].id}-{version}.npz"

    def _motion(self, i: int, frames: int, speed: float) -> np.ndarray:
        """(T, K) float32 of a clip on the model's clock, by monotone cubics, which overshoot neither closure nor opening."""
        folder, clip = self.clips[i]
        motion = read_motion(folder / clip.motion)
        coefficients, names, fps = motion.coefficients, list(motion.names), motion.fps
        if coefficients is None:
            raise InputError(f"{folder / clip.motion}: holds vertices, the model needs coefficients")
        missing = [name for name in self.names if name not in names]
        if missing:
            raise InputError(f"{folder / clip.motion}: has no {missing[0]}, which the model needs")
        source = frame_times(len(coefficients), fps)
        times = np.clip(frame_times(frames, FPS) * speed, source[0], source[-1])
        return PchipInterpolator(source, coefficients[:, [names.index(n) for n in self.names]])(times).astype(np.float32)


class SpeechDataset:
    """Recordings with phoneme times: sound files and `phones.jsonl`, lines {"id": ..., "phones": [[ARPAbet, start, end], ...]}.

    The last `held_out` recordings by id are left out, to measure on.
    """

    def __init__(self, folder: Path, cache: Path, held_out: int) -> None:
        try:
            lines = [json.loads(line) for line in (folder / "phones.jsonl").read_text(encoding="utf-8").splitlines()]
            phones = {str(line["id"]): line["phones"] for line in lines}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"speech {folder}: its phones.jsonl cannot be read ({error})") from None
        sounds = {path.stem: path for path in folder.iterdir() if path.suffix != ".jsonl"}
        ids = sorted(i for i in phones if i in sounds)
        self.clips = [(sounds[i], phones[i]) for i in ids[: len(ids) - held_out]]
        if not self.clips:
            raise InputError(f"speech {folder}: no recording of phones.jsonl is there")
        self.cache = cache

    @torch.inference_mode()
    def encode(self, encoder: AudioEncoder, tag: str, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Fill the cache, as `MotionDataset.encode` does."""
        self.cache = self.cache / tag
        for done, (sound, _) in enumerate(self.clips, 1):
            progress(done, len(self.clips))
            if not _up_to_date(self._path(sound), sound):
                features = _features(encoder, load_audio(sound, RATE))
                with replacing(self._path(sound)) as fresh:
                    np.savez(fresh, features=features)

    def batch(self, size: int, frames: int, rng: np.random.Generator) -> Speech:
        """Random windows of `frames` from recordings, each as likely as another."""
        features, shut, rest = [], [], []
        for i in rng.integers(len(self.clips), size=size):
            sound, phones = self.clips[i]
            with np.load(self._path(sound)) as file:
                feature = file["features"]
            window = _window(len(feature), frames, rng)
            features.append(feature[window])
            for target, mask in zip((shut, rest), lip_masks(phones, len(feature)), strict=True):
                target.append(mask[window])
        return Speech(*(torch.from_numpy(np.stack(values)).float() for values in (features, shut, rest)))

    def _path(self, sound: Path) -> Path:
        return self.cache / f"speech-{sound.stem}.npz"


def lip_masks(phones: list, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) bool, twice: where [[phone, start, end]...] shut the lips, and where lips rest."""
    times = frame_times(frames, FPS)
    shut, rest = np.zeros(frames, bool), np.zeros(frames, bool)
    for phone, start, end in phones:
        if phone in BILABIALS:
            shut |= (times >= start) & (times <= start + CLOSURE * (end - start))
        elif phone == "SIL" and end - start > PAUSE:
            rest |= (times > start + EDGE) & (times < end - EDGE)
    return shut, rest


def _features(encoder: AudioEncoder, wave: np.ndarray) -> np.ndarray:
    """(T, D) float16 features of (n,) samples."""
    samples = torch.from_numpy(wave.astype(np.float32))[None]
    return encoder(samples.to(next(encoder.parameters()).device))[0].half().cpu().numpy()


def _window(length: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames,) indices of a random stretch of a clip, its last frame held if it is shorter."""
    start = int(rng.integers(max(1, length - frames + 1)))
    return np.clip(np.arange(start, start + frames), 0, length - 1)


def _up_to_date(cached: Path, *sources: Path) -> bool:
    """Whether a cached file is newer than what it was made from: data that was prepared again is read again."""
    return cached.exists() and all(cached.stat().st_mtime >= source.stat().st_mtime for source in sources if source.exists())
