"""Animated pictures without sound: .gif with one palette for all frames, and .webp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import BlockingIOError, EOFError
from av.filter import Graph

from talkinghead.rendering.output.opacity import bled, straight

FASTEST = Fraction(50)  # frames a second: browsers slow a .gif down whose frames last less than 2/100 s
SAMPLED = 12  # frames that the palette is made from
DITHER = "bayer:bayer_scale=3"  # a pattern that stands still, so that what does not move costs nothing
WEBP = {"quality": "82", "compression_level": "3", "loop": "0"}


def write_webp(pictures: Iterable[np.ndarray], path: Path, rate: Fraction) -> None:
    """(H, W, 3) uint8, or (H, W, 4) of colours times opacity, as .webp that repeats."""
    with av.open(str(path.absolute()), "w", format="webp", options={"loop": "0"}) as file:
        stream: Any = None
        for t, picture in enumerate(pictures):
            plain = bled(straight(picture))
            form = "yuv420p" if plain.shape[2] == 3 else "yuva420p"
            if stream is None:
                stream = file.add_stream("libwebp_anim", rate=rate, options=WEBP)
                stream.height, stream.width = plain.shape[:2]
                stream.pix_fmt, stream.time_base = form, 1 / rate
                stream.codec_context.time_base = 1 / rate
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(plain), format="rgb24" if form == "yuv420p" else "rgba")
            frame = frame.reformat(format=form, dst_colorspace="ITU601", dst_color_range="MPEG")
            frame.pts, frame.time_base = t, 1 / rate
            file.mux(stream.encode(frame))
        if stream is not None:
            file.mux(stream.encode(None))


def write_gif(pictures: Iterable[np.ndarray], path: Path, rate: Fraction, palette: np.ndarray) -> None:
    """The same as .gif. palette: of `palette_of`. A pixel is there or not: it is where it is opaque by a half."""
    with av.open(str(path.absolute()), "w", format="gif", options={"loop": "0"}) as file:
        stream: Any = None
        painter, done = None, 0
        for count, picture in enumerate(chain(pictures, [None])):
            plain = None if picture is None else straight(picture)
            if painter is None:
                if plain is None:
                    return
                painter = _Painter(plain.shape, rate, palette)
                stream = file.add_stream("gif", rate=rate)
                stream.height, stream.width = plain.shape[:2]
                stream.pix_fmt, stream.time_base = "pal8", 1 / rate
                stream.codec_context.time_base = 1 / rate
            for frame in painter.paint(plain, count):
                frame.pts, frame.time_base = done, 1 / rate
                file.mux(stream.encode(frame))
                done += 1
        file.mux(stream.encode(None))


def palette_of(pictures: list[np.ndarray]) -> np.ndarray:
    """(16, 16, 4) uint8: the 256 colours, one of them transparent, that show some pictures of a film best."""
    graph: Any = Graph()
    height, width = pictures[0].shape[:2]
    source = graph.add_buffer(width=width, height=height, format="rgba", time_base=Fraction(1, 25))
    make = graph.add("palettegen", "max_colors=256:reserve_transparent=1:stats_mode=full")
    sink = graph.add("buffersink")
    source.link_to(make)
    make.link_to(sink)
    graph.configure()
    for t, picture in enumerate(pictures):
        frame = _rgba(straight(picture))
        frame.pts, frame.time_base = t, Fraction(1, 25)
        source.push(frame)
    source.push(None)
    return sink.pull().to_ndarray(format="rgba")  # pyright: ignore[reportAttributeAccessIssue]


class _Painter:
    """Straight pictures in the colours of a palette. It keeps the graph, which the filters do not."""

    def __init__(self, shape: tuple[int, ...], rate: Fraction, palette: np.ndarray) -> None:
        graph: Any = Graph()
        self.graph, self.tick = graph, 1 / rate
        self.source = self.graph.add_buffer(width=shape[1], height=shape[0], format="rgba", time_base=self.tick)
        colours = self.graph.add_buffer(width=16, height=16, format="rgba", time_base=self.tick)
        use, self.sink = self.graph.add("paletteuse", f"dither={DITHER}:alpha_threshold=128"), self.graph.add("buffersink")
        self.source.link_to(use, 0, 0)
        colours.link_to(use, 0, 1)
        use.link_to(self.sink)
        self.graph.configure()
        table = av.VideoFrame.from_ndarray(np.ascontiguousarray(palette), format="rgba")
        table.pts, table.time_base = 0, self.tick
        colours.push(table)
        colours.push(None)

    def paint(self, picture: np.ndarray | None, t: int) -> Iterator[av.VideoFrame]:
        """What is ready after a picture and its number; the rest after None."""
        frame = None if picture is None else _rgba(picture)
        if frame is not None:
            frame.pts, frame.time_base = t, self.tick
        self.source.push(frame)
        while True:
            try:
                yield self.sink.pull()  # pyright: ignore[reportReturnType]
            except (BlockingIOError, EOFError):
                return


def _rgba(picture: np.ndarray) -> av.VideoFrame:
    if picture.shape[2] == 3:
        picture = np.concatenate([picture, np.full_like(picture[..., :1], 255)], 2)
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgba")
