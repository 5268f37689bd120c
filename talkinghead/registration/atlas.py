"""One texture for the user's mesh and for what is added of the default head. F triangles; uv has v up."""

from __future__ import annotations

import numpy as np

CELL = 4  # texels of a side of a triangle's square
PLAIN = {"skin": (196, 160, 142), "eyes": (236, 232, 228), "teeth": (232, 226, 210), "tongue": (170, 92, 88)}  # sRGB of a mesh
# without colours
TILE = 8  # texels of a side of each
MOST = 4096  # texels of a side of the user's texture


def bake_colours(colours: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texture, uv (3 F, 2) and uv_faces that show (V, 3) uint8 colours of vertices; each triangle has a square of its own."""
    columns = int(np.ceil(np.sqrt(len(faces))))
    rows = -(-len(faces) // columns)
    step = np.minimum(np.arange(CELL) / 2, 1)  # corners lie in the middles of the texels 0 and 2
    across, down = step[None, :, None, None], step[:, None, None, None]
    a, b, c = (colours[faces[:, k]].astype(np.float32) for k in range(3))
    cells = np.clip(a + (b - a) * across + (c - a) * down, 0, 255).astype(np.uint8)  # (CELL, CELL, F, 3)
    cells = np.concatenate([cells, np.zeros((CELL, CELL, rows * columns - len(faces), 3), np.uint8)], 2)
    texture = cells.reshape(CELL, CELL, rows, columns, 3).transpose(2, 0, 3, 1, 4).reshape(rows * CELL, columns * CELL, 3)
    row, column = np.divmod(np.arange(len(faces)), columns)
    corner = np.array([[0.5, 0.5], [2.5, 0.5], [0.5, 2.5]])  # texels from the square's left and top
    place = np.stack([column, row], 1)[:, None] * CELL + corner
    uv = np.stack([place[..., 0] / texture.shape[1], 1 - place[..., 1] / texture.shape[0]], -1)
    return texture, uv.reshape(-1, 2).astype(np.float32), np.arange(3 * len(faces)).reshape(-1, 3)


def side_by_side(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """One texture of two, and for each (2, 2): what its coordinates are multiplied by, and what is added."""
    height = max(first.shape[0], second.shape[0])
    width = first.shape[1] + second.shape[1]
    whole = np.zeros((height, width, 3), np.uint8)
    whole[: first.shape[0], : first.shape[1]] = first
    whole[: second.shape[0], first.shape[1] :] = second
    places = []
    for picture, start in ((first, 0), (second, first.shape[1])):
        scale = np.array([picture.shape[1] / width, picture.shape[0] / height])
        places.append(np.array([scale, [start / width, 1 - scale[1]]]))
    return whole, (places[0], places[1])


def user_texture(texture: np.ndarray) -> np.ndarray:
    """The user's picture, no larger than MOST."""
    if max(texture.shape[:2]) <= MOST:
        return texture[..., :3]
    from PIL import Image

    picture = Image.fromarray(texture[..., :3])
    picture.thumbnail((MOST, MOST), Image.Resampling.LANCZOS)
    return np.asarray(picture)


def plain_texture() -> tuple[np.ndarray, np.ndarray, dict[str, int]]:
    """Tiles of the colours PLAIN, uv (n, 2) of their middles, and part -> its row of these."""
    tiles = [np.full((TILE, TILE, 3), colour, np.uint8) for colour in PLAIN.values()]
    uv = np.array([[(k + 0.5) / len(tiles), 0.5] for k in range(len(tiles))], np.float32)
    return np.concatenate(tiles, 1), uv, {part: k for k, part in enumerate(PLAIN)}
