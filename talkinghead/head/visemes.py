"""The fifteen Oculus visemes as weights of ARKit shapes, tuned by eye on the default head."""

from __future__ import annotations

from typing import Protocol

import numpy as np

# The set of https://developers.meta.com/horizon/documentation/unity/audio-ovrlipsync-viseme-reference
# mouthClose must not exceed jawOpen: it only takes back what the jaw parted. Shapes of PAIRED stand for both sides.
PAIRED = ("mouthPress", "mouthUpperUp", "mouthLowerDown", "mouthStretch", "mouthSmile")
_PRESETS: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"jawOpen": 0.06, "mouthClose": 0.06, "mouthPress": 0.50, "mouthRollLower": 0.10, "mouthRollUpper": 0.10},
    "FF": {"jawOpen": 0.06, "mouthRollLower": 0.45, "mouthUpperUp": 0.22, "mouthShrugLower": 0.15},
    "TH": {"jawOpen": 0.22, "tongueOut": 0.60, "mouthLowerDown": 0.12, "mouthUpperUp": 0.10},
    "DD": {"jawOpen": 0.14, "tongueOut": 0.12, "mouthLowerDown": 0.22, "mouthUpperUp": 0.14},
    "kk": {"jawOpen": 0.18, "mouthLowerDown": 0.15, "mouthUpperUp": 0.14, "mouthStretch": 0.10},
    "CH": {"jawOpen": 0.08, "mouthFunnel": 0.48, "mouthPucker": 0.22, "mouthShrugUpper": 0.12},
    "SS": {"jawOpen": 0.04, "mouthLowerDown": 0.32, "mouthUpperUp": 0.20, "mouthStretch": 0.18, "mouthSmile": 0.10},
    "nn": {"jawOpen": 0.12, "tongueOut": 0.08, "mouthLowerDown": 0.16, "mouthUpperUp": 0.10},
    "RR": {"jawOpen": 0.12, "mouthFunnel": 0.30, "mouthPucker": 0.18},
    "aa": {"jawOpen": 0.55, "mouthLowerDown": 0.10, "mouthUpperUp": 0.10},
    "E": {"jawOpen": 0.28, "mouthStretch": 0.22, "mouthSmile": 0.14, "mouthLowerDown": 0.15, "mouthUpperUp": 0.15},
    "I": {"jawOpen": 0.14, "mouthSmile": 0.28, "mouthStretch": 0.18, "mouthLowerDown": 0.20, "mouthUpperUp": 0.12},
    "O": {"jawOpen": 0.34, "mouthFunnel": 0.45, "mouthPucker": 0.22},
    "U": {"jawOpen": 0.10, "mouthPucker": 0.80, "mouthFunnel": 0.26},
}
VISEMES: dict[str, dict[str, float]] = {
    viseme: {
        shape + side: weight for shape, weight in preset.items() for side in (("Left", "Right") if shape in PAIRED else ("",))
    }
    for viseme, preset in _PRESETS.items()
}
NAMES = tuple(VISEMES)


class Named(Protocol):
    """A head, as far as visemes need it."""

    @property
    def names(self) -> tuple[str, ...]: ...


def viseme_matrix(head: Named) -> np.ndarray:
    """(15, K) float32 weights of the head's basis, in the order of NAMES; shapes that the head lacks are left out."""
    matrix = np.zeros((len(VISEMES), len(head.names)), np.float32)
    for row, weights in enumerate(VISEMES.values()):
        for name, value in weights.items():
            if name in head.names:
                matrix[row, head.names.index(name)] = value
    return matrix
