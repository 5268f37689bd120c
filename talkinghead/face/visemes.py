"""The fifteen Oculus visemes as weights of ARKit shapes, tuned by eye on the default head."""

from __future__ import annotations

import numpy as np

from talkinghead.face.head import Head

# https://developers.meta.com/horizon/documentation/unity/audio-ovrlipsync-viseme-reference : sil PP FF TH DD kk CH SS nn RR aa E I O U
# mouthClose must not exceed jawOpen: it only takes back what the jaw parted.
VISEMES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"jawOpen": 0.06, "mouthClose": 0.06, "mouthPressLeft": 0.45, "mouthPressRight": 0.45, "mouthRollLower": 0.20, "mouthRollUpper": 0.20},
    "FF": {"jawOpen": 0.06, "mouthRollLower": 0.45, "mouthUpperUpLeft": 0.22, "mouthUpperUpRight": 0.22, "mouthShrugLower": 0.15},
    "TH": {"jawOpen": 0.22, "tongueOut": 0.60, "mouthLowerDownLeft": 0.12, "mouthLowerDownRight": 0.12, "mouthUpperUpLeft": 0.10, "mouthUpperUpRight": 0.10},
    "DD": {"jawOpen": 0.14, "tongueOut": 0.12, "mouthLowerDownLeft": 0.22, "mouthLowerDownRight": 0.22, "mouthUpperUpLeft": 0.14, "mouthUpperUpRight": 0.14},
    "kk": {"jawOpen": 0.18, "mouthLowerDownLeft": 0.15, "mouthLowerDownRight": 0.15, "mouthUpperUpLeft": 0.14, "mouthUpperUpRight": 0.14, "mouthStretchLeft": 0.10, "mouthStretchRight": 0.10},
    "CH": {"jawOpen": 0.08, "mouthFunnel": 0.48, "mouthPucker": 0.22, "mouthShrugUpper": 0.12},
    "SS": {"jawOpen": 0.04, "mouthLowerDownLeft": 0.32, "mouthLowerDownRight": 0.32, "mouthUpperUpLeft": 0.20, "mouthUpperUpRight": 0.20, "mouthStretchLeft": 0.18, "mouthStretchRight": 0.18, "mouthSmileLeft": 0.10, "mouthSmileRight": 0.10},
    "nn": {"jawOpen": 0.12, "tongueOut": 0.08, "mouthLowerDownLeft": 0.16, "mouthLowerDownRight": 0.16, "mouthUpperUpLeft": 0.10, "mouthUpperUpRight": 0.10},
    "RR": {"jawOpen": 0.12, "mouthFunnel": 0.30, "mouthPucker": 0.18},
    "aa": {"jawOpen": 0.55, "mouthLowerDownLeft": 0.10, "mouthLowerDownRight": 0.10, "mouthUpperUpLeft": 0.10, "mouthUpperUpRight": 0.10},
    "E": {"jawOpen": 0.28, "mouthStretchLeft": 0.22, "mouthStretchRight": 0.22, "mouthSmileLeft": 0.14, "mouthSmileRight": 0.14, "mouthLowerDownLeft": 0.15, "mouthLowerDownRight": 0.15, "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15},
    "I": {"jawOpen": 0.14, "mouthSmileLeft": 0.28, "mouthSmileRight": 0.28, "mouthStretchLeft": 0.18, "mouthStretchRight": 0.18, "mouthLowerDownLeft": 0.20, "mouthLowerDownRight": 0.20, "mouthUpperUpLeft": 0.12, "mouthUpperUpRight": 0.12},
    "O": {"jawOpen": 0.34, "mouthFunnel": 0.45, "mouthPucker": 0.22},
    "U": {"jawOpen": 0.10, "mouthPucker": 0.80, "mouthFunnel": 0.26},
}  # fmt: skip
NAMES = tuple(VISEMES)


def viseme_matrix(head: Head) -> np.ndarray:
    """(15, K) float32 weights of the head's basis, in the order of NAMES; shapes that the head lacks are left out."""
    matrix = np.zeros((len(VISEMES), len(head.names)), np.float32)
    for row, weights in enumerate(VISEMES.values()):
        for name, value in weights.items():
            if name in head.names:
                matrix[row, head.names.index(name)] = value
    return matrix
