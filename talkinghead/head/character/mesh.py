"""The geometry of a character's head in its rest pose. V vertices, F triangles, K shapes; matrices are column vectors'.

Vertices of skinned meshes are where their bones put them. Of a whole body only what its head and neck carry is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.head.character import bones
from talkinghead.head.character.atlas import atlas, base_picture, drawn, main_colour, over, placed
from talkinghead.head.character.character import JAW_OPEN, Character
from talkinghead.head.character.lips import find_lips
from talkinghead.head.character.part_names import kind_of
from talkinghead.head.landmarks import on_triangle
from talkinghead.io.gltf import DRACO, LIMIT, Gltf, Undecoded

TRIANGLES = 4
MOST_SURFACES = 256  # of a head, each with a picture of its own
CARRIED = 0.5  # of a vertex's weights: what makes it the head's


@dataclass
class Surface:
    """One primitive. points: (V, 3). faces: (F, 3). shapes: column -> (V, 3). uv: (V, 2), v down. eyes: (V,) bool."""

    name: str
    points: np.ndarray
    faces: np.ndarray
    shapes: dict[int, np.ndarray]
    material: int
    uv: np.ndarray | None
    eyes: np.ndarray


def surfaces(character: Character) -> list[Surface]:
    """The head's surfaces, turned to look to +z. Raises Undecoded for compression without a decoder, and InputError."""
    gltf, worlds = character.gltf, bones.worlds(character.gltf)
    top = character.bones.get("neck", character.bones.get("head"))
    of_head = bones.below(gltf, top) if top is not None else set(range(len(worlds)))
    of_eyes, of_jaw = (
        {n for bone in some if bone in character.bones for n in bones.below(gltf, character.bones[bone])}
        for some in (("left_eye", "right_eye"), ("jaw",))
    )
    carriers = {carrier.node: carrier.columns for carrier in character.carriers}
    out = []
    for index, node in enumerate(gltf.items("nodes")):
        if "mesh" not in node or (index not in of_head and "skin" not in node and index not in carriers):
            continue
        for primitive in gltf.items("meshes")[node["mesh"]].get("primitives") or []:
            if isinstance(primitive, dict) and primitive.get("mode", TRIANGLES) == TRIANGLES:
                read = _Reader(gltf, primitive)
                out += list(_surface(character, read, index, worlds, (of_head, of_eyes, of_jaw), carriers.get(index, ())))
    if len(out) > MOST_SURFACES:
        raise InputError(f"{gltf.path}: its head has {len(out)} surfaces; at most {MOST_SURFACES} are read")
    if sum(len(s.points) for s in out) * len(character.names) * 12 > LIMIT:
        raise Undecoded("larger than 1 GiB with all its shapes")
    return out


class _Reader:
    """The data of a primitive, decompressed from Draco where it is."""

    def __init__(self, gltf: Gltf, primitive: dict[str, Any]) -> None:
        self.gltf, self.primitive = gltf, primitive
        attributes = primitive.get("attributes")
        self.attributes: dict[str, Any] = attributes if isinstance(attributes, dict) else {}
        extensions = primitive.get("extensions")
        self.about = extensions.get(DRACO) if isinstance(extensions, dict) else None
        self.draco = _draco(gltf, self.about) if isinstance(self.about, dict) else None

    def attribute(self, name: str) -> np.ndarray | None:
        """(V, width), or None where the primitive has no such attribute."""
        ids = self.about.get("attributes") if isinstance(self.about, dict) else None
        if self.draco is not None and isinstance(ids, dict) and name in ids:
            found = self.draco.get_attribute_by_unique_id(ids[name])
            return None if found is None else np.asarray(found["data"])
        return self.gltf.accessor(self.attributes[name]) if name in self.attributes else None

    def faces(self, count: int) -> np.ndarray:
        if self.draco is not None:
            indices = np.asarray(self.draco.faces).reshape(-1)
        elif "indices" in self.primitive:
            indices = self.gltf.accessor(self.primitive["indices"])[:, 0]
        else:
            indices = np.arange(count)
        if len(indices) % 3 or (len(indices) and not 0 <= indices.min() <= indices.max() < count):
            raise InputError(f"{self.gltf.path}: its triangles name vertices that are not there; the file is damaged")
        return indices.reshape(-1, 3).astype(np.int64)


