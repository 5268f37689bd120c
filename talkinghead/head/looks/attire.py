"""What a head wears: hair and the clothes on its shoulders, as meshes of their own beside the mesh that speaks.

The head's vertices, faces and shapes are the same with and without them. N vertices of a garment, A anchors of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from talkinghead.files import asset
from talkinghead.io.npz import load_arrays

BALD, SHAVEN = "bald", "buzz"  # styles without a mesh; the second is painted on the scalp
COLLAR = "collar"
GARMENT_ARRAYS, GARMENT_TEXTS = ("vertices", "faces", "uv"), ("name", "colour", "roughness", "still")
STEP, SHARE = 2e-5, 255  # metres, and whole, of the integers in the file


@dataclass(frozen=True, eq=False)
class Garment:
    """One mesh with one material, placed for one person, in the head's units and axes. Arrays must not be written to."""

    name: str  # of the part that it becomes: hair, collar
    vertices: np.ndarray  # (N, 3) float32
    faces: np.ndarray  # (F, 3) int32 into the N
    uv: np.ndarray  # (N, 2) float32 in the head's texture
    colour: tuple[float, float, float]
    roughness: float
    still: bool  # stays where it is when the head turns, as shoulders do


@lru_cache(maxsize=1)
def _stored() -> dict[str, np.ndarray]:
    return load_arrays(asset("heads/attire.npz"), None, "the attire of the default head", limit=1 << 28)


def hairstyles() -> tuple[str, ...]:
    """Names of all hairstyles."""
    return BALD, SHAVEN, *sorted({key.split("/")[0] for key in _stored()} - {COLLAR})


def garment(
    style: str, name: str, change: np.ndarray, colour: tuple[float, float, float], roughness: float, *, still: bool = False
) -> Garment:
    """A mesh of the file on a person whose template differs from the default head's by `change` (V, 3) metres."""
    data = _stored()
    vertices = data[f"{style}/vertices"].astype(np.float32) * STEP
    anchors, weights = data[f"{style}/anchors"], data[f"{style}/weights"].astype(np.float32)
    weights /= weights.sum(1, keepdims=True)
    vertices += np.einsum("na,nax->nx", weights, change[anchors])
    uv = data[f"{style}/uv"].astype(np.float32) / 65535
    return Garment(name, vertices.astype(np.float32), data[f"{style}/faces"].astype(np.int32), uv, colour, roughness, still)
