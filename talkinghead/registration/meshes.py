"""Faces without shapes as files of meshes: .obj, .ply, .stl, .glb and .gltf. V vertices, F triangles, U texture vertices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.head.character.part_names import EYE, OTHER, kind_of
from talkinghead.io.gltf import is_gltf
from talkinghead.io.meshes import LONGEST, MOST_VERTICES
from talkinghead.registration.surface import weld

SUFFIXES = (".obj", ".ply", ".stl", ".glb", ".gltf", ".vrm")
LARGEST = 1 << 30  # bytes of a file
MOST_FITTED = 1_500_000  # vertices: 52 shapes of them take 936 MB
SCAFFOLD = ("helper-", "joint-")  # groups of MakeHuman's base mesh that are no skin
KEPT = ("helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
MOST_PIXELS = 1 << 26  # of a texture


@dataclass(frozen=True, eq=False)
class Mesh:
    """points: (V, 3) in the file's unit and axes. faces: (F, 3). uv: (U, 2), v up. uv_faces: (F, 3). texture: (H, W, 3) uint8.

    colours: (V, 3) uint8 sRGB of vertices, if the file has no texture. kinds: (V,) of
    `head.character.part_names`, as names in it say.
    """

    name: str
    points: np.ndarray
    faces: np.ndarray
    uv: np.ndarray | None = None
    uv_faces: np.ndarray | None = None
    texture: np.ndarray | None = None
    colours: np.ndarray | None = None
    kinds: np.ndarray | None = None


def is_mesh(path: str | Path) -> bool:
    """Whether the suffix is of a format that is read here."""
    return Path(path).suffix.lower() in SUFFIXES


def read(path: str | Path) -> Mesh:
    """The mesh of a file, its vertices in their order. Raises InputError for what is none, is damaged or too large."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if not is_mesh(path):
        raise InputError(f"{path}: a mesh is read from {' '.join(SUFFIXES)}")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: larger than {LARGEST >> 20} MiB, too large for a mesh of a head")
    try:
        mesh = _gltf(path) if is_gltf(path) else _obj(path) if path.suffix.lower() == ".obj" else _trimesh(path)
    except InputError:
        raise
    except Exception as error:  # readers of meshes raise whatever they happen to meet
        raise InputError(f"{path}: not a mesh, or damaged ({brief(error)})") from None
    points, faces = mesh.points, mesh.faces
    if not len(faces) or points.ndim != 2 or not np.isfinite(points).all():
        raise InputError(f"{path}: has no triangles, or vertices that are not finite")
    if faces.min() < 0 or faces.max() >= len(points):
        raise InputError(f"{path}: its faces name vertices that it does not have")
    if len(points) > MOST_FITTED:
        raise InputError(f"{path}: {len(points)} vertices; simplify it to at most {MOST_FITTED}, as with Blender's Decimate")
    return mesh


def _obj(path: Path) -> Mesh:
    points: list[list[float]] = []
    colours: list[list[float]] = []
    uv: list[list[float]] = []
    faces: list[list[int]] = []
    uv_faces: list[list[int]] = []
    materials: list[str] = []
    group, material = "", ""
    kinds: list[int] = []  # of faces
    skipped, textured = False, True
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if len(line) > LONGEST or max(len(points), len(faces)) > MOST_VERTICES:
                raise InputError(f"{path}: a line or a mesh of more than {MOST_VERTICES} vertices or faces")
            kind, *words = line.split() or [""]
            if kind == "v":
                points.append([float(word) for word in words[:3]])
                if len(words) >= 6:
                    colours.append([float(word) for word in words[3:6]])
            elif kind == "vt":
                uv.append([float(word) for word in (*words, "0")[:2]])
            elif kind in ("g", "o"):
                group = " ".join(words)
                skipped = group.startswith(SCAFFOLD) and group not in KEPT
            elif kind == "usemtl":
                material = " ".join(words)
            elif kind == "mtllib":
                materials.append(line.split(None, 1)[1].strip())
            elif kind == "f" and not skipped:
                corners = [(*word.split("/"), "")[:2] for word in words]
                places = [_place(first, len(points)) for first, _ in corners]
                faces += [[places[0], a, b] for a, b in pairwise(places[1:])]
                kinds += [kind_of(material) or kind_of(group)] * (len(places) - 2)
                textured = textured and all(second for _, second in corners)
                if textured:
                    marks = [_place(second, len(uv)) for _, second in corners]
                    uv_faces += [[marks[0], a, b] for a, b in pairwise(marks[1:])]
    whole = textured and bool(uv) and len(uv_faces) == len(faces)
    table = np.array(uv_faces, np.int64).reshape(-1, 3)
    whole = whole and 0 <= table.min(initial=0) <= table.max(initial=0) < len(uv)
    mesh = Mesh(
        path.stem,
        np.array(points, np.float64).reshape(-1, 3),
        np.array(faces, np.int64).reshape(-1, 3),
        np.array(uv, np.float32) if whole else None,
        table if whole else None,
        _texture_of(path, materials) if whole else None,
        _bytes(np.array(colours)) if colours and len(colours) == len(points) else None,
    )
    return _without_unused(replace(mesh, kinds=_of_vertices(mesh, np.array(kinds))))