def _surface(
    character: Character,
    read: _Reader,
    index: int,
    worlds: np.ndarray,
    carried: tuple[set[int], ...],
    columns: tuple[int, ...],
) -> Iterator[Surface]:
    """The part of a primitive that belongs to the head, if any. carried: nodes of head, eyes and jaw."""
    positions = read.attribute("POSITION")
    if positions is None or positions.shape[1] != 3:
        return
    count, node = len(positions), character.gltf.items("nodes")[index]
    matrices = np.broadcast_to(worlds[index], (count, 4, 4))
    shares = [np.ones(count), *(np.full(count, float(index in some)) for some in carried[1:])]
    if "skin" in node:
        matrices, *shares = _skinned(character.gltf, read, node["skin"], worlds, count, carried)
    head, eyes = (share >= CARRIED for share in shares[:2])
    faces = read.faces(count)
    faces = faces[head[faces].all(1)]
    if not len(faces):
        return
    kept, faces = np.unique(faces, return_inverse=True)
    linear = character.turn @ matrices[kept, :3, :3]
    points = np.einsum("vij,vj->vi", linear, positions[kept]) + matrices[kept, :3, 3] @ character.turn.T
    shapes = {}
    for column, target in zip(columns, read.primitive.get("targets") or [], strict=False):
        place = target.get("POSITION") if isinstance(target, dict) else None
        if place is not None and column not in shapes:
            deltas = character.gltf.accessor(place)
            if deltas.shape != positions.shape:
                raise InputError(f"{character.gltf.path}: a shape has {len(deltas)} vertices, its mesh {count}")
            shapes[column] = np.einsum("vij,vj->vi", linear, deltas[kept]).astype(np.float32)
    if character.jaw is not None and (share := shares[2][kept]).any():
        shapes[character.names.index(character.jaw)] = _dropped(points, share, character, worlds)
    uv = read.attribute("TEXCOORD_0")
    material = read.primitive.get("material", -1)
    yield Surface(
        name=str(node.get("name", index)),
        points=points.astype(np.float32),
        faces=faces.reshape(-1, 3).astype(np.int32),
        shapes=shapes,
        material=material if isinstance(material, int) else -1,
        uv=uv[kept].astype(np.float32) if uv is not None and uv.shape == (count, 2) else None,
        eyes=eyes[kept],
    )


def _dropped(points: np.ndarray, share: np.ndarray, character: Character, worlds: np.ndarray) -> np.ndarray:
    """(V, 3) by which the bone of the jaw, turned by JAW_OPEN about the axis from ear to ear, moves points."""
    arm = points - character.turn @ worlds[character.bones["jaw"], :3, 3]
    c, s = np.cos(JAW_OPEN), np.sin(JAW_OPEN)
    return ((arm @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T - arm) * share[:, None]).astype(np.float32)


