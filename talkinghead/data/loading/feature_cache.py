"""The cache of encoder features and motion of whole clips, and what is made anew where nothing is cached.

A clip has several versions: version 0 is the recording itself, the others are augmented: resampled to another speed (which also
changes pitch and formants), filtered, with background sound. Features (T, D) are float16 at 50 a second, motion (T, K) float32,
quiet (T,) and mel (T, 80) on the same clock: whether nobody speaks, and log-mel, of the recording before it was augmented. A
folder has one file a version of a clip; shards have shards again. The content does not depend on when the cache was filled or
whether that was interrupted. Clips that were prepared again are encoded again.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
import torch

from talkinghead.audio.activity import quiet_frames
from talkinghead.audio.augment import augment, coloured_noise
from talkinghead.audio.clock import FRAME, RATE, frame_times
from talkinghead.audio.mel import log_mel
from talkinghead.audio.synthetic_sounds import background
from talkinghead.data.loading.clip_reader import Target, known_at, motion_at, sound
from talkinghead.data.store.index import FPS, Index
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.fingerprint import file_stamp, fingerprint
from talkinghead.io.safetensors_slice import ByteRange, Tensors
from talkinghead.models.audio_encoder import AudioEncoder

VERSION = 5  # goes up when the same clips would be cached otherwise
SPEEDS = (0.8, 1.25)
SILENCE = 3  # likewise for the rooms in which nobody speaks
SILENT_CLIPS = 60
PLAIN = 0.35  # of them have no sound but noise
BEDS = 0.4  # of what is behind a voice is music or another sound, so that these alone, not with a voice, mean rest
SILENT_SECONDS = 4


def drawn_speed(rng: np.random.Generator) -> float:
    """How much faster a version is than the recording."""
    return float(np.exp(rng.uniform(*np.log(SPEEDS))))


def room_noise(rng: np.random.Generator, samples: int) -> np.ndarray:
    """(n,) what a microphone hears of a room in which nobody speaks: noise at -100 to -20 dB of full scale, or music, hum,
    clicks, signals or wind at -60 to -10 dB (see `background`).
    """
    if rng.random() < PLAIN:
        return (coloured_noise(rng, samples) * 10 ** rng.uniform(-5, -1)).astype(np.float32)
    return (background(rng, samples) * 10 ** rng.uniform(-3, -0.5)).astype(np.float32)


def encoded(encoder: AudioEncoder, wave: np.ndarray) -> np.ndarray:
    """(T, D) float16 features of (n,) samples."""
    samples = torch.from_numpy(wave.astype(np.float32))[None]
    with torch.inference_mode():
        return encoder(samples.to(next(encoder.parameters()).device))[0].half().cpu().numpy()


class FeatureCache:
    """The cached versions of the clips of one index, in `folder`."""

    def __init__(self, folder: Path, index: Index, targets: dict[str, Target], versions: int) -> None:
        self.folder, self.index, self.targets, self.versions = folder / index.name, index, targets, versions
        self.expressed = {name: _fingerprint(target) for name, target in targets.items()}
        self._tables: dict[int, np.ndarray] = {}

    def jobs(self, part: tuple[int, int] = (0, 1)) -> int:
        """How many versions of clips there are in the share of a process."""
        units = self.index.rows["block"] if self.index.sharded else np.arange(len(self.index))
        mine = units % part[1] == part[0]
        training = int((mine & (self.index.rows["split"] == 0)).sum())
        return int(mine.sum()) + training * (self.versions - 1)

    def count(self, i: int) -> int:
        """Versions of row i: validation and test clips are not augmented."""
        return self.versions if self.index.rows[i]["split"] == 0 else 1

    def fill(self, encoder: AudioEncoder, part: tuple[int, int]) -> Iterator[int]:
        """Write what is missing or out of date, yielding how many versions are done; `part` is (this process, of how many)."""
        if self.index.sharded:
            yield from self._fill_shards(encoder, part)
            return
        for i in range(part[0], len(self.index), part[1]):
            stamp = self._stamp(i)
            for version in range(self.count(i)):
                path = self._path(i, version)
                if _read_stamp(path) != stamp:
                    with replacing(path) as fresh:
                        fresh.write_bytes(self._version(encoder, i, version, stamp))
                yield 1

    def speed(self, i: int, version: int) -> float:
        """How much faster than the recording a version of row i is."""
        return drawn_speed(self._generator(i, version)) if version else 1.0

    def open(self, i: int, version: int) -> Tensors:
        """`features`, `motion`, `quiet` and `mel` of row i; (1, K) `known` if some coefficients are not.

        Raises InputError if they were not encoded.
        """
        if not self.index.sharded:
            place = ByteRange(self._path(i, version))
        else:
            block = int(self.index.rows[i]["block"])
            offset, length = self._table(block)[i - self._first(block), version]
            place = ByteRange(self._shard(block), int(offset), int(length))
        return Tensors(place, "feature cache")

    def _version(self, encoder: AudioEncoder, i: int, version: int, stamp: str) -> bytes:
        """One version of a clip as a safetensors file."""
        from safetensors.numpy import save

        row, where = self.index.rows[i], self._where(i)
        rng = self._generator(i, version)
        wave, speed = sound(self.index.audio(i), where), 1.0
        if version:
            speed = drawn_speed(rng)
            wave = soxr.resample(wave, RATE * speed, RATE)
        quiet, mel = quiet_at(wave), mel_at(wave)
        if version:
            other = self._other(i, rng)
            other = background(rng, len(wave)) if rng.random() < BEDS else np.resize(other, len(wave))
            wave = augment(wave, other, rng)
        features = encoded(encoder, wave)
        target = self.targets[self.index.annotations[row["annotation"]]]
        motion = motion_at(self.index.motion(i), target, frame_times(len(features), FPS) * speed, where)
        tensors = {"features": features, "motion": motion, "quiet": quiet, "mel": mel}
        known = known_at(self.index.motion(i), target, where)
        if not known.all():
            tensors["known"] = known[None]
        return save(tensors, {"stamp": stamp})

    def _generator(self, i: int, version: int) -> np.random.Generator:
        return np.random.default_rng([int(self.index.rows[i]["id"]), version])

    def _other(self, i: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) sound of another clip of the same shard or folder, as background of row i."""
        rows = self.index.rows
        low = int(np.searchsorted(rows["block"], rows[i]["block"], "left")) if self.index.sharded else 0
        high = int(np.searchsorted(rows["block"], rows[i]["block"], "right")) if self.index.sharded else len(rows)
        other = int(rng.integers(low, high))
        return sound(self.index.audio(other), self._where(other))

    def _where(self, i: int) -> str:
        return f"clip {self.index.clip(i).id}"

    def _path(self, i: int, version: int) -> Path:
        return self.folder / f"{int(self.index.rows[i]['id']):016x}-{version}.safetensors"

    def _stamp(self, i: int) -> str:
        """Changes when the sound, the motion, or what the motion is expressed in does."""
        clip = self.index.clip(i)
        try:
            files = [file_stamp(self.index.folder / name) for name in (clip.audio, clip.motion)]
        except OSError as error:
            raise InputError(f"clip {clip.id}: {error.filename}: {error.strerror}; prepare the dataset again") from None
        return fingerprint([VERSION, self.expressed[clip.annotation], files])

    # Shards

    def _shard(self, block: int) -> Path:
        return self.folder / self.index.blocks[block]

    def _first(self, block: int) -> int:
        return int(np.searchsorted(self.index.rows["block"], block, "left"))

    def _table(self, block: int) -> np.ndarray:
        """(clips of the shard, versions, 2) offset and length in the shard of the cache."""
        if block not in self._tables:
            try:
                self._tables[block] = np.load(self._shard(block).with_suffix(".npy"), mmap_mode="r")
            except OSError:
                raise InputError(f"{self._shard(block)}: features were not encoded; call encode first") from None
        return self._tables[block]

    def _fill_shards(self, encoder: AudioEncoder, part: tuple[int, int]) -> Iterator[int]:
        for block in range(part[0], len(self.index.blocks), part[1]):
            first, last = self._first(block), self._first(block + 1)
            shard = file_stamp(self.index.folder / self.index.blocks[block])
            stamp = fingerprint([VERSION, self.expressed, self.versions, shard])
            path, mark = self._shard(block), self._shard(block).with_suffix(".json")
            if mark.exists() and mark.read_text() == stamp and path.exists() and path.with_suffix(".npy").exists():
                yield sum(self.count(i) for i in range(first, last))
                continue
            mark.unlink(missing_ok=True)
            self._tables.pop(block, None)
            table = np.zeros((last - first, self.versions, 2), np.int64)
            with replacing(path) as fresh, tarfile.open(fresh, "w") as tar:
                for i in range(first, last):
                    for version in range(self.count(i)):
                        data = self._version(encoder, i, version, stamp)
                        member = tarfile.TarInfo(f"{i - first:06d}-{version}.safetensors")
                        member.size = len(data)
                        table[i - first, version] = tar.offset + 512, len(data)  # the header of a short name is one block
                        tar.addfile(member, io.BytesIO(data))
                        yield 1
            with replacing(path.with_suffix(".npy")) as fresh:
                np.save(fresh, table)
            with replacing(mark) as fresh:  # last: now the shard is whole
                fresh.write_text(stamp)


