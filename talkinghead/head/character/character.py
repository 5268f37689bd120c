"""Characters of glTF and VRM files as they are: their shapes on all their meshes, their bones, and the file to give back.

N nodes, K shapes (of all meshes together, by their names), V vertices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.head.character import bones
from talkinghead.head.character.controls import Control, find_controls, lacking, speaks
from talkinghead.io.gltf import Gltf

MOST_SHAPES = 4096  # of a mesh
NEEDED = "ARKit's (jawOpen …), Oculus visemes (viseme_aa …), a VRM's expressions (aa ih ou ee oh) or a bone of the jaw"
JAW_OPEN = 0.35  # radians by which a jaw bone turns at jawOpen 1, as far as people open their mouths at ease


class Shapeless(InputError):  # noqa: N818
    """A file that is right, but whose mouth has no shapes."""


@dataclass(frozen=True)
class Carrier:
    """A node whose mesh has shapes. columns: of its targets, into `Character.names`. rest: their weights in the file."""

    node: int
    mesh: int
    columns: tuple[int, ...]
    rest: np.ndarray


@dataclass(frozen=True, eq=False)
class Character:
    """gltf: the file, which nothing changes. names: K shapes; still: those of them that move nothing.

    bones: see `bones.NAMES`. turn: (3, 3) from the world to where the face looks to +z. jaw: the name of the last shape, where
    it is none of a mesh but the turn of the jaw's bone by JAW_OPEN.
    """

    gltf: Gltf
    names: tuple[str, ...]
    carriers: tuple[Carrier, ...]
    still: frozenset[str]
    controls: tuple[Control, ...]
    bones: Mapping[str, int]
    turn: np.ndarray
    jaw: str | None = None

    @classmethod
    def read(cls, path: str | Path) -> Character:
        """Read a file. Raises InputError for one that is not right, and one whose mouth has neither shapes nor a jaw bone."""
        gltf = Gltf.read(path)
        names: dict[str, int] = {}
        carriers = tuple(_carriers(gltf, names))
        still = _still(gltf, carriers, tuple(names))
        controls = find_controls((n for n in names if n not in still), _expressions(gltf, carriers, tuple(names), still))
        found, jaw = bones.find_bones(gltf), None
        if not speaks(controls) and "jaw" in found:
            jaw = "jawOpen" if "jawOpen" not in names else "jawOpen (bone)"
            names[jaw] = len(names)
            controls = (*controls, Control(jaw, "arkit", {"jawOpen": 1.0}, {jaw: 1.0}))
        if not names:
            count = len(gltf.items("meshes"))
            raise Shapeless(f"{path}: its {count} meshes have no shapes (morph targets); needed are {NEEDED}")
        if not speaks(controls):
            some = ", ".join(list(names)[:4])
            empty = f"; {len(still)} move nothing" if still else ""
            raise Shapeless(f"{path}: none of its {len(names)} shapes opens the mouth ({some} …{empty}); needed are {NEEDED}")
        backwards = isinstance(gltf.json.get("extensions"), dict) and "VRM" in gltf.json["extensions"]
        turn = bones.facing(bones.worlds(gltf), found, backwards=backwards)
        return cls(gltf, tuple(names), carriers, still, controls, found, turn, jaw)

    @cached_property
    def moved(self) -> tuple[str, ...]:
        """The shapes that speech moves."""
        driven = {name for control in self.controls for name in control.drives}
        return tuple(name for name in self.names if name in driven)

    @cached_property
    def turning(self) -> dict[str, int]:
        """The bones that motion turns: neck, head, and where no shape does their work, eyes and jaw."""
        gaze = any(control.area == "gaze" for control in self.controls)
        wanted = ("neck", "head") if gaze else ("neck", "head", "left_eye", "right_eye")
        wanted += ("jaw",) if self.jaw is not None else ()
        return {bone: self.bones[bone] for bone in wanted if bone in self.bones}

    def report(self) -> dict[str, Any]:
        """matched: control -> the ARKit shapes that it stands for; lacking: ARKit's that nothing shows; unused: shapes,
        empty: of these, those that move no vertex; bones: what turns -> its name."""
        return {
            "matched": {control.name: dict(control.recipe) for control in self.controls},
            "lacking": list(lacking(self.controls)),
            "unused": [name for name in self.names if name not in self.moved],
            "empty": sorted(self.still),
            "bones": {bone: self.gltf.items("nodes")[node].get("name", node) for bone, node in self.turning.items()},
        }

    def summary(self) -> str:
        """The report in one line."""
        families = dict.fromkeys(control.family for control in self.controls)
        missing = lacking(self.controls)
        moved, all_ = ({*names} - {self.jaw} for names in (self.moved, self.names))
        counts = [f"{len(moved)} of its {len(all_)} shapes move ({', '.join(families)})"]
        if self.jaw is not None:
            counts = [*([counts[0]] if all_ else []), "its mouth opens by the bone of its jaw"]
        if missing:
            counts.append(f"{len(missing)} of ARKit's 52 have none, such as {', '.join(missing[:3])}")
        if self.still:
            counts.append("1 shape is empty" if len(self.still) == 1 else f"{len(self.still)} shapes are empty")
        turning = [bone.replace("_", " ") for bone in self.turning]
        counts.append(f"bones: {', '.join(turning)}" if turning else "no bone of a head is found, it keeps still")
        return "; ".join(counts)


def target_names(gltf: Gltf, mesh: dict[str, Any], index: int) -> list[str]:
    """The names of a mesh's targets; unnamed ones are called by their mesh and number."""
    primitives = [p for p in mesh.get("primitives") or [] if isinstance(p, dict)]
    count = max((len(p["targets"]) for p in primitives if isinstance(p.get("targets"), list)), default=0)
    if count > MOST_SHAPES:
        raise InputError(f"{gltf.path}: mesh {index} has {count} shapes; at most {MOST_SHAPES} are read")
    extras = [e.get("targetNames") for item in (mesh, *primitives) if isinstance(e := item.get("extras"), dict)]
    given = next((n for n in extras if isinstance(n, list) and len(n) == count), None) or _own_names(gltf, primitives, count)
    label = mesh.get("name", f"mesh{index}")
    return [name if isinstance(name, str) and name else f"{label}[{place}]" for place, name in enumerate(given)]