def _of_vertices(mesh: Mesh, kinds: np.ndarray) -> np.ndarray | None:
    """(V,) kinds of vertices from those of faces; None where nothing is told, or parts share vertices, as names of areas do."""
    if not len(kinds) or kinds.min() == kinds.max():
        return None
    out = np.zeros(len(mesh.points), int)
    for kind in (EYE, OTHER):
        out[mesh.faces[kinds == kind]] = kind
    return out if (out[mesh.faces] == kinds[:, None]).all() else None


def _place(word: str, count: int) -> int:
    number = int(word)
    return number - 1 if number > 0 else count + number


def _bytes(colours: np.ndarray) -> np.ndarray:
    """(V, 3) colours in 0 to 1 or 0 to 255 -> uint8."""
    return np.clip(colours * (255 if colours.max(initial=0) <= 1 else 1), 0, 255).astype(np.uint8)


def _without_unused(mesh: Mesh) -> Mesh:
    """Vertices that only faces left out have used are left out, too; others without a face stay, as the order is the user's."""
    used = np.zeros(len(mesh.points), bool)
    used[mesh.faces] = True
    if used.mean() > 0.9:
        return mesh
    place = np.cumsum(used) - 1
    colours, kinds = (None if values is None else values[used] for values in (mesh.colours, mesh.kinds))
    return replace(mesh, points=mesh.points[used], faces=place[mesh.faces], colours=colours, kinds=kinds)


def _texture_of(path: Path, materials: list[str]) -> np.ndarray | None:
    """The picture that the material file beside an .obj names as map_Kd; None where there is none, or one lies elsewhere."""
    for name in materials:
        library = path.parent / Path(name).name
        if not library.is_file() or library.stat().st_size > 1 << 20:
            continue
        for line in library.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.strip().lower().startswith("map_kd"):
                picture = path.parent / Path(line.split(None, 1)[1].strip().replace("\\", "/")).name
                if picture.is_file() and (found := _picture(picture)) is not None:
                    return found
    beside = [path.with_suffix(suffix) for suffix in (".jpg", ".jpeg", ".png")]
    return next((found for p in beside if p.is_file() and (found := _picture(p)) is not None), None)


def _picture(path: Path) -> np.ndarray | None:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP", "BMP", "TIFF")) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _trimesh(path: Path) -> Mesh:
    try:
        import trimesh
    except ImportError:
        raise InputError(
            f"{path}: {path.suffix} needs trimesh: pip install 'talkinghead[fit]', or convert it to .obj"
        ) from None
    if path.suffix.lower() == ".ply":
        from talkinghead.io.meshes import read_mesh

        read_mesh(path)  # checks the header's counts and that nothing else is read
    data = BytesIO(path.read_bytes().replace(b"TextureFile", b"texture"))
    found = trimesh.load(data, file_type=path.suffix.lower()[1:], process=False, maintain_order=True, force="mesh")
    points, faces = np.asarray(found.vertices, np.float64), np.asarray(found.faces, np.int64)  # pyright: ignore
    colours = None
    visual = getattr(found, "visual", None)
    if getattr(visual, "kind", None) == "vertex":
        colours = np.asarray(visual.vertex_colors)[:, :3].astype(np.uint8)  # pyright: ignore
        colours = colours if len(colours) == len(points) and np.ptp(colours) > 0 else None
    if path.suffix.lower() == ".stl":  # triangles without shared corners
        unique, place = np.unique(points.astype(np.float32), axis=0, return_inverse=True)
        points, faces = unique.astype(np.float64), place.reshape(-1)[faces]
        faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])]
    return Mesh(path.stem, points, faces, colours=colours)


def _gltf(path: Path) -> Mesh:
    """All that a head carries, its vertices at one place as one: glTF splits them along seams of the texture."""
    from talkinghead.head.character import bones
    from talkinghead.head.character.character import Character
    from talkinghead.head.character.mesh import geometry
    from talkinghead.io.gltf import Gltf

    gltf = Gltf.read(path)
    names = bones.find_bones(gltf)
    turn = bones.facing(bones.worlds(gltf), names, backwards=False)
    fields = geometry(Character(gltf, (), (), frozenset(), (), names, turn), kinds=True)
    if not len(fields["faces"]):
        raise InputError(f"{path}: {fields['provenance'].get('undecoded', 'has no triangles')}")
    points, faces = fields["template"].astype(np.float64), fields["faces"].astype(np.int64)
    _, first, place = np.unique(weld(points, fields["kinds"]), return_index=True, return_inverse=True)
    order = np.argsort(first)  # the file's order of first appearance
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Mesh(
        path.stem,
        points[first[order]],
        rank[place.reshape(-1)][faces],
        fields["uv"],
        None if fields["uv"] is None else faces,
        fields["texture"],
        kinds=fields["kinds"][first[order]],
    )
