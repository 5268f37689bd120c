"""Films with sound: .mp4 (H.264, AAC), .webm (VP9, Opus) and .mov (ProRes, PCM), with exact frame times.

Only .webm and .mov keep opacity, as plain colours beside it; FFmpeg, browsers and editing programs read it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from talkinghead.rendering.output.opacity import bled, straight
from talkinghead.rendering.output.sound import AAC_RATES, Sound
from talkinghead.rendering.output.subtitle_track import add_track, fill_track
from talkinghead.speech.subtitles import Cue

BT709 = 1  # code of the colour space in H.264 (ITU-T H.273)


@dataclass(frozen=True)
class Container:
    """How a container is filled. options: of the picture's codec."""

    name: str
    codec: str
    format: str
    options: dict[str, str]
    sound: str
    rates: tuple[int, ...]
    samples: str
    flags: dict[str, str]


OPUS = "libopus", (8000, 12000, 16000, 24000, 48000), "flt"
PCM = "pcm_s16le", (*AAC_RATES, 192_000), "s16"
FAST = {"movflags": "+faststart"}
VP9 = {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1"}
H264 = {"crf": "18", "preset": "veryfast"}
CONTAINERS = {  # (suffix, whether with opacity)
    (".mp4", False): Container("mp4", "libx264", "yuv420p", H264, "aac", AAC_RATES, "fltp", FAST),
    (".webm", False): Container("webm", "libvpx-vp9", "yuv420p", VP9, *OPUS, {}),
    (".webm", True): Container("webm", "libvpx-vp9", "yuva420p", VP9 | {"auto-alt-ref": "0"}, *OPUS, {}),
    (".mov", False): Container("mov", "prores_ks", "yuv422p10le", {"profile": "3", "vendor": "apl0"}, *PCM, FAST),
    (".mov", True): Container("mov", "prores_ks", "yuva444p10le", {"profile": "4", "vendor": "apl0"}, *PCM, FAST),
}


def rates_of(suffix: str) -> tuple[int, ...]:
    """The rates of sound that a film of this suffix may have."""
    return next((kind.rates for (name, _), kind in CONTAINERS.items() if name == suffix.lower()), AAC_RATES)


def write_movie(
    pictures: Iterable[np.ndarray],
    path: Path,
    rate: Fraction,
    sound: Sound | None,
    *,
    suffix: str = "",
    cues: Sequence[Cue] = (),
    seconds: float = 0.0,
) -> None:
    """Encode (H, W, 3) uint8, or (H, W, 4) of colours times opacity, and the sound. suffix: that of `path` if empty.

    cues: subtitles that can be switched off. seconds: of the film, where there are such.
    """
    pictures = iter(pictures)
    first = next(pictures, None)
    if first is None:
        return
    kind = CONTAINERS[suffix or path.suffix.lower(), first.shape[2] == 4]
    with av.open(str(path.absolute()), "w", format=kind.name, options=kind.flags) as file:
        video: Any = file.add_stream(kind.codec, rate=rate, options=kind.options)
        video.height, video.width = first.shape[:2]
        video.pix_fmt, video.time_base = kind.format, 1 / rate
        if kind.format == "yuva420p":
            video.metadata["alpha_mode"] = "1"  # else readers of WebM leave the opacity out
        coder = video.codec_context
        coder.time_base = 1 / rate
        coder.colorspace = coder.color_primaries = coder.color_trc = coder.color_range = BT709
        audio: Any = None
        blocks, encoded = iter(()), Fraction(0)  # encoded: seconds of sound
        if sound is not None:
            audio = file.add_stream(kind.sound, rate=sound.rate, layout=sound.layout)
            if kind.sound != "pcm_s16le":
                audio.bit_rate = (96_000 if sound.rate >= 32_000 else 3 * sound.rate) * sound.channels
            blocks = sound.frames(kind.samples)
        if cues:
            fill_track(file, add_track(file, kind.name), cues, seconds)
        for t, picture in enumerate(_before(first, pictures)):
            file.mux(video.encode(_frame(picture, kind.format, t, rate)))
            while audio and encoded <= (t + 1) / rate and (block := next(blocks, None)) is not None:
                encoded += Fraction(block.samples, block.sample_rate)
                file.mux(audio.encode(block))
        file.mux(video.encode(None))
        if audio:
            for block in blocks:
                file.mux(audio.encode(block))
            file.mux(audio.encode(None))


def _frame(picture: np.ndarray, form: str, t: int, rate: Fraction) -> av.VideoFrame:
    plain = picture if picture.shape[2] == 3 else bled(straight(picture))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(plain), format="rgb24" if plain.shape[2] == 3 else "rgba")
    frame = frame.reformat(format=form, dst_colorspace="ITU709", dst_color_range="MPEG")
    frame.pts, frame.time_base = t, 1 / rate
    return frame


def _before(first: np.ndarray, others: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from others
