"""`.glb`, `.gltf`, `.vrm`: glTF 2.0 with the head's shapes as morph targets and the motion as animated weights and pose.

Two nodes: `neck` stands at the neck joint and carries the pose (translation, rotation); its child `head` holds the mesh, whose
vertices are those of the template, and the animated weights. So posing by the nodes equals `Animation.vertices(posed=True)`.
Targets are whole arrays; those of a part that does not move share one of zeros. Sparse accessors would take a quarter of it,
but without a buffer view below them Assimp, Open3D, Panda3D and VTK refuse the file, and with a shared one Babylon.js mixes the
shapes; compressed files have them. Frame t is the key at t / fps, as in the video and in the .csv: programs that know whole
frames only show the frames themselves, and not means of two of them. COLOR_0 is the light that an open mouth lets in, as
viewers have no shadows there. The texture is a JPEG. A `.gltf` has its data in its text; a `.vrm` is that of a VRM character.
Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export import character
from talkinghead.export.compress import LONGEST_ROW, MESHOPT, WEBP, packed, reordered, rounded
from talkinghead.export.mesh import (
    SHEETS,
    Piece,
    base_colour,
    for_meshes,
    neck_joint,
    parts,
    pieces,
    texture_jpeg,
    texture_webp,
    textured,
)
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import dressed
from talkinghead.head.normals import vertex_normals
from talkinghead.head.occlusion import WET, mouth_light
from talkinghead.io.gltf import data_uri
from talkinghead.motion.animation import Animation
from talkinghead.version import __version__

ARRAY, INDEX = 34962, 34963  # bufferView targets: vertex attributes, indices
COMPONENT = {np.dtype("u1"): 5121, np.dtype("<f4"): 5126, np.dtype("<u2"): 5123, np.dtype("<u4"): 5125}
FINE, COARSE = 15, 10  # bits of compressed floats; of those that are directions
SPECULAR, WET_MIRROR = "KHR_materials_specular", 0.2  # share of the reflections of a surface in the open
LEAST_TURN = 2e-3  # of a normal by a shape, as a length; less is not seen
TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class Buffer:
    """The binary chunk under construction and the views and accessors that describe it."""

    def __init__(self, *, compress: bool = False) -> None:
        self.pieces: list[bytes | memoryview] = []  # in the order of the file, with what pads them
        self.size = 0
        self.views: list[dict] = []
        self.accessors: list[dict] = []
        self.compress = compress
        self.plain_size = 0  # bytes of what is compressed
        self.still = 0  # rows of zeros that targets without motion share
        self._zeros: int | None = None

    def view(self, data: bytes | memoryview) -> int:
        """Store bytes as they are. They are not copied."""
        self.views.append({"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data)})
        return len(self.views) - 1

    def array(self, array: np.ndarray, target: int | None = None, *, columns: int = 1, **packing) -> int:
        """Store (N,) or (N, C) numbers, packed if the file is compressed; see `packed` for how.

        columns: how many numbers of a flat array belong together.
        """
        if self.compress:
            data, about = packed(array.reshape(-1, columns) if columns > 1 else array, **packing)
            self.plain_size += -self.plain_size % 4
            self.views.append({"buffer": 1, "byteOffset": self.plain_size, "byteLength": array.nbytes})
            place = {"buffer": 0, "byteOffset": self._append(data), "byteLength": len(data)}
            self.views[-1]["extensions"] = {MESHOPT: place | about}
            self.plain_size += array.nbytes
        else:
            self.view(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        if target:
            self.views[-1]["target"] = target
        return len(self.views) - 1

    def accessor(self, array: np.ndarray, target: int | None = None, *, limits: bool = False, **packing) -> int:
        """Store numbers and describe them; `limits` adds the least and the greatest value of each component."""
        if self.compress and limits and packing.get("bits"):
            array = rounded(array, packing["bits"])
        return self._describe(array, limits, bufferView=self.array(array, target, **packing))

    def morph(self, deltas: np.ndarray, place: int, *, limits: bool, bits: int) -> int:
        """Store (N, 3) displacements of a target, the number `place` of its part."""
        if self.compress:
            return self._sparse(deltas, limits, bits)
        if deltas.any():
            return self.accessor(deltas, ARRAY, limits=limits)
        if self._zeros is None:
            self._zeros = self.array(np.zeros((self.still, 3), "<f4"), ARRAY)
            self.views[self._zeros]["byteStride"] = 12
        # Panda3D takes accessors that begin at the same byte of a view for columns of one table.
        return self._describe(deltas, limits, bufferView=self._zeros, byteOffset=12 * place)

    def _sparse(self, deltas: np.ndarray, limits: bool, bits: int) -> int:
        """Store only those displacements that are not zero."""
        rows = np.flatnonzero(deltas.any(axis=1))
        if not len(rows):
            return self._describe(deltas, limits)
        indices, deltas = _indices(rows, len(deltas)), deltas.copy()
        deltas[rows] = rounded(deltas[rows], bits)
        values = {"bufferView": self.array(deltas[rows], bits=bits)}
        where = {"bufferView": self.array(indices, mode="INDICES"), "componentType": COMPONENT[indices.dtype]}
        return self._describe(deltas, limits, sparse={"count": len(rows), "indices": where, "values": values})

    def _append(self, data: bytes | memoryview) -> int:
        padding = b"\0" * (-self.size % 4)
        self.pieces += [padding, data]
        self.size += len(padding) + len(data)
        return self.size - len(data)

    def _describe(self, array: np.ndarray, limits: bool, **about) -> int:
        width = 1 if array.ndim == 1 else array.shape[1]
        about |= {"componentType": COMPONENT[array.dtype], "count": len(array), "type": TYPE[width]}
        if limits:
            about |= {"min": np.atleast_1d(array.min(0)).tolist(), "max": np.atleast_1d(array.max(0)).tolist()}
        self.accessors.append(about)
        return len(self.accessors) - 1


def write(animation: Animation, path: Path, *, shape_normals: bool = False, compress: bool = False) -> None:
    """Write the head and its motion; gaze becomes eyeLook weights, the tongue shapes of its own.

    Raises InputError if the motion has a residual, and for both options on a character, whose file stays as it is.

    shape_normals: every shape turns the normals, too, which viewers do not do by themselves. compress: see `export.compress`.
    """
    if animation.head.character is not None:
        if shape_normals or compress:
            option = "shape_normals" if shape_normals else "compress"
            raise InputError(f"{path}: {option} is for heads of this package; a character's file stays as it is")
        character.write(animation, animation.head.character, path)
        return
    character.check_character(None, path)
    animation = for_meshes(animation, path)
    head, buffer = animation.head, Buffer(compress=compress)
    neck = neck_joint(head).tolist()
    gltf = {
        "asset": _asset(head),
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": "neck", "translation": neck, "children": [1]},
            {"name": "head", "mesh": 0, "translation": [-x for x in neck]},
        ],
        "meshes": [_mesh(buffer, head, shape_normals=shape_normals)],
        "materials": _materials(dressed(head), textured(head)),
    }
    _dress(gltf, buffer, head)
    gltf["animations"] = [_motion(buffer, animation)]
    gltf |= _texture(buffer, head)
    gltf |= {"bufferViews": buffer.views, "accessors": buffer.accessors, "buffers": [{"byteLength": buffer.size}]}
    used = [SPECULAR] if any("extensions" in material for material in gltf["materials"]) else []
    if compress:
        gltf["buffers"].append({"byteLength": buffer.plain_size, "extensions": {MESHOPT: {"fallback": True}}})
        gltf["extensionsRequired"] = [MESHOPT, *([WEBP] if textured(head) else [])]
        used += gltf["extensionsRequired"]
    if used:
        gltf["extensionsUsed"] = used
    with replacing(path) as fresh, fresh.open("wb") as file:
        if path.suffix.lower() == ".gltf":
            gltf["buffers"][0]["uri"] = data_uri(b"".join(buffer.pieces))
            file.write(json.dumps(gltf, separators=(",", ":"), allow_nan=False).encode())
        else:
            file.writelines(container(gltf, buffer))


def _texture(buffer: Buffer, head: Head) -> dict:
    kind, picture = ("webp", texture_webp(head)) if buffer.compress else ("jpeg", texture_jpeg(head))
    if picture is None:
        return {}
    source = {"extensions": {WEBP: {"source": 0}}} if buffer.compress else {"source": 0}
    return {
        "images": [{"name": "base colour", "mimeType": f"image/{kind}", "bufferView": buffer.view(picture)}],
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],  # linear, clamped
        "textures": [source | {"sampler": 0}],
    }


def _asset(head: Head) -> dict:
    asset = {"version": "2.0", "generator": f"talkinghead {__version__}"}
    if licence := head.provenance.get("licence"):
        asset["copyright"] = f"{head.provenance.get('source', head.name)}, {licence}"
    return asset


def _mesh(buffer: Buffer, head: Head, *, shape_normals: bool) -> dict:
    cut = [reordered(piece) if buffer.compress else piece for piece in pieces(head)]
    shapes = [{"POSITION": shape} for shape in head.basis]
    normals = _normals(head, head.template)
    if shape_normals:
        for shape in shapes:
            turns = _normals(head, head.template + shape["POSITION"]) - normals
            shape["NORMAL"] = np.where(np.abs(turns).max(1, keepdims=True) < LEAST_TURN, 0, turns)
    buffer.still = max(len(piece.vertices) for piece in cut) + 2 * len(shapes)
    mesh = {"name": head.name, "primitives": []}
    for material, piece in enumerate(cut):
        primitive = _primitive(buffer, head, piece, normals) | {"material": material}
        if shapes:
            primitive["targets"] = _targets(buffer, shapes, piece.vertices)
        mesh["primitives"].append(primitive)
    if head.names:
        mesh |= {"weights": [0.0] * len(head.names), "extras": {"targetNames": list(head.names)}}
    return mesh


def _dress(gltf: dict, buffer: Buffer, head: Head) -> None:
    """Hair and clothes as meshes of their own, without shapes: hair below the node of the neck, clothes beside it."""
    full, first = dressed(head), len(parts(head))
    normals = _normals(full, full.template)
    for material, (item, piece) in enumerate(zip(head.garments, pieces(full)[first:], strict=True), first):
        primitive = _primitive(buffer, full, reordered(piece) if buffer.compress else piece, normals, lit=False)
        gltf["meshes"].append({"name": item.name, "primitives": [primitive | {"material": material}]})
        node: dict = {"name": item.name, "mesh": len(gltf["meshes"]) - 1}
        place = len(gltf["nodes"])
        if item.still:
            gltf["scenes"][0]["nodes"].append(place)
        else:
            gltf["nodes"][0]["children"].append(place)
            node["translation"] = gltf["nodes"][1]["translation"]
        gltf["nodes"].append(node)


def _normals(head: Head, vertices: np.ndarray) -> np.ndarray:
    return vertex_normals(vertices.astype(np.float64), head.faces, missing=(0, 0, 1))


def _primitive(buffer: Buffer, head: Head, piece: Piece, normals: np.ndarray, *, lit: bool = True) -> dict:
    rows = piece.vertices
    attributes = {
        "POSITION": buffer.accessor(_float(head.template[rows]), ARRAY, limits=True, bits=FINE),
        "NORMAL": buffer.accessor(_float(normals[rows]), ARRAY, bits=COARSE),
    }
    if piece.uv is not None:  # glTF counts v from the top of the picture
        attributes["TEXCOORD_0"] = buffer.accessor(_float(piece.uv * [1, -1] + [0, 1]), ARRAY, bits=FINE)
    light = mouth_light(head)[rows] if lit else np.ones(len(rows))
    if (light < 1).any():
        attributes["COLOR_0"] = buffer.accessor(_colours(light), ARRAY)
        buffer.accessors[-1]["normalized"] = True
    indices = buffer.accessor(_indices(piece.faces.reshape(-1), len(rows)), INDEX, mode="TRIANGLES")
    return {"attributes": attributes, "indices": indices, "mode": 4}


def _targets(buffer: Buffer, shapes: list[dict[str, np.ndarray]], rows: np.ndarray) -> list[dict[str, int]]:
    out = []
    for shape in shapes:
        target = {}
        for name, deltas in shape.items():
            place = len(shape) * len(out) + len(target)
            how = {"limits": True, "bits": FINE} if name == "POSITION" else {"limits": False, "bits": COARSE}
            target[name] = buffer.morph(_float(deltas[rows]), place, **how)
        out.append(target)
    return out


def _colours(light: np.ndarray) -> np.ndarray:
    """(N,) in [0, 1] -> (N, 4) uint8: grey in linear light, opaque."""
    grey = np.round(light * 255).astype(np.uint8)
    return np.stack([grey, grey, grey, np.full_like(grey, 255)], 1)


def _materials(head: Head, textured: bool) -> list[dict]:
    materials = []
    for part in parts(head):
        look: dict = {"baseColorFactor": [*base_colour(part), 1.0]}
        look |= {"metallicFactor": 0.0, "roughnessFactor": float(part.roughness)}
        if textured:
            look["baseColorTexture"] = {"index": 0}
        materials.append({"name": part.name, "pbrMetallicRoughness": look, "doubleSided": part.name in SHEETS})
        if part.name in WET:  # viewers mirror the whole sky in the mouth
            materials[-1]["extensions"] = {SPECULAR: {"specularFactor": WET_MIRROR}}
    return materials


def _motion(buffer: Buffer, animation: Animation) -> dict:
    """Keys at whole frames; the last value is held to the end of the sound."""
    keys = np.arange(len(animation) + 1) / animation.fps
    held = np.minimum(np.arange(len(animation) + 1), len(animation) - 1)
    time = buffer.accessor(_float(keys), limits=True)
    samplers, channels = [], []

    def channel(node: int, path: str, values: np.ndarray, columns: int = 1) -> None:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        samplers.append({"input": time, "output": buffer.accessor(_float(values), bits=FINE, columns=columns)})
        samplers[-1]["interpolation"] = "LINEAR"

    if animation.head.names:
        count = len(animation.head.names)
        channel(1, "weights", animation.coefficients[held].reshape(-1), count if 4 * count <= LONGEST_ROW else 1)
    if animation.translation is not None:
        channel(0, "translation", neck_joint(animation.head) + animation.translation[held])
    if animation.rotation is not None:
        channel(0, "rotation", quaternions(animation.rotation)[held])
    if not channels:  # a head without shapes that does not move either
        channel(0, "translation", np.repeat(neck_joint(animation.head)[None], len(held), 0))
    return {"name": "speech", "samplers": samplers, "channels": channels}


def quaternions(rotation: np.ndarray) -> np.ndarray:
    """(T, 4) x, y, z, w of (T, 3) axis-angles, each on the side of the one before, so that blending takes the short way."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_rotvec(rotation).as_quat()
    flips = np.cumprod(np.where((turns[1:] * turns[:-1]).sum(1) < 0, -1.0, 1.0))
    turns[1:] *= flips[:, None]
    return turns.astype(np.float32)


def _indices(values: np.ndarray, count: int) -> np.ndarray:
    """Indices into `count` vertices in the smallest type; 65535 itself is reserved."""
    return values.astype("<u2" if count <= 65535 else "<u4")


def _float(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, "<f4")


def container(gltf: dict, buffer: Buffer) -> Iterator[bytes | memoryview]:
    """The GLB file: a header, the JSON chunk padded with spaces, the binary chunk padded with zeros."""
    text = json.dumps(gltf, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary = buffer.size + -buffer.size % 4
    yield struct.pack("<4sII", b"glTF", 2, 28 + len(text) + binary)
    yield struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", binary, b"BIN\0")
    yield from buffer.pieces
    yield b"\0" * (binary - buffer.size)
