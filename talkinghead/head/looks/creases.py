"""Creases and blood that expressions bring into the skin of the shipped head and its people.

One picture has the lines of all muscles; masks over the vertices say which muscle draws them, and where blood comes and goes.
They are made by tools/head/build_skin.py. J muscle groups, K shapes, V vertices.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.files import asset
from talkinghead.head.head import Head
from talkinghead.io.npz import load_arrays

LEVEL, STEPS = 128, 84  # of the picture of lines: byte where the skin is smooth, and how many more make 1
DEEPEST = 1.25  # of creases that several muscles draw
SENSORS = 400  # vertices that tell the weights of the shapes
# What draws the creases of a group, by weight; a group and shapes without a side stand for both sides.
DRIVERS: dict[str, dict[str, float]] = {
    "raise": {"browInnerUp": 0.6},
    "raise_": {"browOuterUp_": 0.55, "browInnerUp": 0.15},
    "frown": {"browDownLeft": 0.5, "browDownRight": 0.5},
    "squint_": {"cheekSquint_": 0.7, "eyeSquint_": 0.35, "mouthSmile_": 0.2},
    "sneer_": {"noseSneer_": 1.0},
    "fold_": {"mouthSmile_": 0.6, "cheekSquint_": 0.3, "noseSneer_": 0.45, "mouthUpperUp_": 0.4, "mouthDimple_": 0.3},
    "glow_": {"mouthSmile_": 0.6, "cheekSquint_": 0.2},
    "corner_": {"mouthFrown_": 0.9, "mouthStretch_": 0.5},
    "chin": {"mouthShrugLower": 0.8, "mouthFrownLeft": 0.2, "mouthFrownRight": 0.2},
    "press": {"mouthRollLower": 0.5, "mouthRollUpper": 0.5, "mouthPressLeft": 0.4, "mouthPressRight": 0.4},
}


@lru_cache(maxsize=1)
def _stored() -> dict[str, np.ndarray]:
    return load_arrays(asset("heads/creases.npz"), None, "the creases of the default head", limit=1 << 24)


class Creases:
    """Of one head: `lines` (h, w) uint8, and for posed vertices how far they are drawn.

    groups: J names. folds, blood: (J, V) float32, masks in [0, 1] and [-1, 1]. drivers: (J, K) float32.
    """

    def __init__(self, head: Head) -> None:
        from io import BytesIO

        from PIL import Image

        data = _stored()
        self.groups = tuple(data["groups"].tolist())
        self.folds, self.blood = data["folds"].astype(np.float32) / 255, data["blood"].astype(np.float32) / 127
        self.lines = np.asarray(Image.open(BytesIO(data["lines"].tobytes())).convert("L"))
        self.drivers = np.array([[_drives(group, name) for name in head.names] for group in self.groups], np.float32)
        self._masks = np.stack([self.folds, self.blood], -1).reshape(len(self.groups), -1)
        self._seen = _sensors(head)
        shapes = head.basis[:, self._seen].reshape(len(head.names), -1).astype(np.float64)
        self._rest = head.template[self._seen]
        self._read = (self.drivers @ np.linalg.pinv(shapes.T, rcond=1e-4)).astype(np.float32)  # (J, 3 * sensors)

    def at(self, vertices: np.ndarray, turn: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """(V, 2) float32 of (V, 3) posed vertices: how far creases are drawn, 0 to DEEPEST, and blood, -1 to 1.

        turn, shift: of the skull, see `dressing.pose_between`.
        """
        moved = (vertices[self._seen] - shift) @ turn - self._rest
        drawn = np.clip(self._read @ moved.reshape(-1), 0, 1).astype(np.float32) @ self._masks
        out = drawn.reshape(-1, 2)
        out[:, 0] = np.minimum(out[:, 0], DEEPEST)
        return out


def creases(head: Head) -> Creases | None:
    """Of the shipped head or one of its people; None for others."""
    shipped = Head.default()
    if head.texture is None or head.names != shipped.names or len(head.template) != len(shipped.template):
        return None
    if head.uv is None or shipped.uv is None or not np.array_equal(head.uv, shipped.uv):
        return None
    return Creases(head)


def _drives(group: str, shape: str) -> float:
    kind, _, side = group.partition("_")
    table = DRIVERS[kind + "_" * bool(side)]
    return table.get(shape, table.get(f"{shape.removesuffix(side.capitalize())}_", 0.0) if side else 0.0)


def _sensors(head: Head) -> np.ndarray:
    """(SENSORS,) vertices of the skin that shapes move, evenly from all of them."""
    moved = np.linalg.norm(head.basis, axis=2).max(0)
    skin = np.zeros(len(moved), bool)
    skin[head.faces[slice(*head.parts[0].faces)]] = True
    mine = np.flatnonzero(skin & (moved > 5e-4))
    return mine[:: max(1, len(mine) // SENSORS)]
