"""Speech that nobody filmed: recordings with phoneme times, from which lips learn where to meet and where to rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from talkinghead.audio import RATE, frame_times, load_audio
from talkinghead.data.features import encoded
from talkinghead.errors import InputError
from talkinghead.face.phonemes import BILABIALS
from talkinghead.files import replacing
from talkinghead.models.audio_encoder import FPS, AudioEncoder

CLOSURE = 0.7  # of a bilabial as aligners cut it, lips are shut in the first part; then comes the burst
PAUSE, EDGE = 0.3, 0.15  # seconds: in silences this long, and this far from speech, lips rest


@dataclass
class Speech:
    """Speech that nobody filmed: features (B, T, D), and (B, T) in {0, 1} where lips must be shut, and where they rest."""

    features: Tensor
    shut: Tensor
    rest: Tensor

    def to(self, device: torch.device | str) -> Speech:
        """The same on a device."""
        return Speech(*(getattr(self, f.name).to(device) for f in fields(self)))


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

    def encode(self, encoder: AudioEncoder, tag: str, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Fill the cache; `tag` names the encoder."""
        self.cache = self.cache / tag
        for done, (recording, _) in enumerate(self.clips, 1):
            progress(done, len(self.clips))
            if not _up_to_date(self._path(recording), recording):
                features = encoded(encoder, load_audio(recording, RATE))
                with replacing(self._path(recording)) as fresh:
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


def _window(length: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    """(frames,) indices of a random stretch of a clip, its last frame held if it is shorter."""
    start = int(rng.integers(max(1, length - frames + 1)))
    return np.clip(np.arange(start, start + frames), 0, length - 1)


def _up_to_date(cached: Path, *sources: Path) -> bool:
    """Whether a cached file is newer than what it was made from: data that was prepared again is read again."""
    return cached.exists() and all(cached.stat().st_mtime >= source.stat().st_mtime for source in sources if source.exists())
