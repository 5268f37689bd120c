"""Lip closure at the bilabials /p b m/ of the encoder's phonemes. T frames, K shapes of a head.

The predicted motion often stops short of a closure where it is uncertain, which is very visible. The encoder's phoneme
probabilities are more certain: the card of the shipped model has the share of the /p b m/ of unseen speakers that are shut.
"""

from __future__ import annotations

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import has_lip_gap, lip_gap
from talkinghead.motion.easing import smoothstep

DOUBT, SURE = 0.15, 0.5  # probability of a bilabial at which lips begin to close, and from which on they are shut
PARTING = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel")
PRESS = 1e-4  # metres that shut lips are pressed together


def closure_level(bilabial: np.ndarray) -> np.ndarray:
    """(T,) probability of a bilabial -> (T,) degree of closure in [0, 1]."""
    return smoothstep((bilabial - DOUBT) / (SURE - DOUBT))


def close_lips(coefficients: np.ndarray, level: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights of ARKit's shapes with the lips closed by (...) `level`: 0 unchanged, 1 shut.

    In this order: the shapes of PARTING are reduced, mouthClose undoes jawOpen, jawOpen is reduced, and then all other shapes
    that part the lips (sneers, frowns, stretched corners). A head without the shapes or the landmarks keeps its motion.
    """
    names = head.names
    if not {"jawOpen", "mouthClose", *PARTING} <= set(names) or not has_lip_gap(head):
        return coefficients
    out = coefficients.copy()
    out[..., [names.index(name) for name in PARTING]] *= (1 - level)[..., None]
    moved, rest = lip_gap(head)
    close, jaw = names.index("mouthClose"), names.index("jawOpen")
    if moved[close] >= 0 or moved[jaw] <= 0:
        return coefficients
    room = np.maximum(out[..., jaw] - out[..., close], 0)  # mouthClose undoes what jawOpen does, and no more
    out[..., close] += np.minimum(level * np.maximum(out @ moved + rest + PRESS, 0) / -moved[close], room)
    out[..., jaw] -= np.minimum(level * np.maximum(out @ moved + rest + PRESS, 0) / moved[jaw], out[..., jaw])
    others = (moved > 0) & (np.arange(len(moved)) != jaw)
    parts = out @ np.where(others, moved, 0)
    left = level * np.clip(out @ moved + rest + PRESS, 0, parts)
    out[..., others] *= (1 - np.divide(left, parts, out=np.zeros_like(left), where=parts > 0))[..., None]
    return out
