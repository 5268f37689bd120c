"""The skin's picture of one person: the layers of the default head blended over its texture by age, sex and colours of hair and eyes.

The layers are made by tools/head/build_skin.py and have half the texture's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from talkinghead.files import asset
from talkinghead.head.attire import BALD
from talkinghead.io.npz import load_arrays

FOLD, SPOT, STUBBLE = 0.30, 0.22, 0.75  # most that a fold darkens, a spot darkens, a beard covers
EYE_TILE = (664 / 1024, 704 / 1024, 904 / 1024, 944 / 1024)  # left, top, right, bottom as shares of the texture
IRIS = 23.7 / 56.0  # radius of the iris as a share of half the tile
BROWN_EYES = (0.120, 0.062, 0.024)  # mean of the painted iris, linear light


@dataclass(frozen=True)
class Complexion:
    """Colours are linear light. tone: factor of the skin's part; beard, brows, make_up: 0 to 1."""

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
    layers, out = _layers(), texture.copy()
    age = float(np.clip((person.years - 28) / 52, 0, 1))
    wrinkles = (layers["wrinkles"].astype(np.float32) - 128) / 84
    _scale(out, wrinkles, FOLD * (0.04 + 0.96 * age**1.2), (0.85, 1.0, 1.05))
    _scale(out, -layers["spots"].astype(np.float32) / 252, SPOT * float(np.clip((person.years - 40) / 40, 0, 1)), (0.7, 1.0, 1.2))
    lips = layers["lips"].astype(np.float32) / 252
    _scale(out, lips, 1.0, np.array([-0.02, -0.13, -0.10]) * (1 - person.male) + np.array([-0.03, 0.10, 0.09]) * age)
    hair = _srgb(np.array(person.hair) / person.tone)
    beard = layers["beard"].astype(np.float32) / 252
    _mix(out, beard * (STUBBLE * person.beard), _srgb(np.array(person.hair) * 0.7 / person.tone))
    _mix(out, layers["brow"].astype(np.float32) / 252 * (0.75 + 0.25 * person.male), _srgb(brow_colour(person.hair) / person.tone))
    if person.style != BALD:
        inside = (layers["scalp"].astype(np.float32) - 128) / 6
        _mix(out, np.clip(inside / 8 + 0.4, 0, 1) * 0.93 * (layers["scalp"] > 60), hair)
    _iris(out, person.eyes)
    return out


def brow_colour(hair: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    """(3,) linear light: light hair has darker brows."""
    colour = np.asarray(hair, float)
    return colour * np.clip(0.075 / max(float(colour.mean()), 1e-6), 0.45, 1.0) + 0.004


def _srgb(linear: np.ndarray) -> np.ndarray:
    return 255 * np.clip(linear, 0, 1) ** (1 / 2.2)


def _doubled(layer: np.ndarray, box: tuple[slice, slice]) -> np.ndarray:
    """(2h, 2w) of the part of a layer, between its pixels by linear interpolation."""
    from PIL import Image

    part = np.ascontiguousarray(layer[box], np.float32)
    return np.asarray(Image.fromarray(part).resize((2 * part.shape[1], 2 * part.shape[0]), Image.Resampling.BILINEAR))


def _box(layer: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns where there is anything."""
    rows, columns = (np.flatnonzero(np.abs(layer).max(axis) > 0.004) for axis in (1, 0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else None


def _scale(out: np.ndarray, layer: np.ndarray, strength: float, channels) -> None:
    box = _box(layer) if strength else None
    if box is None:
        return
    part = out[tuple(slice(2 * s.start, 2 * s.stop) for s in box)]
    share = _doubled(layer, box) * np.float32(strength)
    for c in range(3):
        part[..., c] = np.clip(part[..., c] * (1 + share * np.float32(channels[c])), 0, 255)


def _mix(out: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    box = _box(cover)
    if box is None:
        return
    part = out[tuple(slice(2 * s.start, 2 * s.stop) for s in box)]
    share = _doubled(cover, box)
    for c in range(3):
        part[..., c] = part[..., c] * (1 - share) + share * np.float32(colour[c])


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
