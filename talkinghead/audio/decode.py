"""Sound files and films -> blocks of samples on one time line. n samples, C channels."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from talkinghead.audio.containers import riff
from talkinghead.audio.containers.joined import recordings
from talkinghead.errors import InputError, InputWarning
from talkinghead.io.media import open_media

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.stream import Stream

Rate = TypeVar("Rate", int, float)
HOURS = 4  # longest recording that is taken
RATES = (4000, 768_000)  # Hz: below, speech is gone; above, the header is broken
MOST_CHANNELS = 64
MOST_RECORDINGS = 10_000  # in one file, each of which is opened
SLACK = 0.1  # seconds by which a file may fall short of its header: codecs' padding, rounded time stamps
GAP = 0.025  # seconds between time stamps that count as a pause, not as rounding
BACK = 0.5  # seconds by which time stamps jump back where a clock was set anew; less is an overlap, which is heard once
BROADCAST = ("mpegts", "mpeg")  # containers that have no header, only clocks, which may be set anew at any time
AHEAD = 60.0  # seconds by which time stamps of BROADCAST jump ahead where a clock was set anew
PADDING = 0.25  # seconds of a codec's last packets that a header may leave out
EARLY = 0.5  # seconds of sound before the first picture that go without a word
SPARSE = 50  # bytes a second of silence in the most thrifty codec; less is time that only stamps, or a bomb, make
FREE = 600.0  # seconds of sound that any file may hold
LEAST_RATE = 500.0  # bytes a second of the most thrifty codec of speech: a file of fewer does not have what its header says
ADTS_DELAY = 1024  # samples that every AAC encoder puts first; a bare .aac stream has no field that says so
UNIT = {"u8": (128.0, 128.0), "s16": (0.0, 2.0**15), "s32": (0.0, 2.0**31), "flt": (0.0, 1.0), "dbl": (0.0, 1.0)}


def sound_blocks(path: Path, track: int) -> Iterator:
    """Yield the rate of a file, then the (n, C) float32 blocks of its sound track `track`, from 0, on its time line.

    Recordings that were joined follow each other, all at the highest of their rates; C may change from one to the next.
    Time 0 is where the sound begins, or the first picture of a video; the delay that encoders add is taken out.
    Raises InputError for what cannot be read, and for a file that is cut short.
    """
    rate = 0
    for container in containers_of(path, silently=True):
        rate = max(rate, _stream(container, track).rate or 0)
    yield rate
    for container in containers_of(path):
        yield from _at_rate(_track(path, container, _stream(container, track)), rate)


def _stream(container: InputContainer, track: int) -> AudioStream:
    return container.streams.audio[min(track, len(container.streams.audio) - 1)]


def containers_of(path: Path, *, silently: bool = False) -> Generator[InputContainer, None, None]:
    """Yield the recordings of a file, each open until the next one. Raises InputError for what has no sound.

    silently: without warnings of odd headers.
    """
    from av.error import FFmpegError

    try:
        if not path.exists():
            raise InputError(f"{path}: no such file")
    except (OSError, ValueError) as error:  # a name that no file can have
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not path.is_file():
        raise InputError(f"{path}: is a folder, not a sound file" if path.is_dir() else f"{path}: is not a plain file")
    if not path.stat().st_size:
        raise InputError(f"{path}: is empty (0 bytes); record or export it again")
    import av.logging

    av.logging.set_level(None)  # its messages are ours to give
    try:
        ranges = recordings(path)
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    if len(ranges) > MOST_RECORDINGS:
        raise InputError(f"{path}: holds {len(ranges)} recordings; at most {MOST_RECORDINGS} are read from one file")
    for number, (start, stop) in enumerate(ranges, 1):
        name = f"{path}, recording {number} of the {len(ranges)} in it" if len(ranges) > 1 else str(path)
        try:
            container = open_media(riff.part(path, start, stop, name=name, silently=silently))
        except InputError:
            raise
        except (FFmpegError, OSError, ValueError, IndexError):
            raise InputError(f"{name}: is not a sound or video file that can be read, or is cut short") from None
        with container:
            if not container.streams.audio:
                raise InputError(f"{name}: has no sound")
            if all(stream.codec_context is None for stream in container.streams.audio):
                raise InputError(f"{name}: its sound is in a form that cannot be decoded; convert it to WAV first")
            yield container


def _at_rate(blocks: Iterator, rate: int) -> Iterator[np.ndarray]:
    """(its rate, block) pairs -> blocks at `rate` Hz."""
    import soxr

    resample = held = None  # held: rate and channels that `resample` is for
    for own, block in chain(blocks, [(None, None)]):
        if resample is not None and held != (own, None if block is None else block.shape[1]):
            yield resample.resample_chunk(np.zeros((0, held[1]), np.float32), last=True)  # pyright: ignore[reportOptionalSubscript]
            resample = held = None
        if block is None:
            return
        if own == rate or not own:
            yield block
            continue
        if resample is None:
            held = own, block.shape[1]
            resample = soxr.ResampleStream(own, rate, block.shape[1], dtype="float32", quality="VHQ")
        yield resample.resample_chunk(np.ascontiguousarray(block))


def _track(path: Path, container: InputContainer, stream: AudioStream) -> Iterator[tuple[int, np.ndarray]]:
    """Yield rates and (n, C) blocks of one recording; time stamps decide where each lies."""
    packets = _packets(path, container, stream)
    first = next(packets)
    origin = _origin(container)
    promised = _promise(path, container, stream, first.pos or 0, origin)
    end = promised if promised and container.format.name.startswith(("mov", "ogg")) else np.inf
    counted = container.format.name == "aac"  # it has no time stamps; FFmpeg counts packets at the first rate
    delay = ADTS_DELAY / stream.rate if counted and stream.rate else 0.0
    ahead = AHEAD if container.format.name in BROADCAST else HOURS * 3600.0
    done, early, held = 0.0, 0.0, []  # seconds; held: what lies beyond the end and may be padding
    for frame in _frames(path, chain([first], packets)):
        rate, block = check_rate(str(path), frame.sample_rate), _frame_samples(path, frame)
        pause = 0
        if frame.time is not None and not (counted and done):
            origin = frame.time + delay if origin is None else origin
            late = frame.time - origin - done
            if late > ahead or (done and late < -BACK):
                origin, late = frame.time - done, 0.0  # the clock was set anew: what follows is joined on
            early += 0.0 if done else min(max(-late, 0.0), len(block) / rate)
            pause, block = _place(block, round(late * rate), GAP * rate if done else 0)
        if (seconds := done + (pause + len(block)) / rate) > FREE + container.size / SPARSE:
            what = f"its {container.size} bytes would be {seconds / 60:.0f} minutes or more of sound, nearly all of it silence"
            raise InputError(f"{path}: {what}; cut out what is said, or convert it to WAV")
        for piece in chain(_silence(pause, block.shape[1], rate), [block]):
            done += len(piece) / rate
            inside = len(piece) if done <= end else max(0, len(piece) - round((done - end) * rate))
            if inside:
                yield rate, piece[:inside]
            if inside < len(piece):
                held.append((rate, piece[inside:]))
            if done - end > PADDING:  # that is no padding: the header is wrong
                yield from held
                held, end = [], np.inf
    if early > EARLY:
        what = f"{early:.2f} s of sound before the first picture are left out"
        warnings.warn(f"{path}: {what}; save the sound alone to have them", InputWarning, stacklevel=2)
    if done and promised and promised - done > SLACK:
        there = f"its header promises {promised:.2f} s, {done:.2f} s are there"
        raise InputError(f"{path}: is cut short: {there}; copy it again")


def _promise(path: Path, container: InputContainer, stream: AudioStream, start: int, origin: float | None) -> float | None:
    """Seconds from `origin` on that a header can be held to. Raises InputError for more than `HOURS`, unless it is made up."""
    promised = _promised_seconds(container, stream, start)
    if promised and origin is not None:
        promised += _seconds(stream.start_time, stream) - origin
    if promised and promised > HOURS * 3600:
        if container.size > promised * LEAST_RATE:
            raise InputError(f"{path}: longer than {HOURS} hours; cut it into pieces")
        odd = f"its header has a made-up length, {promised / 3600:.0f} hours; what is there is used"
        warnings.warn(f"{path}: {odd}", InputWarning, stacklevel=2)
        return None
    return promised


def _packets(path: Path, container: InputContainer, stream: AudioStream) -> Iterator[av.Packet]:
    from av.error import FFmpegError

    try:
        yield from container.demux(stream)
    except (FFmpegError, OSError, IndexError):  # IndexError: a stream that PyAV did not see at the beginning
        raise InputError(f"{path}: is damaged or cut short; copy it again") from None


def _frames(path: Path, stream: Iterable[av.Packet]) -> Iterator[av.AudioFrame]:
    """What can be decoded. A broken packet here and there leaves a pause; many mean that the file is damaged."""
    from av.error import FFmpegError

    packets = broken = frames = 0
    latest, anew = 0.0, False
    for packet in stream:
        packets += 1
        time = _seconds(packet.pts, packet.stream)
        anew = packet.is_discard and (anew or time < latest - BACK)
        latest = max(latest, time)
        try:
            decoded = (_kept(packet) if anew else packet).decode()
        except FFmpegError:
            broken += not _is_pause(packet)
            continue
        frames += len(decoded)
        yield from decoded
    if broken and not frames:
        raise InputError(f"{path}: its sound cannot be decoded; convert it to WAV first")
    if broken > max(1, packets // 10):
        raise InputError(f"{path}: is damaged: {broken} of {packets} packets cannot be decoded; copy it again")


def _is_pause(packet: av.Packet) -> bool:
    """Whether a packet that FFmpeg does not decode is one of AMR's for pauses: comfort noise, or nothing (RFC 4867, 4.3)."""
    speech = {"amrnb": 8, "amr_nb": 8, "amrwb": 9, "amr_wb": 9}.get(packet.stream.codec_context.name)  # kinds of frames
    return speech is not None and packet.size > 0 and bytes(packet)[0] >> 3 & 15 >= speech


