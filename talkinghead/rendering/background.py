"""What is behind the head: a colour, a picture, nothing, or the soft grey glow of the studio."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.rendering.scene import look

STUDIO, TRANSPARENT = "studio", "transparent"
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
MOST_PIXELS = 100_000_000  # of a background picture
FORM = "a colour such as white or #20242a, a picture's file, transparent, or studio"


def wall(background: str | Path, width: int, height: int) -> np.ndarray | None:
    """(height, width, 3) uint8 for what FORM says; a picture is scaled until it fills all and cut. None if transparent.

    Raises InputError for what is none of these.
    """
    text = str(background)
    if text == TRANSPARENT:
        return None
    if text == STUDIO:
        return look.background(width, height)
    if Path(text).suffix.lower() in PICTURES or Path(text).is_file():
        return _picture(Path(text), width, height)
    return np.broadcast_to(np.array(colour(text), np.uint8), (height, width, 3)).copy()


def check_background(background: str | Path) -> None:
    """Raise InputError for what `wall` would refuse, a picture that is not there included."""
    path = Path(str(background))
    if str(background) in (STUDIO, TRANSPARENT) or path.is_file():
        return
    if path.suffix.lower() in PICTURES:
        raise InputError(f"{path}: no such file; a background is {FORM}")
    colour(str(background))


def colour(text: str) -> tuple[int, int, int]:
    """sRGB bytes of a colour by its English name or as #rgb or #rrggbb. Raises InputError."""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except (ValueError, IndexError):
        raise InputError(f"background {text!r}: write {FORM}") from None
    return red, green, blue


def _picture(path: Path, width: int, height: int) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise InputError(f"{path}: {picture.width}x{picture.height} pixels are too many for a background")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; a background is {FORM}") from None
    except InputError:
        raise
    except Exception as error:  # Pillow raises anything for damaged files
        raise InputError(f"{path}: not a picture that can be read ({brief(error)})") from None
    flat = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return np.asarray(ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS))
