"""Reads parts of a clip's sound and motion from a file or a shard, without the rest of the clip. Errors name the clip.

T frames on the model's clock (50 a second), K coefficients, V vertices, n samples at 16 kHz.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from io import BytesIO

import numpy as np

from talkinghead.audio.clock import RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import FPS
from talkinghead.data.motion_file import ARRAYS, Motion, read_motion
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.io.files import parse_json
from talkinghead.io.safetensors_slice import ByteRange, Tensors

MARGIN = 3  # frames beside a window that monotone cubics look at


class Target:
    """What the motion of one annotation is expressed in: `names` of coefficients, and the head whose shapes they weigh.

    Vertices are projected on the head's shapes by least squares; coefficients are taken by name.
    """

    def __init__(self, annotation: str, names: tuple[str, ...], head: Head | None) -> None:
        self.annotation, self.names, self.head = annotation, names, head

    def project(self, offsets: np.ndarray, where: str) -> np.ndarray:
        """(T, V, 3) metres -> (T, K) weights, as `data.motion_file.project` but made ready once for many windows."""
        if self.head is None or offsets.shape[1:] != self.head.template.shape:
            vertices = "no head is known" if self.head is None else f"its head has {len(self.head.template)}"
            raise InputError(f"{where}: motion of {offsets.shape[1]} vertices, {vertices}; prepare the dataset again")
        flat, inverse = self._solver
        return ((offsets.reshape(len(offsets), -1) @ flat.T).astype(np.float64) @ inverse).astype(np.float32)

    def ready(self) -> None:
        """Compute once, before processes are started, what `project` needs."""
        _ = self._solver

    @cached_property
    def _solver(self) -> tuple[np.ndarray, np.ndarray]:
        """(K, 3V) shapes and the (K, K) inverse of their products."""
        assert self.head is not None
        rows = [self.head.index(name) for name in self.names]
        flat = self.head.basis.reshape(len(self.head.basis), -1)
        flat = flat if rows == list(range(len(flat))) else flat[rows]
        gram = np.zeros((len(flat), len(flat)))
        for part in np.array_split(flat, max(1, flat.shape[1] // 8192), axis=1):  # in float64, without a copy of it all
            gram += part.astype(np.float64) @ part.T.astype(np.float64)
        try:
            return flat, np.linalg.inv(gram)
        except np.linalg.LinAlgError:  # shapes that are combinations of others
            return flat, np.linalg.pinv(gram)


def motion_at(place: ByteRange, target: Target, times: np.ndarray, where: str) -> np.ndarray:
    """(T, K) float32 of a clip's motion at (T,) seconds, by monotone cubics, which overshoot neither closure nor opening.

    Beyond its ends the first or last frame is repeated; names that the clip lacks are 0, see `known_at`. Reads only the
    frames that it needs.
    """
    with Tensors(place, where) as tensors:
        fps, names = motion_header(tensors)
        kind = "offsets" if "offsets" in tensors else "coefficients"
        total = tensors.shape(kind)[0]
        if not total:
            raise InputError(f"{where}: has no frames of motion; prepare the dataset again")
        first = max(0, min(total - 1, int(np.floor(times[0] * fps - 0.5))) - MARGIN)
        last = min(total, max(0, int(np.ceil(times[-1] * fps - 0.5))) + MARGIN + 1)
        values = tensors.rows(kind, first, last)
    piece = Motion(fps, names, offsets=values) if kind == "offsets" else Motion(fps, names, values)
    return _interpolated(piece, total, first, target, times, where)


def known_at(place: ByteRange, target: Target, where: str) -> np.ndarray:
    """(K,) float32 mask: 1 where the clip's motion has the coefficient, 0 where it was not measured (vertices have all)."""
    with Tensors(place, where) as tensors:
        if "offsets" in tensors:
            return np.ones(len(target.names), np.float32)
        names = motion_header(tensors)[1]
    return np.array([name in names for name in target.names], np.float32)


def motion_header(tensors: Tensors) -> tuple[float, tuple[str, ...]]:
    """Frame rate and names of coefficients of a motion file. Raises InputError if it is none."""
    try:
        text = parse_json(tensors.metadata["motion"])
        fps, names = float(text["fps"]), tuple(text["names"])
        if not FPS[0] <= fps <= FPS[1]:
            raise ValueError(f"{fps} frames a second")
        if not all(isinstance(name, str) for name in names):
            raise ValueError("names that are no text")
        return fps, names
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{tensors.where}: not a motion file ({error!r}); prepare the dataset again") from None