def _kept(packet: av.Packet) -> av.Packet:
    """The packet without the mark to discard it, which FFmpeg sets in an MP4 whose fragments begin at time 0 once more."""
    from av import Packet

    out = Packet(bytes(packet))
    out.stream, out.pts, out.dts, out.time_base = packet.stream, packet.pts, packet.dts, packet.time_base
    return out


def _frame_samples(path: Path, frame: av.AudioFrame) -> np.ndarray:
    """(n, C) float32 of a decoded frame."""
    form = frame.format.name.removesuffix("p")
    if frame.layout.nb_channels > MOST_CHANNELS:
        raise InputError(f"{path}: has {frame.layout.nb_channels} channels; mix it down to stereo first")
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
    return scaled(values.T if frame.format.is_planar else values.reshape(frame.samples, -1), form)


def scaled(samples: np.ndarray, form: str) -> np.ndarray:
    """Samples of one of UNIT's formats as float32, full scale 1."""
    zero, one = UNIT[form]
    if form == "s16":  # exact also in float32, and a stream has a block every 20 ms
        return samples.astype(np.float32) / np.float32(one)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which the caller refuses
        if form == "flt":
            return samples.astype(np.float32, copy=False)
        return ((samples.astype(np.float64) - zero) / one).astype(np.float32)


