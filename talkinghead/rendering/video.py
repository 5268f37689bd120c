"""Frames and sound into one .mp4: H.264 with exact frame times, AAC from the samples of the source."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import TYPE_CHECKING

import av
import numpy as np

from talkinghead.audio.clock import frame_count
from talkinghead.audio.load import stereo_blocks
from talkinghead.errors import InputError, InputWarning
from talkinghead.files import replacing
from talkinghead.inputs import Inputs, check_replaceable
from talkinghead.progress import progress_bar
from talkinghead.rendering.renderer import frames
from talkinghead.signals import heeding

if TYPE_CHECKING:
    from talkinghead.motion.animation import Animation

AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
QUEUE_SIZE = 8  # frames between renderer and encoder
SIMPLE, FINEST = 12, 100_000  # largest denominators of rates: of those that are rounded when they are written, and of any
TOLERANCE = 0.5  # seconds that sound and motion may differ without a warning
BT709 = 1  # code of the colour space in H.264 (ITU-T H.273)


def render(
    animation: Animation,
    path: str | Path,
    *,
    audio: str | Path | None = None,
    track: int | None = None,
    size: int | tuple[int, int] = 512,
    camera: str = "front",
    backend: str | None = None,
    progress: bool = False,
) -> None:
    """Write `animation` as .mp4, as long as `audio` where it is given: the last frame is held, or frames are left out.

    audio: path of an audio or video file. track: which of its sounds, see `load_audio`.
    size: pixels, a side or (width, height). camera, backend: see `renderer.frames`.
    Raises InputError for bad arguments, an unreadable `audio` or a disk that cannot take the file.
    """
    path = Path(path)
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: video is written as .mp4")
    Inputs(audio).refuse(path)
    check_replaceable(path)
    sound = None if audio is None else Sound(audio, track)
    rate = exact_rate(animation.fps)
    animation = _at_rate(animation, rate)
    count = len(animation)
    if sound is not None:
        count = frame_count(sound.seconds, animation.fps)
        if abs(sound.seconds - animation.duration) > TOLERANCE:
            lengths = f"{audio} lasts {sound.seconds:.2f} s but the animation {animation.duration:.2f} s"
            warnings.warn(f"{lengths}: the video follows the sound", InputWarning, stacklevel=3)
    pictures = _pad_last(frames(animation, size=size, camera=camera, backend=backend), count)
    with progress_bar(progress) as bar, replacing(path) as fresh:
        _encode(bar.track(heeding(pictures), count, description=path.name), fresh, rate, sound)


def write_pictures(pictures: Iterable[np.ndarray], path: Path, fps: float, *, audio: str | Path | None = None) -> None:
    """Write (H, W, 3) uint8 pictures of even height and width as .mp4; `audio` is not cut. Raises as `write` does."""
    sound = None if audio is None else Sound(audio)
    with replacing(path) as fresh:
        _encode(pictures, fresh, exact_rate(fps), sound)


def exact_rate(fps: float) -> Fraction:
    """The fraction that a rate is written for: 29.97 is 30000/1001, 16.667 is 50/3, 15.79 is 1579/100, 5 is 5."""
    if fps == round(fps):
        return Fraction(round(fps))
    ntsc, simple = Fraction(round(fps) * 1000, 1001), Fraction(fps).limit_denominator(SIMPLE)
    for meant, digits in ((ntsc, 2), (simple, 3)):
        if any(abs(round(float(meant), n) - fps) < 1e-9 for n in range(digits, 16)):
            return meant
    return Fraction(fps).limit_denominator(FINEST)


def _at_rate(animation: Animation, rate: Fraction) -> Animation:
    """A motion at the rate of the film. Where no frame is moved by half of one, the frames stay as they are."""
    if abs(float(rate) / animation.fps - 1) * len(animation) < 0.5:
        return replace(animation, fps=float(rate))
    return animation.resample(float(rate))


class Sound:
    """The sound of a file: its own samples and channels, one or two, at one of `rates`. seconds: how long it is.

    Raises InputError for a file that `load_audio` would refuse.
    """

    def __init__(self, path: str | Path, track: int | None = None, rates: Sequence[int] = AAC_RATES) -> None:
        self.path, self.track = path, track
        blocks = stereo_blocks(path, track)
        self.source_rate, samples, self.channels = int(next(blocks)), 0, 1
        for block in blocks:
            if not np.isfinite(block).all():
                raise InputError(f"{path}: has samples that are not finite numbers; export the recording again")
            self.channels = max(self.channels, block.shape[1])
            samples += len(block)
        if not samples:
            raise InputError(f"{path}: has no samples; record or export it again")
        self.seconds = samples / self.source_rate
        self.rate = next((r for r in rates if r >= self.source_rate), rates[-1])
        self.layout = "stereo" if self.channels == 2 else "mono"

    def frames(self) -> Iterator[av.AudioFrame]:
        """Its samples from the first to the last, without gaps."""
        blocks = stereo_blocks(self.path, self.track)
        next(blocks)
        to_aac = av.AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        done = 0
        for block in (*map(self._frame, blocks), None):
            for piece in to_aac.resample(block):
                piece.pts, piece.time_base = done, Fraction(1, self.rate)
                done += piece.samples
                yield piece

    def _frame(self, block: np.ndarray) -> av.AudioFrame:
        planes = np.clip(np.broadcast_to(block, (len(block), self.channels)), -1, 1).T
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(planes, np.float32), format="fltp", layout=self.layout)
        frame.sample_rate = self.source_rate
        return frame


def _pad_last(pictures: Iterable[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Exactly `count` pictures: further ones are left out, missing ones are the last one again."""
    made = 0
    for picture in pictures:
        made += 1
        yield picture
        if made == count:
            return
    for _ in range(count - made):
        yield picture  # pyright: ignore[reportPossiblyUnboundVariable]  (an animation has at least one)


