"""Sound in, and the one frame clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.errors import InputError

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream

Mix = Callable[[np.ndarray, str], np.ndarray]  # samples as decoded and their format -> float32
RATES = (4000, 768_000)  # Hz: below, speech is gone; above, the header is broken
HOURS = 4  # longest recording that is taken
MOST_CHANNELS = 64
SLACK = 0.1  # seconds by which a file may fall short of its header: codecs' padding, rounded time stamps
GAP = 0.025  # seconds between time stamps that count as a pause, not as rounding
ADTS_DELAY = 1024  # samples that every AAC encoder puts first; a bare .aac stream has no field that says so
WAV_SLACK = 1024  # bytes: some programs count their own padding
PIPED = 0x7FFF0000  # bytes from which a WAV header's length means "unknown": it was written to a pipe
# FFmpeg reads hundreds of formats, some of which are text or point at other files and the network: take sound and video only.
FORMATS = "wav,w64,aiff,caf,au,flac,mp3,aac,ogg,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,amr,ape,wv,tta"
SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
UNIT = {"u8": (128.0, 128.0), "s16": (0.0, 2.0**15), "s32": (0.0, 2.0**31), "flt": (0.0, 1.0), "dbl": (0.0, 1.0)}


def load_audio(source: str | Path | np.ndarray, rate: int = RATE, *, source_rate: float | None = None) -> np.ndarray:
    """(n,) float32 mono samples at `rate` Hz of a sound file, of a video's sound, or of an array.

    Files: WAV, FLAC, MP3, Ogg (Vorbis, Opus), M4A, MP4, MKV, WebM and other common ones, any rate and channels (averaged).
    Time 0 is where the sound begins, or the first picture of a video; the delay that encoders add is taken out.
    Arrays: (n,), (n, channels) or (channels, n) at `source_rate` Hz; integers are scaled to [-1, 1], floats are kept.
    Raises InputError, one line, for anything that is not a whole, finite, non-empty recording of at most 4 hours.
    """
    import soxr

    if isinstance(source, str | Path):
        if source_rate is not None:
            raise InputError("audio: source_rate is for arrays; a file says its own")
        name, blocks = str(source), _decode(Path(source))
    else:
        name, blocks = "audio array", _from_array(source, source_rate)
    found = _check_rate(name, next(blocks))
    resample = soxr.ResampleStream(found, rate, 1, dtype="float32", quality="VHQ").resample_chunk if found != rate else None
    pieces, samples = [], 0
    for block in blocks:
        if not np.isfinite(block).all():
            at = samples + int(np.flatnonzero(~np.isfinite(block))[0])
            raise InputError(f"{name}: sample {at} ({at / found:.2f} s) is not a finite number; export the recording again")
        samples += len(block)
        if samples > HOURS * 3600 * found:
            raise InputError(f"{name}: longer than {HOURS} hours; cut it into pieces")
        pieces.append(resample(block) if resample else block)
    if not samples:
        raise InputError(f"{name}: has no samples; record or export it again")
    if resample:
        pieces.append(resample(np.zeros(0, np.float32), last=True))
    length = max(1, round(samples * rate / found))
    return _fit(np.concatenate(pieces), length)


def stereo_blocks(path: str | Path) -> Iterator:
    """Yield the rate of a file, then (n, 1 or 2) float32 blocks of its own samples: the time line and errors of `load_audio`.

    More than two channels are averaged to one.
    """
    return _decode(Path(path), _stereo)


def audio_hash(wave: np.ndarray) -> str:
    """16 hex digits that identify (n,) samples in [-1, 1], rounded to 16 bits."""
    return hashlib.sha256(np.round(np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()).hexdigest()[:16]


def _fit(wave: np.ndarray, length: int) -> np.ndarray:
    """Exactly `length` samples: a resampler may end a sample early or late."""
    return np.pad(wave, (0, max(0, length - len(wave))))[:length].astype(np.float32, copy=False)


def _check_rate(name: str, rate: float) -> float:
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"{name}: sampled at {rate:g} Hz; {RATES[0]} to {RATES[1]} Hz is what can be read")
    return rate


def _from_array(samples, rate: float | None) -> Iterator:
    """Yield the rate, then the array as one mono block."""
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
    formats = {"uint8": "u8", "int16": "s16", "int32": "s32", "float16": "flt", "float32": "flt", "float64": "dbl"}
    if samples.dtype.name not in formats:
        raise InputError(f"audio array: {samples.dtype} samples; use floats in [-1, 1], int16, int32 or uint8")
    if samples.size:
        yield _mono(samples, formats[samples.dtype.name])


def _mono(samples: np.ndarray, form: str) -> np.ndarray:
    """(n,) or (n, channels) of one of UNIT's sample formats -> (n,) float32."""
    zero, one = UNIT[form]
    samples = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float64)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the caller refuses
        return ((samples - zero) / one).astype(np.float32)


def _stereo(samples: np.ndarray, form: str) -> np.ndarray:
    """(n, channels) -> (n, 1 or 2) float32; see `_mono`."""
    if samples.shape[1] != 2:
        return _mono(samples, form)[:, None]
    return np.stack([_mono(samples[:, channel], form) for channel in (0, 1)], 1)


