"""The pictures of a character's materials as one texture, as a Head has one. Tiles lie side by side, each for one picture.

Read are PNG, JPEG and WebP; what cannot be read is white. uv: (V, 2), v down from the top in glTF, up from the bottom in Head.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from talkinghead.io.gltf import Gltf

SIDE = 1024  # pixels of a tile at most
EDGE = 2.0  # pixels at the rim of a tile that are not used, so that neighbours do not shine through
MOST_PIXELS = 1 << 26  # of a picture, and of the texture
SEEN = 0.2  # of alpha, of a face: what is less is not drawn


def base_picture(gltf: Gltf, material: dict[str, Any]) -> np.ndarray | None:
    """(H, W, 4) uint8 sRGB and alpha of a material's base colour; None where there is none that can be read."""
    source = _source(gltf, material)
    images = gltf.items("images")
    if not 0 <= source < len(images):
        return None
    from PIL import Image

    try:
        image = images[source]
        data = gltf.resource(image["uri"]) if "uri" in image else gltf.view(image.get("bufferView"))[0]
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.thumbnail((SIDE, SIDE))
            return np.asarray(picture.convert("RGBA"))
    except Exception:  # a broken picture makes Pillow raise nearly anything
        return None


def _source(gltf: Gltf, material: dict[str, Any]) -> int:
    """The number of the image of a material's base colour; -1 where there is none."""
    look = material.get("pbrMetallicRoughness")
    about = look.get("baseColorTexture") if isinstance(look, dict) else None
    index = about.get("index") if isinstance(about, dict) else None
    textures = gltf.items("textures")
    if not isinstance(index, int) or not 0 <= index < len(textures):
        return -1
    extensions = textures[index].get("extensions")
    others = extensions.values() if isinstance(extensions, dict) else ()
    found = [t["source"] for t in (textures[index], *others) if isinstance(t, dict) and isinstance(t.get("source"), int)]
    return found[-1] if found else -1  # that of an extension, which is there for what core glTF does not hold


def drawn(picture: np.ndarray | None, factor: float, uv: np.ndarray | None, faces: np.ndarray) -> np.ndarray:
    """(F,) bool: faces of a material with holes that are seen, as alpha at their corners and their middle tells."""
    if picture is None or uv is None:
        return np.full(len(faces), factor >= SEEN)
    spots = np.concatenate([uv[faces], uv[faces].mean(1, keepdims=True)], 1) % 1
    row, column = (np.minimum((spots[..., i] * picture.shape[1 - i]).astype(int), picture.shape[1 - i] - 1) for i in (1, 0))
    return picture[row, column, 3].mean(1) / 255 * factor >= SEEN


def over(picture: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """(H, W, 4) a picture laid over one colour (3,), by its alpha."""
    alpha = picture[..., 3:] / np.float32(255)
    mixed = picture[..., :3] * alpha + ground * (1 - alpha)
    return np.concatenate([np.round(mixed).astype(np.uint8), picture[..., 3:]], -1)


def main_colour(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """(3,) the median colour of a picture at coordinates (V, 2)."""
    row, column = (np.minimum((uv[:, i] % 1 * picture.shape[1 - i]).astype(int), picture.shape[1 - i] - 1) for i in (1, 0))
    return np.median(picture[row, column, :3], axis=0)


def atlas(pictures: list[np.ndarray | None]) -> tuple[np.ndarray, list[np.ndarray]]:
    """(H, W, 3) uint8 of all pictures, and for each (2, 2): least u, v (up) of its tile, and its extent."""
    from PIL import Image

    columns = int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    side = max((max(p.shape[:2]) for p in pictures if p is not None), default=8)
    side = max(8, min(side, int((MOST_PIXELS / (rows * columns)) ** 0.5)))
    whole, places = np.full((rows * side, columns * side, 3), 255, np.uint8), []
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        if picture is not None:
            tile = np.asarray(Image.fromarray(picture[..., :3]).resize((side, side), Image.Resampling.BILINEAR))
            whole[row * side : (row + 1) * side, column * side : (column + 1) * side] = tile
        start = [(column * side + EDGE) / whole.shape[1], 1 - ((row + 1) * side - EDGE) / whole.shape[0]]
        places.append(np.array([start, [(side - 2 * EDGE) / whole.shape[1], (side - 2 * EDGE) / whole.shape[0]]]))
    return whole, places


def placed(uv: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(V, 2) of glTF's coordinates -> those in the atlas. Coordinates beyond 0 to 1 repeat the picture."""
    inside = np.where((uv < 0) | (uv > 1), uv % 1, uv)
    return (place[0] + np.stack([inside[:, 0], 1 - inside[:, 1]], 1) * place[1]).astype(np.float32)