def _skinned(
    gltf: Gltf, read: _Reader, skin: Any, worlds: np.ndarray, count: int, carried: tuple[set[int], ...]
) -> list[np.ndarray]:
    """(V, 4, 4) where its bones put each vertex, and for each set of nodes (V,) the share that it carries."""
    skins = gltf.items("skins")
    joints = skins[skin].get("joints") if isinstance(skin, int) and 0 <= skin < len(skins) else None
    numbers, weights = read.attribute("JOINTS_0"), read.attribute("WEIGHTS_0")
    joints = joints if isinstance(joints, list) else []
    good = bool(joints) and all(isinstance(j, int) and 0 <= j < len(worlds) for j in joints)
    if not good or numbers is None or weights is None or numbers.shape != (count, 4) or weights.shape != (count, 4):
        raise InputError(f"{gltf.path}: a mesh is bound to a skin {skin!r} that is not there, or without weights")
    bound = np.broadcast_to(np.eye(4), (len(joints), 4, 4))
    if "inverseBindMatrices" in skins[skin]:
        bound = gltf.accessor(skins[skin]["inverseBindMatrices"])
        if bound.shape != (len(joints), 16):
            raise InputError(f"{gltf.path}: skin {skin} has {len(joints)} joints and {len(bound)} matrices")
        bound = bound.reshape(-1, 4, 4).transpose(0, 2, 1)
    if numbers.max() >= len(joints):
        raise InputError(f"{gltf.path}: a vertex is bound to a bone that is not there; the file is damaged")
    placed = worlds[joints] @ bound
    weights = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    chosen = numbers.astype(np.int64)
    matrices = np.einsum("vk,vkij->vij", weights, placed[chosen])
    return [matrices, *((weights * np.array([j in some for j in joints])[chosen]).sum(1) for some in carried)]


def _draco(gltf: Gltf, about: dict[str, Any]) -> Any:
    try:
        import DracoPy
    except ImportError:
        raise Undecoded("compressed by Draco; pip install 'talkinghead[gltf]' reads it") from None
    data = gltf.view(about.get("bufferView"))[0]
    try:
        return DracoPy.decode(data)
    except Exception as error:  # the decoder of a foreign library raises nearly anything
        raise Undecoded(f"compressed by Draco, and damaged ({brief(error)})") from None


def geometry(character: Character, *, kinds: bool = False) -> dict[str, Any]:
    """The fields of a Head; `parts` as (name, colour, roughness, faces), named by what is drawn and a number.

    kinds: also `kinds`, (V,) of `head.character.part_names` by the names of nodes and materials.

    Of a file whose data cannot be decoded there are no vertices, and `provenance` says why.
    """
    about: dict[str, Any] = {"source": character.gltf.path.name}
    asset = character.gltf.json.get("asset")
    if isinstance(asset, dict) and isinstance(asset.get("copyright"), str):
        about["licence"] = asset["copyright"]
    try:
        found = surfaces(character)
    except Undecoded as reason:
        about["undecoded"], found = str(reason), []
    looks = [_look(character.gltf, s) for s in found]
    for surface, look in zip(found, looks, strict=True):
        if look.holes:
            surface.faces = surface.faces[drawn(look.picture, look.alpha, surface.uv, surface.faces)]
    starts = np.cumsum([0, *(len(s.points) for s in found)])
    basis = np.zeros((len(character.names), int(starts[-1]), 3), np.float32)
    for start, surface in zip(starts, found, strict=False):
        for column, deltas in surface.shapes.items():
            basis[column, start : start + len(deltas)] = deltas
    empty = np.zeros((0, 3))
    template = np.concatenate([empty, *(s.points for s in found)]).astype(np.float32)
    faces = np.concatenate([empty, *(s.faces + start for s, start in zip(found, starts, strict=False))]).astype(np.int32)
    lips = find_lips(template, faces, _opening(character, basis))
    ends = np.cumsum([0, *(len(s.faces) for s in found)])
    parts = [
        (f"{k.name}_{n}", k.colour, k.roughness, (int(a), int(b)))
        for n, (k, a, b) in enumerate(zip(looks, ends, ends[1:], strict=False))
    ]
    texture, uv = _texture(character.gltf, found, looks)
    worlds = bones.worlds(character.gltf)
    places = {name: (character.turn @ worlds[node, :3, 3]).astype(np.float32) for name, node in character.bones.items()}
    joints = {name: places[name] for name in ("left_eye", "right_eye") if name in places}
    if (neck := places.get("neck", places.get("head"))) is not None:
        joints["neck"] = neck
    told = {"kinds": np.concatenate([np.zeros(0, int), *(np.full(len(s.points), _kind(character.gltf, s)) for s in found)])}
    return {
        **(told if kinds else {}),
        "name": character.gltf.path.stem,
        "template": template,
        "faces": faces,
        "basis": basis,
        "names": character.names,
        "uv": uv,
        "uv_faces": None if uv is None else faces,
        "texture": texture,
        "parts": parts,
        "regions": {"eyeballs": np.concatenate([np.zeros(0), *(s.eyes for s in found)]).astype(np.float32)},
        "landmarks": {name: place for name, vertex in lips.items() if (place := on_triangle(faces, vertex)) is not None},
        "joints": joints,
        "provenance": about,
    }


