"""Prepared clips as micro-batches: features of a frozen encoder from the cache, or sound, and the motion of the same frames.

B batch, T motion frames at 50 a second, D features, K coefficients of one annotation. The order of windows is in
`data.loading.sampler`, reading a part of a clip in `clip_reader`, the cache in `feature_cache`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from talkinghead.audio.clock import FPS, FRAME, frame_times
from talkinghead.audio.mel import WIDTH as MEL
from talkinghead.data.loading.batch import Batch
from talkinghead.data.loading.clip_reader import Target, known_at, motion_at, motion_header, motion_of, sound
from talkinghead.data.loading.feature_cache import FeatureCache, Silence, drawn_speed, heard_window, pad_last, room_noise
from talkinghead.data.loading.sampler import GROUP, AnnotationCycle, Order, Windows
from talkinghead.data.manifest import SPLITS, Clip
from talkinghead.data.motion_file import animation_of, head_of
from talkinghead.data.store.index import Index
from talkinghead.errors import InputError
from talkinghead.fingerprint import fingerprint
from talkinghead.head.head import Head
from talkinghead.io.safetensors_slice import Tensors
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import EMOTIONS as EMOTIONS
from talkinghead.speech.labels import UNKNOWN as UNKNOWN
from talkinghead.speech.labels import frame_labels, phone_number
from talkinghead.speech.phonemes import SILENCE

# Share of the windows that are replaced by room noise with motion 0, which is rest in every annotation (nearly so in FLAME's).
SILENT_SHARE = 0.06


class TrainingData:
    """Prepared folders, or folders of shards, as what a training asks for.

    `annotations` are names of coefficients by annotation, `heads` the heads that they weigh shapes of (None: no mesh is known),
    `speakers` those of the training clips (style 1 + index), `seconds` of training clips by annotation. Annotations of the same
    name in several folders are one: vertices are projected on the first folder's shapes. Clips are numbered over all folders.

    cached: features are encoded once (`encode`) in `versions` versions of each training clip; otherwise windows of sound are
    given, and a share of 1 - 1 / versions of them is augmented anew each time. `names` and `heads` of a trained model win over
    those of the data. Raises InputError, one line, for whatever is wrong with the data.
    """

    def __init__(
        self,
        folders: list[Path],
        cache: Path,
        *,
        versions: int = 4,
        cached: bool = True,
        names: dict[str, list[str]] | None = None,
        heads: dict[str, Head] | None = None,
    ) -> None:
        if not folders:
            raise InputError("data: name at least one prepared folder")
        self.root, self.versions, self.cached, self.tag = Path(cache), versions, cached, ""
        self.indices = [Index(folder, self.root) for folder in folders]
        self.starts = np.cumsum([0, *(len(index) for index in self.indices)])
        found = sorted({name for index in self.indices for name in index.annotations})
        self.heads: dict[str, Head | None] = {name: (heads or {}).get(name) or self._head(name) for name in found}
        self.annotations = {name: list((names or {}).get(name) or self._names(name)) for name in found}
        self.targets = {a: Target(a, tuple(self.annotations[a]), self.heads[a]) for a in found}
        self.seconds: dict[str, float] = {}
        for index in self.indices:
            for name, seconds in index.seconds.items():
                self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.speakers = sorted(set().union(*(index.training for index in self.indices)))
        place = {name: 1 + i for i, name in enumerate(self.speakers)}
        self.styles = [np.array([place.get(name, 0) for name in index.speakers]) for index in self.indices]
        self.annotation_cycle = AnnotationCycle(self.seconds) if self.seconds else None
        self._orders: dict[tuple[str, int], Order] = {}
        self._use("")

    def encode(
        self,
        encoder: AudioEncoder,
        tag: str,
        progress: Callable[[int, int], None] = lambda done, total: None,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        """Fill the cache; `tag` names the encoder, so that another one's features are not mistaken for it.

        part: (this process, of how many); each does its share, and all must have done theirs before the data are used.
        """
        self._use(tag)
        self.silence.fill(encoder)
        total, done = sum(cache.jobs(part) for cache in self.caches), 0
        for cache in self.caches:
            for number in cache.fill(encoder, part):
                done += number
                progress(done, total)

    def micro_batch(self, seed: tuple[int, ...], j: int, size: int, frames: int) -> Batch:
        """Micro-batch j of a training: a pure function of its arguments. (size) windows of (frames) at 50 a second."""
        annotation, turn = self._cycle().at(j)
        order = self._order(annotation, frames)
        samples = [self._sample(order, annotation, seed, turn * size + place, frames) for place in range(size)]
        sounds = torch.from_numpy(np.stack([sample[0] for sample in samples])).float()
        return Batch(
            annotation=annotation,
            motion=torch.from_numpy(np.stack([sample[1] for sample in samples])),
            style=torch.tensor([sample[2] for sample in samples]),
            features=sounds if self.cached else None,
            wave=None if self.cached else sounds,
            emotion=torch.tensor([sample[3] for sample in samples]),
            intensity=torch.tensor([sample[4] for sample in samples], dtype=torch.float32),
            quiet=torch.from_numpy(np.stack([sample[5] for sample in samples])).float(),
            mask=torch.from_numpy(np.stack([sample[6] for sample in samples])).float(),
            phones=torch.from_numpy(np.stack([sample[7] for sample in samples])),
            mel=torch.from_numpy(np.stack([sample[8] for sample in samples])).float(),
        )

    def loader(self, seed: tuple[int, ...], js: Iterable[int], size: int, frames: int, workers: int = 0) -> Iterator[Batch]:
        """The micro-batches `js` in their order, made by `workers` processes ahead of time; the same for any number of them."""
        self.windows(frames)
        if workers and not self.cached:
            for annotation, target in self.targets.items():
                if self._recorded(annotation) is None:
                    target.ready()
        batches = _MicroBatches(self, seed, size, frames)
        pin = torch.cuda.is_available()
        # A generator of its own: the loader draws from it, and must not change what the training draws.
        loader = DataLoader(batches, None, sampler=js, num_workers=workers, generator=torch.Generator(), pin_memory=pin)  # pyright: ignore
        for batch in loader:
            if isinstance(batch, InputError):
                raise batch
            yield batch

    def windows(self, frames: int) -> int:
        """How many windows an epoch has. Raises InputError if no clip is for training."""
        self._cycle()
        return sum(self._order(annotation, frames).windows.total for annotation in self.seconds)

    def epoch_of(self, j: int, size: int, frames: int) -> float:
        """How many times the data were seen before micro-batch j."""
        return j * size / self.windows(frames)

    def split(self, name: str) -> list[int]:
        """Numbers of the clips of train, val or test."""
        number = SPLITS.index(name)
        return [
            int(start + i)
            for start, index in zip(self.starts, self.indices, strict=False)
            for i in np.flatnonzero(index.rows["split"] == number)
        ]

    def clip(self, i: int) -> Clip:
        """The manifest's entry of clip i."""
        index, row, _ = self._find(i)
        return index.clip(row)

    @property
    def emotional(self) -> bool:
        """Whether any training clip is said to show an emotion."""
        return any(((index.rows["split"] == 0) & (index.rows["emotion"] > 0)).any() for index in self.indices)

    def emotion(self, i: int) -> tuple[int, float]:
        """Index into EMOTIONS and intensity of clip i; neutral where nobody told."""
        index, row, _ = self._find(i)
        return int(index.rows[row]["emotion"]), float(index.rows[row]["intensity"])

    def style(self, i: int) -> int:
        """1 + index into `speakers`, or 0 for somebody who is in no training clip."""
        index, row, number = self._find(i)
        return int(self.styles[number][index.rows[row]["speaker"]])

    def whole(self, i: int, version: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(T, D) float32 features, or (n,) samples where nothing is cached, and (T, K) motion of clip i."""
        index, row, number = self._find(i)
        if self.cached:
            with self.caches[number].open(row, version) as tensors:
                return tensors.rows("features").astype(np.float32), tensors.rows("motion").copy()
        where = f"clip {index.clip(row).id}"
        wave = sound(index.audio(row), where)
        times = frame_times(max(1, -(-len(wave) // FRAME)), FPS)
        return wave, motion_at(index.motion(row), self._target(index, row), times, where)

    def known(self, i: int) -> np.ndarray:
        """(K,) float32: 1 where the motion of clip i has the coefficient of its annotation."""
        index, row, _ = self._find(i)
        return known_at(index.motion(row), self._target(index, row), f"clip {index.clip(row).id}")

    def animation(self, i: int) -> Animation:
        """The recorded motion of clip i on its own head at its own rate, see `data.motion_file.read_animation`."""
        index, row, _ = self._find(i)
        clip = index.clip(row)
        return animation_of(motion_of(index.motion(row), f"clip {clip.id}"), head_of(index.folder, clip), f"clip {clip.id}")

    def _sample(self, order: Order, annotation: str, seed: tuple[int, ...], position: int, frames: int) -> tuple:
        """(sound, motion, style, emotion, intensity, quiet, known, phones, mel) of one window; what is random is its own."""
        i, window, windows = order.at((*seed, _number(annotation)), position)
        rng = np.random.default_rng([*seed, _number(annotation), position])
        index, row, number = self._find(i)
        entry = index.rows[row]
        shift, version, silent = rng.random(), int(rng.integers(self.versions)), rng.random() < SILENT_SHARE
        if silent:
            heard = self.silence.window(frames, rng) if self.cached else room_noise(rng, frames * FRAME)
            width = len(self.annotations[annotation])
            still, known = np.zeros((frames, width), np.float32), np.ones(width, np.float32)
            return heard, still, 0, 0, 0.0, np.ones(frames), known, *_silent(frames)
        place = (window + shift) / windows
        read = self._cached_window if self.cached else self._fresh_window
        heard, motion, quiet, known, phones, mel = read(index, row, number, version, place, frames, rng)
        style = int(self.styles[number][entry["speaker"]])
        told = style, int(entry["emotion"]), float(entry["intensity"])
        return heard, motion, *told, quiet.astype(np.float64), known, phones, mel

    def _cached_window(self, index: Index, row: int, number: int, version: int, place: float, frames: int, rng) -> tuple:
        with self.caches[number].open(row, version) as tensors:
            length = tensors.shape("features")[0]
            start = int(place * max(1, length - frames + 1))
            heard, motion, quiet, mel = (
                pad_last(tensors.rows(name, start, start + frames), frames) for name in ("features", "motion", "quiet", "mel")
            )
            known = tensors.rows("known")[0] if "known" in tensors else np.ones(motion.shape[1], np.float32)
        times = frame_times(length, FPS)[start : start + frames] * self.caches[number].speed(row, version)
        return heard, motion, quiet, known, pad_last(frame_labels(index.clip(row).phonemes, times), frames), mel

    def _fresh_window(self, index: Index, row: int, number: int, version: int, place: float, frames: int, rng) -> tuple:
        speed = drawn_speed(rng) if version else 1.0
        length = max(1, int(np.ceil(index.rows[row]["frames"] / speed)))
        start, where = int(place * max(1, length - frames + 1)), f"clip {index.clip(row).id}"
        other = index.audio(int(rng.integers(len(index)))) if version else None
        heard, quiet, mel = heard_window(index.audio(row), other, start, frames, speed, where, rng)
        times = frame_times(start + frames, FPS)[start:]
        times = np.minimum(times, frame_times(length, FPS)[-1]) * speed
        there, target = index.motion(row), self._target(index, row)
        phones = frame_labels(index.clip(row).phonemes, times)
        return heard, motion_at(there, target, times, where), quiet, known_at(there, target, where), phones, mel

    def _use(self, tag: str) -> None:
        self.tag = tag
        self.caches = [FeatureCache(self.root / tag, index, self.targets, self.versions) for index in self.indices]
        self.silence = Silence(self.root / tag)

    def _find(self, i: int) -> tuple[Index, int, int]:
        """Folder, row in it and number of the folder of clip i."""
        number = int(np.searchsorted(self.starts, i, "right")) - 1
        return self.indices[number], i - int(self.starts[number]), number

    def _target(self, index: Index, row: int) -> Target:
        return self.targets[index.annotations[index.rows[row]["annotation"]]]

    def _cycle(self) -> AnnotationCycle:
        if self.annotation_cycle is None:
            raise InputError(f"data {', '.join(str(i.folder) for i in self.indices)}: no clip is in split 'train'")
        return self.annotation_cycle

    def _order(self, annotation: str, frames: int) -> Order:
        key = annotation, frames
        if key not in self._orders:
            key_of_data = fingerprint([[index.path.name for index in self.indices], annotation])
            path = self.root / "index" / f"windows-{key_of_data}-{frames}.npy"
            windows = Windows(path) if path.exists() else self._count_windows(path, annotation, frames)
            self._orders[key] = Order(windows, GROUP if any(index.sharded for index in self.indices) else None)
        return self._orders[key]

    def _count_windows(self, path: Path, annotation: str, frames: int) -> Windows:
        rows, lengths, blocks, before = [], [], [], 0
        for start, index in zip(self.starts, self.indices, strict=False):
            if annotation in index.annotations:
                number = index.annotations.index(annotation)
                mine = np.flatnonzero((index.rows["split"] == 0) & (index.rows["annotation"] == number))
                rows.append(start + mine)
                lengths.append(index.rows["seconds"][mine] * FPS)
                blocks.append(before + index.rows["block"][mine])
            before += len(index.blocks)
        return Windows.make(path, np.concatenate(rows), np.concatenate(lengths), np.concatenate(blocks), frames)

    def _first(self, annotation: str) -> tuple[Index, int]:
        """The first clip of an annotation."""
        index = next(index for index in self.indices if annotation in index.annotations)
        return index, int(np.argmax(index.rows["annotation"] == index.annotations.index(annotation)))

    def _head(self, annotation: str) -> Head | None:
        index, _ = self._first(annotation)
        file = index.heads[annotation]
        if file is None:
            return Head.default() if annotation == "arkit" else None
        return Head.load(index.folder / file)

    def _names(self, annotation: str) -> list[str]:
        """Names of the coefficients: of the first clip of each folder, or of the head's shapes where clips hold vertices."""
        head, names = self.heads[annotation], self._recorded(annotation)
        if names is not None:
            return names
        if head is None:
            index, row = self._first(annotation)
            raise InputError(f"clip {index.clip(row).id}: holds vertices but names no head; prepare the dataset again")
        return list(head.names)

    def _recorded(self, annotation: str) -> list[str] | None:
        """Names of the coefficients of the first clip of each folder; None where clips hold vertices."""
        found: dict[str, None] = {}
        for index in self.indices:
            if annotation not in index.annotations:
                continue
            row = int(np.argmax(index.rows["annotation"] == index.annotations.index(annotation)))
            motion = index.motion(row)
            with Tensors(motion, f"clip {index.clip(row).id}") as tensors:
                if "offsets" in tensors:
                    return None
                found |= dict.fromkeys(motion_header(tensors)[1])
        return list(found)


class _MicroBatches(Dataset):
    """Micro-batches by number. What is wrong with the data is handed over, since a worker's error would be a page long."""

    def __init__(self, data: TrainingData, seed: tuple[int, ...], size: int, frames: int) -> None:
        self.data, self.arguments = data, (seed, size, frames)

    def __getitem__(self, j: int) -> Batch | InputError:
        seed, size, frames = self.arguments
        try:
            return self.data.micro_batch(seed, j, size, frames)
        except InputError as error:
            return error


def _silent(frames: int) -> tuple[np.ndarray, np.ndarray]:
    """(T,) phonemes and (T, 80) log-mel of a room in which nobody speaks."""
    return np.full(frames, phone_number(SILENCE), np.int64), np.zeros((frames, MEL), np.float16)


def _number(annotation: str) -> int:
    """Of a name, to seed with."""
    return zlib.crc32(annotation.encode())
