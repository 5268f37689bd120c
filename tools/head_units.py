"""The 52 ARKit units on the head's pieces, with correctives for the faults of MakeHuman's shapes."""

from __future__ import annotations

import numpy as np
from head_mesh import Piece, Skin
from head_source import MakeHuman


def units(source: MakeHuman, body, pieces: list[Piece], places, skin: Skin, rings, lips) -> dict[str, np.ndarray]:
    """Name -> (V, 3) decimetres at weight 1."""
    out = {}
    for name in source.units:
        change = source.unit(name)
        moved = [p.follow(body, change, turns=True) for p in pieces]
        for piece, shift in zip(pieces, moved, strict=True):
            if piece.part in ("teeth", "gums") and abs(shift).max() < 0.005:
                shift[:] = 0  # strays of the source
        out[name] = np.concatenate(moved)
    return out


def tongue_rest(points: np.ndarray) -> np.ndarray:
    """(v, 3) offset that lays the tongue back and down between the lower teeth."""
    middle = np.array([0, points[:, 1].min(), points[:, 2].min()])
    return (points - middle) * [-0.13, -0.10, -0.06] + [0, -0.07, -0.06]
