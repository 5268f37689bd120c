"""Identity directions from MakeHuman's targets: 18 macro people and named, signed, left-right symmetric face details."""

from __future__ import annotations

import numpy as np
from head_source import AGES, ANCESTRIES, GENDERS, MakeHuman

OPPOSITES = (
    ("incr", "decr"),
    ("up", "down"),
    ("out", "in"),
    ("forward", "backward"),
    ("convex", "concave"),
    ("uncompress", "compress"),
)
LEFT_OUT = ("head-trans", "neck-trans", "measure-neck", "-shape-pointed", "neck-back", "asym")


# The plain average of MakeHuman's people has a broad nose and small eyes; these make it a face one likes to look at.
PLEASANT = {
    "nose_scale_horiz": -0.35,
    "nose_volume": -0.3,
    "nose_point_width": -0.2,
    "eye_scale": 0.25,
    "chin_width": -0.2,
    "head_fat": -0.15,
}


def default_weights() -> dict[str, float]:
    """Macro weights of the neutral person: young, half female, half male, all ancestries alike."""
    return {f"macro/{a}-{g}-young": 1 / 6 for a in ANCESTRIES for g in GENDERS}


def macros(source: MakeHuman) -> dict[str, np.ndarray]:
    """(N, 3) of the 18 people, moved so that the middle between the eyes stays where the default person has it."""
    people = {f"macro/{a}-{g}-{y}": source.macro(a, g, y) for a in ANCESTRIES for g in GENDERS for y in AGES}
    eyes = np.concatenate([np.unique(source.quads(f"helper-{s}-eye")[0]) for s in "lr"])
    base = sum(w * people[name] for name, w in default_weights().items())
    for name, shape in people.items():
        people[name] = shape - (shape - base)[eyes].mean(0)
    return people


def details(source: MakeHuman) -> dict[str, np.ndarray]:
    """Name -> (N, 3). `nose_width2` +1 is MakeHuman's -incr target, -1 nearly its -decr; both sides of the face together."""
    files = [n for n in source.local if not any(word in n for word in LEFT_OUT)]
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name in files:
        stem = name[2:] if name[:2] in ("l-", "r-") else name
        offsets = groups.setdefault(stem, {})
        offsets[name] = source.detail(name)
    whole = {stem: sum(parts.values()) for stem, parts in groups.items()}
    out = {}
    for stem, shape in whole.items():
        words = stem.split("-")
        pair = next((p for p in OPPOSITES if words[-1] in p), None)
        if pair is None:
            out["_".join(words)] = shape
        elif words[-1] == pair[0]:
            other = whole.get("-".join([*words[:-1], pair[1]]))
            name = "_".join(words[:-1]) + ("" if pair[0] in ("incr", "convex", "uncompress") else f"_{pair[0]}")
            out[name] = shape if other is None else (shape - other) / 2
    return out


def default_body(source: MakeHuman) -> np.ndarray:
    """(N, 3) decimetres: the neutral person."""
    people, features = macros(source), details(source)
    body = source.vertices + sum(w * people[name] for name, w in default_weights().items())
    return body + sum(w * features[name] for name, w in PLEASANT.items())