class Silence:
    """Features of room noise without speech."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, encoder: AudioEncoder) -> None:
        """Write what is missing."""
        from safetensors.numpy import save

        for i in range(SILENT_CLIPS):
            path = self._path(i)
            if not path.exists():
                noise = room_noise(np.random.default_rng([1, i]), SILENT_SECONDS * RATE)
                with replacing(path) as fresh:
                    fresh.write_bytes(save({"features": encoded(encoder, noise)}))

    def window(self, frames: int, rng: np.random.Generator) -> np.ndarray:
        """(frames, D) float16 of a random stretch."""
        with Tensors(ByteRange(self._path(int(rng.integers(SILENT_CLIPS)))), "feature cache") as tensors:
            start = int(rng.integers(max(1, tensors.shape("features")[0] - frames + 1)))
            return pad_last(tensors.rows("features", start, start + frames), frames)

    def _path(self, i: int) -> Path:
        return self.folder / f"silence-{SILENCE}-{i}.safetensors"


def quiet_at(wave: np.ndarray) -> np.ndarray:
    """(T,) float16 at 50 a second: 1 where nobody speaks, else 0, see `metrics.quiet_frames`."""
    return quiet_frames(wave, RATE, max(1, -(-len(wave) // FRAME)), FPS).astype(np.float16)


def mel_at(wave: np.ndarray) -> np.ndarray:
    """(T, 80) float16 at 50 a second, see `models.sync.log_mel`."""
    return log_mel(torch.from_numpy(np.asarray(wave, np.float32))[None])[0].half().numpy()


def heard_window(
    place: ByteRange, other: ByteRange | None, start: int, frames: int, speed: float, where: str, rng
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(frames * 320,) samples of a window from frame `start` on of a version `speed` times as fast, with `other` behind it.

    And (frames,) its `quiet_at` and (frames, 80) its `mel_at`, of the sound before it was augmented.
    """
    first, length = round(start * FRAME * speed), round(frames * FRAME * speed)
    wave = sound(place, where, first, first + length)
    if other is None:
        return wave, quiet_at(wave), mel_at(wave)
    wave = np.resize(soxr.resample(wave, RATE * speed, RATE), frames * FRAME)
    behind = background(rng, len(wave)) if rng.random() < BEDS else sound(other, where, 0, len(wave))
    return augment(wave, behind, rng).astype(np.float32), quiet_at(wave), mel_at(wave)


def pad_last(values: np.ndarray, length: int) -> np.ndarray:
    """The first `length` rows; the last one is repeated if there are fewer."""
    return values[np.minimum(np.arange(length), len(values) - 1)]


def _fingerprint(target: Target) -> str:
    """Changes with the names of the coefficients and the shapes that they weigh."""
    basis = target.head.basis if target.head is not None and target.annotation != "arkit" else None
    return fingerprint([target.names, basis])


def _read_stamp(path: Path) -> str | None:
    """Of what a cached file was made; None if there is none or it cannot be read."""
    if not path.exists():
        return None
    try:
        with Tensors(ByteRange(path), "feature cache") as tensors:
            return tensors.metadata.get("stamp")
    except InputError:
        return None
