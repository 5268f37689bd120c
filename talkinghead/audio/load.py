"""Sound in, and the one frame clock. n samples, C channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.containers.tracks import choose_track
from talkinghead.audio.decode import HOURS, MOST_CHANNELS, check_rate, scaled, sound_blocks
from talkinghead.audio.mix import Mix
from talkinghead.audio.waveform import Waveform
from talkinghead.blocks import Rows
from talkinghead.errors import InputError

FORMATS = {"u1": "u8", "i2": "s16", "i4": "s32", "f2": "flt", "f4": "flt", "f8": "dbl"}  # of samples, by types of numpy


def load_audio(
    source: str | Path | np.ndarray, rate: int = RATE, *, source_rate: float | None = None, track: int | None = None
) -> np.ndarray:
    """(n,) float32 mono samples at `rate` Hz of a sound file, of a video's sound, or of an array.

    Files: WAV, FLAC, MP3, Ogg (Vorbis, Opus), M4A, MP4, MKV, WebM and other common ones, any rate and channels (averaged; the
    loudest one where they cancel each other). Recordings joined in one file follow each other. track: which sound of a file
    with several, from 1; if not said, the one with speech.
    Time 0 is where the sound begins, or the first picture of a video; the delay that encoders add is taken out.
    Arrays: (n,), (n, channels) or (channels, n) at `source_rate` Hz; integers are scaled to [-1, 1], floats are kept.
    Raises InputError, one line, for anything that is not a whole, finite, non-empty recording of at most 4 hours.
    """
    pieces: list[np.ndarray] = []
    length = _gather(source, rate, pieces.append, source_rate, track)
    return _fit(np.concatenate(pieces), length)


def open_audio(
    source: str | Path | np.ndarray | Waveform, *, source_rate: float | None = None, track: int | None = None
) -> Waveform:
    """The samples of `load_audio` at 16 kHz to be read a part at a time; those of a long file are in a temporary file.

    A `Waveform` is returned as it is. The other arguments and the errors are those of `load_audio`.
    """
    if isinstance(source, Waveform):
        return source
    if not isinstance(source, str | Path):
        return Waveform(load_audio(source, RATE, source_rate=source_rate, track=track))
    rows = Rows()
    try:
        rows.resize(_gather(source, RATE, rows.append, source_rate, track))
    except BaseException:
        rows.close()
        raise
    return Waveform(rows)


def _gather(
    source: str | Path | np.ndarray,
    rate: int,
    take: Callable[[np.ndarray], object],
    source_rate: float | None,
    track: int | None,
) -> int:
    """Give the samples of `load_audio` to `take`, (n,) float32 at a time; returns how many they are to be.

    A resampler may end a sample early or late.
    """
    if isinstance(source, str | Path):
        if source_rate is not None:
            raise InputError("audio: source_rate is for arrays; a file says its own")
        path = Path(source)
        number = choose_track(path, track)
        return _mono(str(source), sound_blocks(path, number), rate, take)
    if track is not None:
        raise InputError("audio: track is for files; an array is one")
    return _mono("audio array", _from_array(source, source_rate), rate, take)


def stereo_blocks(path: str | Path, track: int | None = None) -> Iterator:
    """Yield the rate of a file, then (n, 1 or 2) float32 blocks of its own samples: the time line and errors of `load_audio`.

    More than two channels are averaged to one.
    """
    blocks = sound_blocks(Path(path), choose_track(Path(path), track))
    yield next(blocks)
    for block in blocks:
        yield block if block.shape[1] <= 2 else block.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)


def mono_blocks(path: str | Path, track: int | None = None) -> Iterator:
    """Yield the rate of a file, then (n,) float32 blocks of its own samples: time line, channels and errors as `load_audio`."""
    blocks = sound_blocks(Path(path), choose_track(Path(path), track))
    rate = check_rate(str(path), next(blocks))
    yield rate
    yield from _mixed(str(path), blocks, rate)


def _mono(name: str, blocks: Iterator, rate: int, take: Callable[[np.ndarray], object]) -> int:
    """Give a rate and (n, C) blocks to `take` as (n,) at `rate` Hz. Raises InputError for what is no recording."""
    import soxr

    found = check_rate(name, next(blocks))
    resample = soxr.ResampleStream(found, rate, 1, dtype="float32", quality="VHQ").resample_chunk if found != rate else None
    samples = 0
    for block in _mixed(name, blocks, found):
        samples += len(block)
        take(resample(block) if resample else block)
    if resample:
        take(resample(np.zeros(0, np.float32), last=True))
    return max(1, round(samples * rate / found))


def _mixed(name: str, blocks: Iterator, rate: float) -> Iterator[np.ndarray]:
    """(n, C) blocks -> (n,) blocks at the same rate. Raises InputError for what is no recording."""
    mix, samples = Mix(), 0
    for block in blocks:
        if not np.isfinite(block).all():
            at = samples + int(np.flatnonzero(~np.isfinite(block).all(1))[0])
            raise InputError(f"{name}: sample {at} ({at / rate:.2f} s) is not a finite number; export the recording again")
        samples += len(block)
        if samples > HOURS * 3600 * rate:
            raise InputError(f"{name}: longer than {HOURS} hours; cut it into pieces")
        yield mix(block)
    if not samples:
        raise InputError(f"{name}: has no samples; record or export it again")


def _fit(wave: np.ndarray, length: int) -> np.ndarray:
    """Exactly `length` samples: a resampler may end a sample early or late."""
    return np.pad(wave, (0, max(0, length - len(wave))))[:length].astype(np.float32, copy=False)


def _from_array(samples, rate: float | None) -> Iterator:
    """Yield the rate, then the array as one (n, C) block."""
    if rate is None:
        raise InputError("audio array: say its sample rate with source_rate=")
    yield float(rate)
    samples = np.asarray(samples)
    if samples.ndim == 2:
        samples = samples if samples.shape[0] > samples.shape[1] else samples.T  # the longer axis is time
        if samples.shape[1] > MOST_CHANNELS:
            raise InputError(f"audio array: shape {samples.shape} has too many channels; (n,) or (n, channels) is expected")
    elif samples.ndim != 1:
        raise InputError(f"audio array: shape {samples.shape}; (n,) or (n, channels) is expected")
    scaled_to_one = floats(samples, "audio array")
    if samples.size:
        yield scaled_to_one.reshape(len(samples), -1)


def floats(samples: np.ndarray, what: str) -> np.ndarray:
    """float32 samples, full scale 1, of floats or integers. Raises InputError for another type, `what` being named."""
    form = FORMATS.get(samples.dtype.str[1:])
    if form is None:
        raise InputError(f"{what}: {samples.dtype} samples; use floats in [-1, 1], int16, int32 or uint8")
    return scaled(samples, form)