def check_rate(name: str, rate: Rate) -> Rate:
    """Raises InputError for what is no rate of speech."""
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(f"{name}: sampled at {rate:g} Hz; {RATES[0]} to {RATES[1]} Hz is what can be read")
    return rate


def _silence(samples: int, channels: int, rate: float) -> Iterator[np.ndarray]:
    """A pause as blocks of at most a second: a file of a few bytes may leave hours between its time stamps."""
    for start in range(0, samples, int(rate)):
        yield np.zeros((min(int(rate), samples - start), channels), np.float32)


def _place(block: np.ndarray, late: int, least: float) -> tuple[int, np.ndarray]:
    """Samples of the pause that the time stamps leave before a block; and it, without what lies before time 0 or was heard.

    Time stamps are rounded, so `late` samples within `least` mean nothing.
    """
    if abs(late) <= least:
        return 0, block
    return max(late, 0), block[max(-late, 0) :]


def _origin(container: InputContainer) -> float | None:
    """Seconds at which a video shows its first picture; None for sound alone (cover art does not count)."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic and stream.start_time is not None:
            return _seconds(stream.start_time, stream)
    return None


def _seconds(ticks: int | None, stream: Stream) -> float:
    return float((ticks or 0) * (stream.time_base or 0))


def _promised_seconds(container: InputContainer, stream: AudioStream, start: int) -> float | None:
    """Length that the header states; None where FFmpeg takes it from time stamps, or guesses it from the size and the bit rate.

    start: byte of the first packet. A header that says just what the guess would be is of no use: with it, nothing is missing.
    """
    import av

    if container.format.name in ("aac", *BROADCAST):
        return None
    alone = not container.streams.video
    seconds = _seconds(stream.duration, stream) or (container.duration / av.time_base if alone and container.duration else 0.0)
    rate = (stream.bit_rate or 0) / 8  # bytes a second
    guessed = rate and abs(container.size - start - seconds * rate) < SLACK * rate
    return None if guessed else seconds or None
