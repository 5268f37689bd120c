"""Letters over pictures: names, subtitles and the bar of a heat map, as layers of colours times opacity."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from talkinghead.errors import InputError, InputWarning, brief
from talkinghead.rendering.scene.colours import heat_colours

# Beside the font of Pillow, which has Latin letters: names that Pillow looks for where the system keeps its fonts.
FONTS = (
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf",
    "wqy-microhei.ttc", "wqy-zenhei.ttc", "msyh.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "Arial Unicode.ttf",
    "NotoSansArabic-Regular.ttf", "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "FreeSans.ttf",
)  # fmt: skip
UNKNOWN = "\U0003fffd"  # a character that no font has
LINES = 2  # of a subtitle, as long as it fits
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


class Letters:
    """A font that has the letters of some texts. Raises InputError for a font that cannot be read."""

    def __init__(self, texts: list[str], font: str | None = None) -> None:
        self.name = font
        if font is not None:
            try:
                ImageFont.truetype(font, 16)
            except OSError as error:
                raise InputError(f"{font}: not a font that can be read ({brief(error)})") from None
        letters = {letter for text in texts for letter in text if not letter.isspace()}
        if font is None and (missing := _missing(None, letters)):
            lacks = {name: len(_missing(name, letters)) for name in FONTS if _there(name)}
            best = min(lacks, key=lacks.__getitem__, default=None)
            self.name = best if best is not None and lacks[best] < len(missing) else None
        if missing := sorted(_missing(self.name, letters)):
            warnings.warn(f"no font here has {missing[0]!r}; name one that has it with --font", InputWarning, stacklevel=2)

    def at(self, size: int) -> Font:
        """The font at a height in pixels."""
        return _font(self.name, size)


def lay(picture: np.ndarray, layer: np.ndarray, top: int = 0, left: int = 0) -> None:
    """Put a layer (h, w, 4) of colours times opacity into a picture (H, W, 3), or (H, W, 4) likewise, in place."""
    part = picture[top : top + layer.shape[0], left : left + layer.shape[1]]
    layer = layer[: part.shape[0], : part.shape[1]]
    seen = 255 - layer[..., 3:].astype(np.uint16)
    part[:] = layer[..., : part.shape[2]] + ((part * seen + 127) // 255).astype(np.uint8)


def caption(text: str, width: int, letters: Letters, size: int) -> np.ndarray:
    """A name in one line from the left, cut where it does not fit."""
    font = letters.at(size)
    while len(text) > 2 and font.getlength(text) > width - size:
        text = text[:-2] + "…"
    return _layer(text, width, round(1.6 * size), font, max(1, size // 9), left=round(0.5 * size))


def subtitle(text: str, width: int, letters: Letters, size: int) -> np.ndarray:
    """A text in lines as even as they can be, smaller where it needs more than LINES."""
    lines = _wrapped(text, letters.at(size), 0.92 * width)
    while len(lines) > LINES and size > 8:
        size -= 1
        lines = _wrapped(text, letters.at(size), 0.92 * width)
    height = round(1.3 * size * len(lines) + 0.6 * size)
    return _layer("\n".join(lines), width, height, letters.at(size), max(1, size // 8))


def scale_bar(width: int, height: int, most: float, letters: Letters) -> np.ndarray:
    """Colours from 0 to `most` millimetres along the lower edge of a picture."""
    size = max(9, round(height * 0.035))
    long, thick = round(0.5 * width), max(4, size // 2)
    picture = Image.new("RGBA", (width, round(2.4 * size) + thick), (0, 0, 0, 0))
    left, top = (width - long) // 2, round(1.6 * size)
    colours = np.round(heat_colours(np.linspace(0, 1, long)) * 255).astype(np.uint8)
    picture.paste(Image.fromarray(np.broadcast_to(colours, (thick, long, 3)).copy()), (left, top))
    draw, font = ImageDraw.Draw(picture), letters.at(size)
    stroke = max(1, size // 9)
    for share, text in ((0.0, "0"), (0.5, f"{most / 2:g}"), (1.0, f"{most:g} mm")):
        place = left + share * long, top - 0.2 * size
        draw.text(place, text, fill="white", font=font, anchor="ms", stroke_width=stroke, stroke_fill=(0, 0, 0, 200))
    return _times_opacity(picture)


def _wrapped(text: str, font: Font, width: float) -> list[str]:
    """Words in as few lines as `width` allows, of lengths as even as they can be."""
    words = text.split() if " " in text else list(text)
    gap = " " if " " in text else ""

    def fill(limit: float) -> list[str]:
        lines = [""]
        for word in words:
            longer = f"{lines[-1]}{gap}{word}" if lines[-1] else word
            if lines[-1] and font.getlength(longer) > limit:
                lines.append(word)
            else:
                lines[-1] = longer
        return lines

    lines = fill(width)
    for share in np.arange(0.5, 1.0, 0.05):
        if len(even := fill(share * width)) == len(lines):
            return even
    return lines


def _layer(text: str, width: int, height: int, font: Font, stroke: int, left: int | None = None) -> np.ndarray:
    """Letters in the middle, or from `left` on."""
    picture = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    place, anchor = ((width / 2, height / 2), "mm") if left is None else ((left, height / 2), "lm")
    look: dict[str, Any] = {"fill": "white", "stroke_width": stroke, "stroke_fill": (0, 0, 0, 200), "align": "center"}
    ImageDraw.Draw(picture).text(place, text, font=font, anchor=anchor, **look)
    return _times_opacity(picture)


def _times_opacity(picture: Image.Image) -> np.ndarray:
    out = np.asarray(picture).astype(np.uint16)
    out[..., :3] = (out[..., :3] * out[..., 3:] + 127) // 255
    return out.astype(np.uint8)


@lru_cache(maxsize=64)
def _font(name: str | None, size: int) -> Font:
    return ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)


def _there(name: str) -> bool:
    try:
        return _font(name, 16) is not None
    except OSError:
        return False


def _missing(name: str | None, letters: set[str]) -> set[str]:
    """Those letters that a font shows as it shows what it lacks."""
    font = _font(name, 16)
    lacking = _drawn(font, UNKNOWN)
    return {letter for letter in letters if _drawn(font, letter) == lacking}


def _drawn(font: Font, letter: str) -> bytes:
    mask: Any = font.getmask(letter)
    return bytes(mask)