def motion_of(place: ByteRange, where: str) -> Motion:
    """All that a motion file holds, also one inside a shard."""
    if place.length is None:
        return read_motion(place.path)
    with Tensors(place, where) as tensors:
        fps, names = motion_header(tensors)
        arrays = {name: tensors.rows(name) for name in ARRAYS if name in tensors}
        return replace(Motion(fps, names, meta=parse_json(tensors.metadata["motion"]).get("meta", {})), **arrays)


def _interpolated(piece: Motion, total: int, first: int, target: Target, times: np.ndarray, where: str) -> np.ndarray:
    from scipy.interpolate import PchipInterpolator

    values = piece.coefficients if piece.coefficients is not None else piece.offsets
    assert values is not None
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(1)
    if bad.any():
        frame = first + int(np.argmax(bad))
        raise InputError(f"{where}: its motion is not a finite number in frame {frame}; prepare the dataset again")
    if piece.offsets is not None:
        values = target.project(piece.offsets, where)
    else:
        if values.shape[1:] != (len(piece.names),):
            raise InputError(f"{where}: its motion is {values.shape} and has {len(piece.names)} names; prepare it again")
        columns = _columns(piece.names, target, where)
        values = np.concatenate([values, np.zeros_like(values[:, :1])], 1)[:, columns]
    source = frame_times(total, piece.fps)[first : first + len(values)]
    if len(values) == 1:
        return np.repeat(values, len(times), 0).astype(np.float32)
    return PchipInterpolator(source, values)(np.clip(times, source[0], source[-1])).astype(np.float32)


def _columns(names: tuple[str, ...], target: Target, where: str) -> list[int]:
    """Where each of the target's names is; len(names) for those that are not there."""
    place = {name: i for i, name in enumerate(names)}
    if not place.keys() & set(target.names):
        raise InputError(
            f"{where}: its motion has no {target.names[0]} nor any other name that {target.annotation} has elsewhere; "
            "prepare it again"
        )
    return [place.get(name, len(names)) for name in target.names]


def sound(place: ByteRange, where: str, start: int = 0, stop: int | None = None) -> np.ndarray:
    """(n,) float32 samples start..stop at 16 kHz; silence beyond the ends. Whole files are checked as `load_audio` does."""
    if place.length is None and (stop is None or place.path.suffix != ".flac"):
        return _cut(load_audio(place.path, RATE), start, stop)
    samples, first = _flac(place.read(), where, start, stop)
    return _cut(samples, start - first, None if stop is None else stop - first)


def _flac(data: bytes, where: str, start: int, stop: int | None) -> tuple[np.ndarray, int]:
    """The frames of a FLAC file around samples start..stop, and the number of their first sample."""
    import av
    from av.error import FFmpegError

    blocks, first = [np.zeros(0, np.float32)], start
    try:
        with av.open(BytesIO(data), "r", format="flac") as container:
            stream = container.streams.audio[0]
            if stream.rate != RATE:
                raise InputError(f"{where}: its sound has {stream.rate} Hz, {RATE} is the format; prepare the dataset again")
            if start:
                container.seek(start, stream=stream, backward=True)
            for frame in container.decode(stream):
                if len(blocks) == 1:
                    first = frame.pts or 0
                block = frame.to_ndarray()
                scale = 2.0 ** (8 * block.itemsize - 1)
                blocks.append(block.reshape(-1, frame.layout.nb_channels).mean(1).astype(np.float32) / scale)
                if stop is not None and (frame.pts or 0) + frame.samples >= stop:
                    break
    except (FFmpegError, OSError, ValueError, IndexError) as error:
        raise InputError(f"{where}: its sound cannot be decoded ({error}); prepare the dataset again") from None
    return np.concatenate(blocks), first


def _cut(wave: np.ndarray, start: int, stop: int | None) -> np.ndarray:
    stop = len(wave) if stop is None else stop
    piece = wave[max(0, start) : max(0, stop)]
    return np.pad(piece, (max(0, -start), stop - start - len(piece) - max(0, -start))).astype(np.float32, copy=False)