def _opening(character: Character, basis: np.ndarray) -> np.ndarray:
    """(V, 3) what the control that opens the mouth most moves at 1."""
    if not character.controls:
        return np.zeros(basis.shape[1:])
    control = max(character.controls, key=lambda control: control.recipe.get("jawOpen", 0))
    return sum(
        (basis[character.names.index(name)] * weight for name, weight in control.drives.items()), np.zeros(basis.shape[1:])
    )


@dataclass
class Look:
    """A surface's material. name: of a Part. colour: linear light. holes: whether faces with little alpha are not seen."""

    name: str
    colour: tuple[float, float, float]
    alpha: float
    roughness: float
    picture: np.ndarray | None
    holes: bool


def _look(gltf: Gltf, surface: Surface) -> Look:
    materials = gltf.items("materials")
    material = materials[surface.material] if 0 <= surface.material < len(materials) else {}
    about = material.get("pbrMetallicRoughness")
    about = about if isinstance(about, dict) else {}
    try:
        factor = [*list(about.get("baseColorFactor", (1, 1, 1, 1))), 1.0]
        red, green, blue, alpha = (min(max(float(v), 0.0), 1.0) for v in factor[:4])
        rough = min(max(float(about.get("roughnessFactor", 1.0)), 0.0), 1.0)
    except (TypeError, ValueError):
        red, green, blue, alpha, rough = 1.0, 1.0, 1.0, 1.0, 1.0
    words = f"{surface.name} {material.get('name', '')}".lower()
    name = "other" if not surface.shapes else "teeth" if "teeth" in words else "skin"
    holes = material.get("alphaMode", "OPAQUE") != "OPAQUE"
    return Look(name, (red, green, blue), alpha, rough, base_picture(gltf, material), holes)


def _kind(gltf: Gltf, surface: Surface) -> int:
    materials = gltf.items("materials")
    material = materials[surface.material] if 0 <= surface.material < len(materials) else {}
    return kind_of(str(material.get("name", ""))) or kind_of(surface.name)


def _texture(gltf: Gltf, found: list[Surface], looks: list[Look]) -> tuple[np.ndarray | None, np.ndarray | None]:
    """One texture of all materials, and (V, 2) coordinates in it; None where no material has a picture."""
    if all(look.picture is None for look in looks):
        return None, None
    numbers: dict[int, int] = {}
    pictures = []
    lies = [bool(s.shapes) or not any(other.shapes for other in found) for s in found]  # on a face: shapes, where there are any
    faces = [(s, k.picture) for s, k, on in zip(found, looks, lies, strict=True) if on and not _kind(gltf, s)]
    skin = max(faces, key=lambda pair: len(pair[0].points), default=None)  # what brows and lashes lie on
    ground = None if skin is None or skin[1] is None or skin[0].uv is None else main_colour(skin[1], skin[0].uv)
    for surface, look, on in zip(found, looks, lies, strict=True):
        if surface.material not in numbers:
            numbers[surface.material] = len(pictures)
            picture = look.picture
            if picture is not None and ground is not None and look.holes and on:
                picture = over(picture, ground)
            pictures.append(picture)
    texture, places = atlas(pictures)
    centre = np.full((1, 2), 0.5, np.float32)
    uv = [placed(np.repeat(centre, len(s.points), 0) if s.uv is None else s.uv, places[numbers[s.material]]) for s in found]
    return texture, np.concatenate(uv)