def _encode(pictures: Iterable[np.ndarray], path: Path, rate: Fraction, sound: Sound | None) -> None:
    """Draw in this thread, encode in another. An exception in either of them stops both before this returns."""
    queue: Queue[np.ndarray | None] = Queue(QUEUE_SIZE)
    failure: list[BaseException] = []
    stop = False

    def waiting() -> Iterator[np.ndarray]:
        while (picture := queue.get()) is not None:
            yield picture
        if stop:
            raise InterruptedError

    def work() -> None:
        try:
            _mux(waiting(), path, rate, sound)
        except BaseException as error:  # raised again in the thread that draws
            failure.append(error)

    thread = Thread(target=work, name="talkinghead-encoder", daemon=True)
    thread.start()
    try:
        for picture in pictures:
            if not _put(queue, picture, thread):
                break
    except BaseException:
        stop = True
        raise
    finally:
        _put(queue, None, thread)
        thread.join()
    if failure:
        raise failure[0]


def _put(queue: Queue, item: np.ndarray | None, thread: Thread) -> bool:
    """Put an item into the queue, waiting for room; False if the thread that takes items has ended."""
    while thread.is_alive():
        try:
            queue.put(item, timeout=0.2)
            return True
        except Full:
            continue
    return False


def _mux(pictures: Iterator[np.ndarray], path: Path, rate: Fraction, sound: Sound | None) -> None:
    first = next(pictures, None)
    if first is None:
        return
    with av.open(str(path.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as file:
        video = file.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "veryfast"})
        video.height, video.width = first.shape[:2]
        video.pix_fmt, video.time_base = "yuv420p", 1 / rate
        coder = video.codec_context
        coder.time_base = 1 / rate
        coder.colorspace = coder.color_primaries = coder.color_trc = coder.color_range = BT709
        audio, blocks, encoded = None, iter(()), Fraction(0)  # encoded: seconds of sound
        if sound is not None:
            audio = file.add_stream("aac", rate=sound.rate, layout=sound.layout)
            audio.bit_rate = (96_000 if sound.rate >= 32_000 else 3 * sound.rate) * sound.channels
            blocks = sound.frames()
        for t, picture in enumerate(_before(first, pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base = t, 1 / rate
            file.mux(video.encode(frame))
            while audio and encoded <= (t + 1) / rate and (block := next(blocks, None)) is not None:
                encoded += Fraction(block.samples, block.sample_rate)
                file.mux(audio.encode(block))
        file.mux(video.encode(None))
        if audio:
            for block in blocks:
                file.mux(audio.encode(block))
            file.mux(audio.encode(None))


def _before(first: np.ndarray, others: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from others
