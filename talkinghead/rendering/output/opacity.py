"""Pictures with opacity: colours times opacity, as renderers mix them, and plain colours beside it, as files keep them."""

from __future__ import annotations

import numpy as np


def straight(picture: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 of colours times opacity -> colours as they are, and opacity. (H, W, 3) stays."""
    if picture.shape[2] == 3:
        return picture
    opacity = picture[..., 3:].astype(np.uint16)
    colours = (picture[..., :3].astype(np.uint16) * 255 + opacity // 2) // np.maximum(opacity, 1)
    return np.concatenate([np.minimum(colours, 255).astype(np.uint8), picture[..., 3:]], 2)


def bled(picture: np.ndarray) -> np.ndarray:
    """The same with the nearest colour where a straight picture is transparent.

    Codecs blur colours across blocks: black beyond an edge would darken it.
    """
    if picture.shape[2] == 3:
        return picture
    from scipy.ndimage import distance_transform_edt

    clear = picture[..., 3] == 0
    if clear.all() or not clear.any():
        return picture
    nearest = distance_transform_edt(clear, return_distances=False, return_indices=True)
    out = picture.copy()
    out[..., :3] = picture[..., :3][tuple(np.asarray(nearest))]
    return out


def over(picture: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """(H, W, 4) of colours times opacity laid over (H, W, 3)."""
    seen = 255 - picture[..., 3:].astype(np.uint16)
    return np.minimum(picture[..., :3] + (wall * seen + 127) // 255, 255).astype(np.uint8)
