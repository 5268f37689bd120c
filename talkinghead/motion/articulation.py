"""Round lips and a lower lip at the teeth, by the encoder's phoneme probabilities. T frames, P phonemes, K shapes of a head.

Filmed motion that a model learnt from decides how far lips open. Films at 25 frames a second miss short contacts, and trackers
see little of lips that are pushed forward. What is added here is added to the learnt motion as far as it falls short.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import has_lip_gap, landmark_shapes, lip_gap
from talkinghead.head.teeth import incisal_edge
from talkinghead.motion.lip_closure import closure_level

# Least mouthPucker and mouthFunnel while a phoneme is heard, set by hand: less than `speech.coarticulation.ROUND`, which has no
# motion beneath it. At twice these weights the width of the mouth follows film less well: r of 32 held-out clips of GRID falls
# from 0.68 to 0.60 (0.71 without rounding), that of five strangers from 0.62 to 0.60 (0.63 without).
ROUND: dict[str, tuple[float, float]] = {
    **{"UW": (0.2, 0.03), "W": (0.22, 0.03), "OW": (0.2, 0.03), "AO": (0.12, 0.0), "OY": (0.12, 0.0)},
    **{"UH": (0.1, 0.0), "AW": (0.05, 0.0)},
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), (0.1, 0.12)),
}
BEFORE, AFTER = 0.08, 0.04  # seconds that lips are round before and after the sound (J. Perkell, M. Matthies 1992)
RAMP = 0.12  # seconds over which rounding comes and goes
ROLLED, RAISED = 0.35, 0.1  # mouthRollLower and mouthUpperUp of a lower lip at the teeth, so that the edge of the teeth is seen
LOWERING = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthFunnel", "mouthShrugUpper")


def bite_level(labiodental: np.ndarray) -> np.ndarray:
    """(T,) probability of /f v/ -> (T,) degree in [0, 1] to which the lower lip is at the teeth."""
    return closure_level(labiodental)


def heard_rounding(posteriors: np.ndarray, phonemes: Sequence[str]) -> np.ndarray:
    """(T, P) probabilities -> (T, 2), the mean of ROUND at each frame."""
    return posteriors @ _goals(tuple(phonemes))


@lru_cache(maxsize=8)
def _goals(phonemes: tuple[str, ...]) -> np.ndarray:
    """(P, 2) of each phoneme."""
    return np.array([ROUND.get(name, (0.0, 0.0)) for name in phonemes])


def rounding(goals: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) of `heard_rounding` -> (T, 2) least mouthPucker and mouthFunnel, earlier and later than the sound."""
    from scipy.ndimage import convolve1d, maximum_filter1d

    width = max(1, round((BEFORE + AFTER) * fps)) | 1
    shift = round((BEFORE - AFTER) / 2 * fps)
    held = maximum_filter1d(goals, width, axis=0, origin=-min(shift, width // 2))
    window = np.hanning(max(1, round(RAMP * fps)) + 2)[1:-1]
    return convolve1d(held, window / window.sum(), axis=0, mode="nearest")


def round_lips(coefficients: np.ndarray, goals: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights of ARKit's shapes with mouthPucker and mouthFunnel of at least (..., 2) `goals`; the lips' gap is kept.

    What mouthFunnel parts is taken from jawOpen. A head without the shapes keeps its motion.
    """
    names = head.names
    if not {"jawOpen", "mouthPucker", "mouthFunnel"} <= set(names):
        return coefficients
    out = coefficients.copy()
    for column, name in enumerate(("mouthPucker", "mouthFunnel")):
        k = names.index(name)
        out[..., k] = np.maximum(out[..., k], goals[..., column])
    if has_lip_gap(head):
        moved, _ = lip_gap(head)
        jaw = names.index("jawOpen")
        close = out[..., names.index("mouthClose")] if "mouthClose" in names else 0
        more = (out - coefficients) @ moved
        room = np.maximum(out[..., jaw] - close, 0)  # mouthClose undoes jawOpen, and no more
        out[..., jaw] -= np.clip(more / max(moved[jaw], 1e-6), 0, room)
    return out


def bite_lip(coefficients: np.ndarray, level: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights of ARKit's shapes with the lower lip at the upper teeth by (...) `level`: 0 unchanged, 1 touching.

    The lip is rolled in by ROLLED, the shapes of LOWERING are reduced, mouthClose undoes jawOpen, and jawOpen is reduced until
    the lip is as high as the edge of the teeth. A head without the shapes, the teeth or the landmark keeps its motion.
    """
    names, edge = head.names, incisal_edge(head)
    if edge is None or "lip_lower_inner" not in head.landmarks or not {"jawOpen", "mouthClose", "mouthRollLower"} <= set(names):
        return coefficients
    moved = landmark_shapes(head, "lip_lower_inner")[:, 1]
    rest = float(head.landmark("lip_lower_inner")[1] - edge[1])  # metres, as the heights below, above the edge of the teeth
    out = coefficients.copy()
    for name, least in (("mouthRollLower", ROLLED), ("mouthUpperUpLeft", RAISED), ("mouthUpperUpRight", RAISED)):
        if name in names:
            k = names.index(name)
            out[..., k] += level * np.maximum(least - out[..., k], 0)
    out[..., [names.index(name) for name in LOWERING if name in names]] *= (1 - level)[..., None]
    jaw, close = names.index("jawOpen"), names.index("mouthClose")
    if moved[jaw] < 0 < moved[close]:
        room = np.maximum(out[..., jaw] - out[..., close], 0)
        low = level * np.maximum(-(out @ moved + rest), 0)
        out[..., close] += np.minimum(low / moved[close], room)
        low = level * np.maximum(-(out @ moved + rest), 0)
        out[..., jaw] -= np.minimum(low / -moved[jaw], out[..., jaw])
    return out
