"""Subtitles as a track of a film, which players show or hide: mov_text in .mp4 and .mov, WebVTT in .webm."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

from talkinghead.speech.subtitles import Cue

TICK = Fraction(1, 1000)
SHORTEST = 0.01  # seconds
STYLES = (
    "Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    "ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding"
)
# What FFmpeg's encoders of subtitles want to know of their look, in the form of Advanced SubStation Alpha.
HEADER = f"""[Script Info]\r
ScriptType: v4.00+\r
[V4+ Styles]\r
Format: {STYLES}\r
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r
[Events]\r
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r
"""


def add_track(file: Any, container: str) -> Any:
    """A stream of subtitles in a file that is open for writing."""
    stream = file.add_stream("webvtt" if container == "webm" else "mov_text")
    stream.codec_context.subtitle_header = HEADER.encode()
    stream.codec_context.time_base = TICK
    return stream


def fill_track(file: Any, stream: Any, cues: Sequence[Cue], seconds: float) -> None:
    """Write all subtitles that begin before the end of a film of so many seconds. All streams must be there already."""
    file.start_encoding()
    for cue in cues:
        end = min(cue.end, seconds)
        if end - cue.start < SHORTEST:
            continue
        text = cue.text.encode()
        packet = av.Packet(text if stream.codec_context.name == "webvtt" else struct.pack(">H", len(text)) + text)
        packet.pts = packet.dts = round(cue.start / TICK)
        packet.duration, packet.time_base, packet.stream = round((end - cue.start) / TICK), TICK, stream
        file.mux(packet)
