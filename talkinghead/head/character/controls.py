"""What a head can be made to do by its shapes, whatever their names and set: each control in terms of ARKit's shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.shape_names import FAMILIES, Meaning, expression, meaning

UNITS = ("arkit", "cc")  # families whose controls are single shapes of ARKit
ENOUGH = 8  # shapes of ARKit's mouth, with jawOpen, that speak without visemes


@dataclass(frozen=True)
class Control:
    """recipe: ARKit shape -> weight, what it does at 1. drives: shape of the head -> weight, what it moves."""

    name: str
    family: str
    recipe: Mapping[str, float]
    drives: Mapping[str, float]

    @property
    def area(self) -> str:
        return area_of(next(iter(self.recipe)))


def area_of(arkit: str) -> str:
    """Which part of the face one of ARKit's shapes moves: gaze, lids, brows (with cheeks and nose) or mouth."""
    if arkit.startswith("eyeLook"):
        return "gaze"
    if arkit.startswith("eye"):
        return "lids"
    return "brows" if arkit.startswith(("brow", "cheek", "nose")) else "mouth"


def find_controls(names: Iterable[str], expressions: Iterable[tuple[str, Mapping[str, float]]] = ()) -> tuple[Control, ...]:
    """The controls of a head with shapes `names`; expressions: names of a VRM's, with what they drive.

    Where a part of the face has ARKit's shapes, these are its controls; else those of one other set, in the order of FAMILIES.
    """
    names = tuple(names)
    raw = [(name, found, {name: 1.0}) for name in names if (found := meaning(name, names))]
    known = {a for _, m, _ in raw if m.exact and m.family in UNITS for a in m.recipe}
    told = [(name, found, drives) for name, drives in expressions if drives and (found := expression(name))]
    raw = [r for r in raw if r[1].exact or not known & r[1].recipe.keys()]
    known |= {a for _, m, _ in raw if m.family in UNITS for a in m.recipe}
    told = [r for r in told if r[1].family not in UNITS or not known & r[1].recipe.keys()]
    everything = [Control(name, m.family, m.recipe, drives) for name, m, drives in (*raw, *told)]
    out: list[Control] = []
    for area in ("mouth", "lids", "gaze", "brows"):
        here = [control for control in everything if control.area == area]
        units = [control for control in here if control.family in UNITS]
        out += units
        if not _suffice(area, {name for control in units for name in control.recipe}):
            out += _one_family([control for control in here if control.family not in UNITS])
    return tuple(out)


def _suffice(area: str, units: set[str]) -> bool:
    if area == "mouth":
        return "jawOpen" in units and len(units) >= ENOUGH
    return {"lids": "eyeBlinkLeft" in units, "gaze": bool(units), "brows": bool(units)}[area]


def _one_family(controls: list[Control]) -> list[Control]:
    """Those of the first set that there is, without what others of it do side by side, such as both lids at once."""
    family = next((f for f in FAMILIES if any(control.family == f for control in controls)), None)
    mine = [control for control in controls if control.family == family]
    single = {next(iter(control.recipe)) for control in mine if len(control.recipe) == 1}
    fresh: dict[tuple, Control] = {}
    for control in mine:
        if len(control.recipe) == 1 or not single >= control.recipe.keys():
            fresh.setdefault(tuple(sorted(control.recipe.items())), control)
    return list(fresh.values())


def speaks(controls: Iterable[Control]) -> bool:
    """Whether any control opens the mouth."""
    return any(control.recipe.get("jawOpen", 0) > 0 for control in controls)


def lacking(controls: Iterable[Control]) -> tuple[str, ...]:
    """ARKit's shapes that no control has a part in."""
    return tuple(name for name in ARKIT if not any(name in control.recipe for control in controls))


__all__ = ["Control", "Meaning", "area_of", "find_controls", "lacking", "speaks"]