def _decode(path: Path, mix: Mix = _mono) -> Iterator:
    """Yield the rate of a file, then its sound in blocks on its time line, mono or as `mix` makes them."""
    import av
    import av.logging
    from av.error import FFmpegError

    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: is a folder, not a sound file" if path.is_dir() else f"{path}: is not a plain file")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty (0 bytes); record or export it again")
    _check_wav(path)
    av.logging.set_level(None)  # its messages are ours to give
    try:
        container = av.open(str(path), options=SAFE, metadata_errors="replace")
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    except (FFmpegError, OSError, ValueError, IndexError):  # IndexError: what PyAV makes of a header cut short
        raise InputError(f"{path}: is not a sound or video file that can be read, or is cut short") from None
    with container:
        if not container.streams.audio:
            raise InputError(f"{path}: has no sound")
        if all(stream.codec_context is None for stream in container.streams.audio):
            raise InputError(f"{path}: its sound is in a form that cannot be decoded; convert it to WAV first")
        yield from _sound(path, container, mix)


def _check_wav(path: Path) -> None:
    """Refuse a WAV file that is shorter than its header says: FFmpeg would take what is there for the whole."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] != b"RIFF" or start[8:] != b"WAVE":
            return
        while len(chunk := file.read(8)) == 8:
            promised = int.from_bytes(chunk[4:], "little")
            there = size - file.tell()
            if chunk[:4] == b"data":
                if promised - there > WAV_SLACK and promised < PIPED:
                    what = f"its header promises {promised} bytes of sound, {there} are there"
                    raise InputError(f"{path}: is cut short: {what}; copy it again")
                return
            file.seek(promised + promised % 2, 1)


def _sound(path: Path, container: InputContainer, mix: Mix) -> Iterator:
    """Yield the rate of the best sound stream, then its blocks; time stamps decide where each lies."""
    best = container.streams.best("audio")
    stream = next((s for s in container.streams.audio if s is best), container.streams.audio[0])
    rate, origin, promised = stream.rate, _origin(container), _promised_seconds(container, stream)
    yield rate or 0
    if promised and origin is not None:
        promised += _seconds(stream.start_time, stream) - origin
    if promised and promised > HOURS * 3600:
        raise InputError(f"{path}: longer than {HOURS} hours; cut it into pieces")
    end = round(promised * rate) if promised and container.format.name.startswith(("mov", "ogg")) else None
    delay = ADTS_DELAY / rate if container.format.name == "aac" else 0.0
    done = 0
    for frame in _frames(path, container, stream):
        if frame.sample_rate != rate:
            raise InputError(f"{path}: changes its sample rate half way; convert it to WAV first")
        block = mix(*_frame_samples(path, frame))
        if frame.time is not None:
            origin = frame.time + delay if origin is None else origin
            late = round((frame.time - origin) * rate) - done
            if late > HOURS * 3600 * rate:
                raise InputError(f"{path}: has broken time stamps; convert it to WAV first")
            block = _place(block, late, GAP * rate if done else 0)
        block = block if end is None else block[: max(0, end - done)]
        done += len(block)
        yield block
    if done and promised and promised - done / rate > SLACK:
        there = f"its header promises {promised:.2f} s, {done / rate:.2f} s are there"
        raise InputError(f"{path}: is cut short: {there}; copy it again")


def _frames(path: Path, container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """What can be decoded. A broken packet here and there leaves a pause; many mean that the file is damaged."""
    from av.error import FFmpegError

    packets = broken = frames = 0
    try:
        for packet in container.demux(stream):
            packets += 1
            try:
                decoded = packet.decode()
            except FFmpegError:
                broken += 1
                continue
            frames += len(decoded)
            yield from decoded
    except (FFmpegError, OSError, IndexError):  # IndexError: a stream that PyAV did not see at the beginning
        raise InputError(f"{path}: is damaged or cut short; copy it again") from None
    if broken and not frames:
        raise InputError(f"{path}: its sound cannot be decoded; convert it to WAV first")
    if broken > max(1, packets // 10):
        raise InputError(f"{path}: is damaged: {broken} of {packets} packets cannot be decoded; copy it again")


def _frame_samples(path: Path, frame: av.AudioFrame) -> tuple[np.ndarray, str]:
    """((n, channels), sample format) of a decoded frame."""
    form = frame.format.name.removesuffix("p")
    if form not in UNIT:
        raise InputError(f"{path}: {form} samples are not supported; convert it to 16-bit WAV first")
    if frame.format.is_planar and frame.layout.nb_channels > 7:
        # PyAV 18 counts planes up to a null pointer, which an array of eight has not: FFmpeg has to interleave them.
        from av import AudioResampler

        try:
            (frame,) = AudioResampler(format=form).resample(frame)
        except (OSError, ValueError):
            raise InputError(f"{path}: has {frame.layout.nb_channels} channels; mix it down to stereo first") from None
    values = frame.to_ndarray()
    return (values.T if frame.format.is_planar else values.reshape(frame.samples, -1)), form


def _place(block: np.ndarray, late: int, least: float) -> np.ndarray:
    """The block with a pause that the time stamps leave before it, or without what lies before time 0 or was heard already.

    Time stamps are rounded, so `late` samples within `least` mean nothing.
    """
    if abs(late) <= least:
        return block
    return block[-late:] if late < 0 else np.concatenate([np.zeros((late, *block.shape[1:]), np.float32), block])


def _origin(container: InputContainer) -> float | None:
    """Seconds at which a video shows its first picture; None for sound alone (cover art does not count)."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.start_time is not None:
            return _seconds(stream.start_time, stream)
    return None


def _seconds(ticks: int | None, stream: Stream) -> float:
    return float((ticks or 0) * (stream.time_base or 0))


def _promised_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """Length that the header states, or None where FFmpeg only guesses it from the bit rate."""
    import av

    if container.format.name == "aac" or (container.format.name == "mp3" and not stream.start_time):
        return None
    if stream.duration:
        return _seconds(stream.duration, stream)
    alone = not container.streams.video
    return container.duration / av.time_base if alone and container.duration else None
