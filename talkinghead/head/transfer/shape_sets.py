"""Sets of shapes in which the motion of a face can be said instead of ARKit's, in terms of these. S shapes of a set.

oculus: the fifteen visemes, by the names of Ready Player Me. vrm: expressions of VRM 1.0: its vowels, both blinks, and four
emotions, drawn here as the units of `motion.expressions` say, without the opening of the jaw; characters draw them in their own
way. Gaze is no part of it, as `.vrma` and characters have other ways to say it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.shape_names import VRM
from talkinghead.head.visemes import VISEMES

SINGLE = ("browInnerUp", "mouthShrugLower")  # of the shapes below; the others are there for both sides
_EMOTIONS: dict[str, dict[str, float]] = {
    "happy": {"cheekSquint": 0.6, "eyeSquint": 0.2, "mouthSmile": 1.0, "mouthDimple": 0.25},
    "angry": {"browDown": 1.0, "browOuterUp": 0.4, "eyeWide": 0.45, "eyeSquint": 0.5, "noseSneer": 0.85, "mouthFrown": 0.35},
    "sad": {"browInnerUp": 1.0, "browDown": 0.4, "mouthFrown": 0.9, "mouthShrugLower": 0.5},
    "surprised": {"browInnerUp": 1.0, "browOuterUp": 0.9, "eyeWide": 0.9},
}


def _both_sides(recipe: dict[str, float]) -> dict[str, float]:
    sides = {name: ("",) if name in SINGLE else ("Left", "Right") for name in recipe}
    return {name + side: weight for name, weight in recipe.items() for side in sides[name]}


SETS: dict[str, dict[str, dict[str, float]]] = {  # set -> name -> weights of ARKit's shapes
    "oculus": {f"viseme_{name}": recipe for name, recipe in VISEMES.items()},
    "vrm": {name: VRM[name.lower()] for name in ("aa", "ih", "ou", "ee", "oh", "blinkLeft", "blinkRight")}
    | {name: _both_sides(recipe) for name, recipe in _EMOTIONS.items()},
}


def shape_set(kind: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of a set and its (S, K) weights of a head's shapes `names`; shapes that the head lacks are left out.

    Raises InputError for another kind, or a head with none of the shapes.
    """
    if kind not in SETS:
        raise InputError(f"shapes {kind!r}: there are {', '.join(SETS)}")
    weights = np.zeros((len(SETS[kind]), len(names)), np.float32)
    for row, recipe in enumerate(SETS[kind].values()):
        for name in recipe.keys() & set(names):
            weights[row, names.index(name)] = recipe[name]
    if not weights.any():
        raise InputError(f"shapes {kind!r} are made of ARKit's, and the head has none of these")
    return tuple(SETS[kind]), weights


def set_of(names: Iterable[str]) -> str | None:
    """The set that all of the names are of; None if there is none."""
    names = set(names)
    return next((kind for kind, shapes in SETS.items() if names and names <= shapes.keys()), None)
