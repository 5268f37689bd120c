"""The skin's picture of one person: layers over the default head's texture by age, sex and colours of hair and eyes.

The layers are made by tools/head/build_skin.py and have half the texture's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.files import asset
from talkinghead.head.looks.attire import BALD, SHAVEN
from talkinghead.io.npz import load_arrays

if TYPE_CHECKING:
    from PIL.Image import Image

# Cover where there is most of it, and sRGB before the skin's tone
FOLD, RIDGE, SPOT = (0.40, (118, 66, 50)), (0.22, (250, 214, 188)), (0.45, (150, 98, 68))
RED, PALE = (0.30, (184, 86, 86)), (0.45, (204, 152, 138))  # lips of women and of the old
EDGE = (11, 6)  # degrees over which the hairline fades below hair, and where nothing hides it
STUBBLE, SCALP, SHADED = 0.75, 0.93, 0.5  # the scalp lies in the shadow of the hair
EYE_TILE = (664 / 1024, 704 / 1024, 904 / 1024, 944 / 1024)  # left, top, right, bottom as shares of the texture
IRIS = 23.7 / 56.0  # radius of the iris as a share of half the tile
BROWN_EYES = (0.120, 0.062, 0.024)  # mean of the painted iris, linear light


@dataclass(frozen=True)
class Complexion:
    """Colours are linear light. tone: factor of the skin's part. male, beard: 0 to 1."""

    years: float
    male: float
    tone: tuple[float, float, float]
    hair: tuple[float, float, float]
    style: str
    beard: float
    eyes: tuple[float, float, float] = BROWN_EYES


@lru_cache(maxsize=1)
def _layers() -> dict[str, np.ndarray]:
    from io import BytesIO

    from PIL import Image

    data = load_arrays(asset("heads/skin.npz"), None, "the skin of the default head", limit=1 << 26)
    return {name: np.asarray(Image.open(BytesIO(values.tobytes())).convert("L")) for name, values in data.items()}


def painted(texture: np.ndarray, person: Complexion) -> np.ndarray:
    """(H, W, 3) uint8 sRGB of `texture`, the default head's without hair, for one person."""
    from PIL import Image

    layers, out = _layers(), Image.fromarray(texture)
    age = float(np.clip((person.years - 28) / 52, 0, 1)) ** 1.2
    wrinkles = (layers["wrinkles"].astype(np.float32) - 128) / 84
    _mix(out, np.clip(-wrinkles, 0, 1), FOLD[0] * (0.03 + age), FOLD[1])
    _mix(out, np.clip(wrinkles, 0, 1), RIDGE[0] * age, RIDGE[1])
    spots, lips, brow, beard = (layers[name].astype(np.float32) / 252 for name in ("spots", "lips", "brow", "beard"))
    _mix(out, spots, SPOT[0] * float(np.clip((person.years - 40) / 40, 0, 1)), SPOT[1])
    _mix(out, lips, RED[0] * (1 - person.male), RED[1])
    _mix(out, lips, PALE[0] * age, PALE[1])
    _mix(out, beard, STUBBLE * person.beard, _srgb(np.array(person.hair) * 0.7 / person.tone))
    _mix(out, brow, 0.75 + 0.25 * person.male, _srgb(brow_colour(person.hair) / person.tone))
    if person.style != BALD:
        inside = (layers["scalp"].astype(np.float32) - 128) / 6
        _mix(
            out,
            np.clip(inside / EDGE[person.style == SHAVEN] + 0.3, 0, 1) * (layers["scalp"] > 60),
            SCALP,
            _srgb(np.array(person.hair) * SHADED / person.tone),
        )
    pixels = np.array(out)
    _iris(pixels, person.eyes)
    return pixels


def brow_colour(hair: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """(3,) linear light: light hair has darker brows."""
    colour = np.asarray(hair, float)
    return colour * np.clip(0.055 / max(float(colour.mean()), 1e-6), 0.22, 1.0) + 0.003


def _srgb(linear: np.ndarray) -> np.ndarray:
    return 255 * np.clip(linear, 0, 1) ** (1 / 2.2)


def _mix(out: Image, cover: np.ndarray, strength: float, colour) -> None:
    """Paint with one colour, (3,) sRGB in 0 to 255, as far as `cover` (h, w) in [0, 1] of half the size lets it."""
    from PIL import Image

    if strength < 0.01:
        return
    grey = np.round(cover * (255 * min(strength, 1.0))).astype(np.uint8)
    rows, columns = (np.flatnonzero(grey.any(axis)) for axis in (1, 0))
    if not len(rows):
        return
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    box = (2 * left, 2 * top, 2 * right, 2 * bottom)
    mask = Image.fromarray(grey[top:bottom, left:right]).resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BILINEAR)
    out.paste(tuple(int(value) for value in colour), box, mask)


def _iris(out: np.ndarray, colour: tuple[float, float, float]) -> None:
    if tuple(colour) == BROWN_EYES:
        return
    size = len(out)
    left, top, right, bottom = (round(edge * size) for edge in EYE_TILE)
    tile = out[top:bottom, left:right]
    y, x = (np.mgrid[0 : len(tile), 0 : tile.shape[1]] + 0.5) / len(tile) * 2 - 1
    inside = np.clip((IRIS * 1.02 - np.hypot(x, y)) / 0.03, 0, 1)[..., None]
    factor = (np.array(colour) / BROWN_EYES) ** (1 / 2.2)
    tile[:] = np.clip(tile * (1 - inside + inside * factor), 0, 255)