def _own_names(gltf: Gltf, primitives: list[dict[str, Any]], count: int) -> list[str | None]:
    """The names that old exporters gave the targets themselves, in their `extras` or `extra`, or their accessors."""
    targets = next((p["targets"] for p in primitives if isinstance(p.get("targets"), list) and len(p["targets"]) == count), [])
    accessors, found = gltf.items("accessors"), []
    for target in targets:
        target = target if isinstance(target, dict) else {}
        place = target.get("POSITION")
        accessor = accessors[place] if isinstance(place, int) and 0 <= place < len(accessors) else {}
        said = [about.get("name") for key in ("extras", "extra") if isinstance(about := target.get(key), dict)]
        found.append(next((name for name in (*said, accessor.get("name")) if isinstance(name, str) and name), None))
    return found if len({*found} - {None}) == len(found) == count else [None] * count  # one name for all is none


def _carriers(gltf: Gltf, names: dict[str, int]) -> Iterator[Carrier]:
    """Nodes with shapes; `names` gets each new one."""
    meshes = gltf.items("meshes")
    for index, node in enumerate(gltf.items("nodes")):
        if "mesh" not in node:
            continue
        place = node["mesh"]
        if not isinstance(place, int) or not 0 <= place < len(meshes):
            raise InputError(f"{gltf.path}: node {index} names a mesh {place!r}, which it does not have")
        mine = target_names(gltf, meshes[place], place)
        if mine:
            rest = node.get("weights", meshes[place].get("weights"))
            try:
                rest = np.array(rest, np.float32)
            except (TypeError, ValueError):
                rest = np.zeros(0, np.float32)
            if rest.shape != (len(mine),) or not np.isfinite(rest).all():
                rest = np.zeros(len(mine), np.float32)
            yield Carrier(index, place, tuple(names.setdefault(name, len(names)) for name in mine), rest)


def _still(gltf: Gltf, carriers: tuple[Carrier, ...], names: tuple[str, ...]) -> frozenset[str]:
    """Shapes that no mesh moves anything by, as the limits of their accessors say: many exporters keep empty ones."""
    moved: set[str] = set()
    accessors = gltf.items("accessors")
    for carrier in carriers:
        for primitive in _list(gltf.items("meshes")[carrier.mesh].get("primitives")):
            for column, target in zip(carrier.columns, _list(_at(primitive, "targets")), strict=False):
                index = _key(target, "POSITION")
                about = accessors[index] if 0 <= index < len(accessors) else {"min": [0], "max": [0]}
                limits = [*_list(about.get("min")), *_list(about.get("max"))]
                if not limits or any(limits):
                    moved.add(names[column])
    return frozenset(names) - moved


def _expressions(
    gltf: Gltf, carriers: tuple[Carrier, ...], names: tuple[str, ...], still: frozenset[str]
) -> list[tuple[str, dict[str, float]]]:
    """The expressions of a VRM: name, and weight of each shape that it drives and that is not still."""
    extensions = gltf.json.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    by_node = {carrier.node: carrier for carrier in carriers}
    by_mesh = {carrier.mesh: carrier for carrier in carriers}
    found: list[tuple[str, list[tuple[Carrier | None, Any, Any]]]] = []
    for group in _list(_at(extensions, "VRM", "blendShapeMaster", "blendShapeGroups")):
        preset = _at(group, "presetName")
        name = preset if isinstance(preset, str) and preset not in ("", "unknown") else _at(group, "name")
        binds = _list(_at(group, "binds"))
        found.append((str(name), [(by_mesh.get(_key(b, "mesh")), _at(b, "index"), _percent(_at(b, "weight"))) for b in binds]))
    for kind in ("preset", "custom"):
        group = _at(extensions, "VRMC_vrm", "expressions", kind)
        for name, about in (group if isinstance(group, dict) else {}).items():
            binds = _list(_at(about, "morphTargetBinds"))
            found.append((name, [(by_node.get(_key(b, "node")), _at(b, "index"), _at(b, "weight")) for b in binds]))
    out = []
    for name, binds in found:
        drives: dict[str, float] = {}
        for carrier, index, weight in binds:
            fits = carrier is not None and isinstance(index, int) and 0 <= index < len(carrier.columns)
            if carrier is not None and fits and isinstance(weight, int | float) and 0 < weight <= 1:
                drives[names[carrier.columns[index]]] = float(weight)
        out.append((name, {shape: weight for shape, weight in drives.items() if shape not in still}))
    return out


def _percent(value: Any) -> Any:
    return value / 100 if isinstance(value, int | float) else None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _key(value: Any, key: str) -> int:
    found = _at(value, key)
    return found if isinstance(found, int) else -1


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []
