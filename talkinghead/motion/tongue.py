"""The tongue, by the encoder's phoneme probabilities: nobody films it. T frames, P phonemes, K shapes and V vertices of a head.

Heights are where textbooks put tip and body of the tongue (P. Ladefoged, K. Johnson, A Course in Phonetics, chapters 1, 2 and
4), in steps of some millimetres; nothing is fitted to measured tongues. They are heights in the skull, so the tongue goes up
further where the jaw is lower.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from talkinghead.head.head import Head, per_head
from talkinghead.motion.easing import smoothstep

SILENCE = "SIL"
DENTAL = ("TH", "DH")
# Metres above rest of tip and body: contact behind the teeth, a narrow channel there, and the vowels from high to low.
HEIGHTS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(DENTAL, (0.005, 0.0)),
    **dict.fromkeys(("T", "D", "N", "L"), (0.010, 0.003)),
    **dict.fromkeys(("S", "Z"), (0.008, 0.003)),
    **dict.fromkeys(("SH", "ZH", "CH", "JH"), (0.009, 0.006)),
    **dict.fromkeys(("R", "ER"), (0.005, 0.0)),
    **dict.fromkeys(("K", "G", "NG"), (0.0, 0.008)),
    **dict.fromkeys(("IY", "Y"), (0.004, 0.010)),
    **dict.fromkeys(("IH", "EY"), (0.002, 0.006)),
    **dict.fromkeys(("UW", "W", "UH"), (-0.001, 0.004)),
    **dict.fromkeys(("EH", "AH", "HH"), (-0.001, 0.0)),
    **dict.fromkeys(("OW", "AO", "OY"), (-0.004, -0.002)),
    **dict.fromkeys(("AA", "AE", "AY", "AW"), (-0.005, -0.005)),
}
OUT = {**dict.fromkeys(DENTAL, 0.5), "L": 0.16, **dict.fromkeys(("T", "D", "N"), 0.16), **dict.fromkeys(("S", "Z"), 0.08)}
SHOWN = {
    **{"jawOpen": 0.12, "mouthLowerDownLeft": 0.12, "mouthLowerDownRight": 0.12},
    **{"mouthUpperUpLeft": 0.1, "mouthUpperUpRight": 0.1},
}
RAMP = 0.1  # seconds over which the tongue goes from one place to the next
LONG = 0.03  # metres: what is shorter from root to tip is no tongue that bends
REACH = (-0.004, 0.016)  # metres that it is lowered or raised at most, beside what the jaw does
# Shapes for formats that know shapes only: column of `Animation.tongue`, and metres at weight 1.
SHAPES = {
    **{"tongueTipUp": (0, REACH[1]), "tongueTipDown": (0, REACH[0])},
    **{"tongueBodyUp": (1, REACH[1]), "tongueBodyDown": (1, REACH[0])},
}


def heard_tongue(posteriors: np.ndarray, phonemes: Sequence[str]) -> np.ndarray:
    """(T, P) probabilities -> (T, 5), means over phonemes at each frame.

    They are: least tongueOut, probability of a tongue between the teeth, probability of speech, height of tip, height of body.
    """
    return posteriors @ _goals(tuple(phonemes))


@lru_cache(maxsize=8)
def _goals(phonemes: tuple[str, ...]) -> np.ndarray:
    """(P, 5) of each phoneme."""
    table = [(OUT.get(name, 0.0), name in DENTAL, name != SILENCE, *HEIGHTS.get(name, (0.0, 0.0))) for name in phonemes]
    return np.array(table)


def tongue_goals(heard: np.ndarray, fps: float) -> np.ndarray:
    """(T, 5) of `heard_tongue` -> the same, changing within RAMP."""
    from scipy.ndimage import convolve1d

    window = np.hanning(max(1, round(RAMP * fps)) + 2)[1:-1]
    return convolve1d(heard, window / window.sum(), axis=0, mode="nearest")


def put_out_tongue(coefficients: np.ndarray, goals: np.ndarray, head: Head) -> np.ndarray:
    """(..., K) weights of ARKit's shapes with at least the tongueOut of (..., 5) `goals`; teeth part for /th/ by SHOWN."""
    columns, shown = _put_out(tuple(head.names))
    if columns is None:
        return coefficients
    out = coefficients.copy()
    least = goals[..., np.minimum(np.arange(len(columns)), 1)] * shown.astype(goals.dtype)
    out[..., columns] = np.maximum(out[..., columns], least)
    return out


@lru_cache(maxsize=8)
def _put_out(names: tuple[str, ...]) -> tuple[list[int] | None, np.ndarray]:
    """Columns of tongueOut and of those shapes of SHOWN that there are, and how far each goes with its goal."""
    there = [name for name in ("tongueOut", *SHOWN) if name in names]
    columns = [names.index(name) for name in there] if "tongueOut" in names else None
    return columns, np.array([1.0, *(SHOWN[name] for name in there[1:])])


def raise_tongue(coefficients: np.ndarray, goals: np.ndarray, head: Head, tip: int) -> np.ndarray:
    """(..., 2) metres for `Animation.tongue`: what (..., K) weights leave to the heights of (..., 5) `goals`.

    tip: what `tongue_tip` gives.
    """
    carried = coefficients @ _raised(head, tip)
    # The body lies half as far from the jaw's hinge as the tip. In pauses the tongue lies in the jaw.
    left = goals[..., 3:] - goals[..., 2:3] * np.stack([carried, carried / 2], -1)
    return np.minimum(np.maximum(left, REACH[0]), REACH[1]).astype(np.float32)


@per_head
def _raised(head: Head, tip: int) -> np.ndarray:
    """(K,) metres by which each shape raises the tip."""
    return head.basis[:, tip, 1].copy()


def tongue_bend(head: Head) -> np.ndarray | None:
    """(V, 2) in [0, 1]: how far each vertex goes with the tip and with the body; None for a head without a tongue."""
    inside = _inside(head)
    if inside is None:
        return None
    depth = head.template[:, 2]
    root, tip = depth[inside].min(), depth[inside].max()
    if tip - root < LONG:
        return None
    along = (depth - root) / (tip - root)  # 0 at the root, 1 at the tip
    front = smoothstep((along - 0.55) / 0.4)
    body = smoothstep(along / 0.3) * (1 - smoothstep((along - 0.6) / 0.4))
    return (np.stack([front, body], 1) * inside[:, None]).astype(np.float32)


def tongue_shapes(head: Head) -> dict[str, np.ndarray]:
    """Of SHAPES: name -> (V, 3) metres at weight 1; {} for a head without a tongue."""
    bend = tongue_bend(head)
    if bend is None:
        return {}
    up = np.array([0, 1, 0], np.float32)
    return {name: bend[:, column, None] * np.float32(metres) * up for name, (column, metres) in SHAPES.items()}


def tongue_weights(lifts: np.ndarray) -> np.ndarray:
    """(T, 2) metres of `Animation.tongue` -> (T, 4) weights of SHAPES."""
    return np.stack([np.maximum(lifts[:, column] / metres, 0) for column, metres in SHAPES.values()], 1).astype(np.float32)


@per_head
def tongue_tip(head: Head) -> int | None:
    """The vertex furthest in front; None for a head without a tongue."""
    inside = _inside(head)
    return None if inside is None else int(np.where(inside, head.template[:, 2], -np.inf).argmax())


def _inside(head: Head) -> np.ndarray | None:
    """(V,) whether a vertex is of the tongue; None for a head without one."""
    region = head.regions.get("tongue")
    return None if region is None or not (region > 0.5).any() else region > 0.5
