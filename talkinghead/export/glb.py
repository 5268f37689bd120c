"""`.glb`: glTF 2.0 with the head's shapes as morph targets and the motion as animated weights and pose.

Two nodes: `neck` stands at the neck joint and carries the pose (translation, rotation); its child `head` holds the mesh, whose
vertices are those of the template, and the animated weights. So posing by the nodes equals `Animation.vertices(posed=True)`.
Targets are sparse accessors (a brow moves 500 of 5000 vertices) and one without values where a part does not move.
Specification: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from talkinghead.export.mesh import SHEETS, Piece, base_colour, for_curves, neck_joint, parts, pieces, texture_png
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.head.normals import vertex_normals
from talkinghead.motion.animation import Animation
from talkinghead.version import __version__

ARRAY, INDEX = 34962, 34963  # bufferView targets: vertex attributes, indices
COMPONENT = {np.dtype("<f4"): 5126, np.dtype("<u2"): 5123, np.dtype("<u4"): 5125}
TYPE = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}


class Buffer:
    """The binary chunk under construction and the views and accessors that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict] = []
        self.accessors: list[dict] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        if target:
            self.views[-1]["target"] = target
        self.data += data
        return len(self.views) - 1

    def accessor(self, array: np.ndarray, target: int | None = None, *, limits: bool = False) -> int:
        """Store (N,) or (N, C) float32 or indices; `limits` adds the least and the greatest value of each component."""
        accessor = self._described(array, limits)
        accessor["bufferView"] = self.view(array.tobytes(), target)
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def morph(self, deltas: np.ndarray) -> int:
        """Store (N, 3) displacements: only those that are not zero, if that is smaller."""
        rows = np.flatnonzero(deltas.any(axis=1))
        indices = _indices(rows, len(deltas))
        if len(rows) * (indices.itemsize + 12) >= deltas.nbytes:
            return self.accessor(deltas, ARRAY, limits=True)
        accessor = self._described(deltas, True)
        if len(rows):
            values = {"bufferView": self.view(deltas[rows].tobytes())}
            where = {"bufferView": self.view(indices.tobytes()), "componentType": COMPONENT[indices.dtype]}
            accessor["sparse"] = {"count": len(rows), "indices": where, "values": values}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    @staticmethod
    def _described(array: np.ndarray, limits: bool) -> dict:
        width = 1 if array.ndim == 1 else array.shape[1]
        accessor = {"componentType": COMPONENT[array.dtype], "count": len(array), "type": TYPE[width]}
        if limits:
            accessor |= {"min": np.atleast_1d(array.min(0)).tolist(), "max": np.atleast_1d(array.max(0)).tolist()}
        return accessor


def write(animation: Animation, path: Path) -> None:
    """Write the head and its motion; gaze becomes eyeLook weights. Raises InputError if the motion has a residual."""
    animation = for_curves(animation, path)
    head, buffer = animation.head, Buffer()
    neck, png = neck_joint(head).tolist(), texture_png(head)
    gltf = {
        "asset": _asset(head),
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": "neck", "translation": neck, "children": [1]},
            {"name": "head", "mesh": 0, "translation": [-x for x in neck]},
        ],
        "meshes": [_mesh(buffer, head)],
        "materials": _materials(head, png is not None),
        "animations": [_motion(buffer, animation)],
    }
    if png:
        gltf["images"] = [{"name": "base colour", "mimeType": "image/png", "bufferView": buffer.view(png)}]
        gltf["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}]  # linear, clamped
        gltf["textures"] = [{"source": 0, "sampler": 0}]
    gltf |= {"bufferViews": buffer.views, "accessors": buffer.accessors, "buffers": [{"byteLength": len(buffer.data)}]}
    with replacing(path) as fresh:
        fresh.write_bytes(_container(gltf, bytes(buffer.data)))


def _asset(head: Head) -> dict:
    asset = {"version": "2.0", "generator": f"talkinghead {__version__}"}
    if licence := head.provenance.get("licence"):
        asset["copyright"] = f"{head.provenance.get('source', head.name)}, {licence}"
    return asset


def _mesh(buffer: Buffer, head: Head) -> dict:
    directions = vertex_normals(head.template.astype(np.float64), head.faces, missing=(0, 0, 1))
    mesh = {"name": head.name, "primitives": []}
    for material, piece in enumerate(pieces(head)):
        mesh["primitives"].append(_primitive(buffer, head, piece, directions) | {"material": material})
    if head.names:
        mesh |= {"weights": [0.0] * len(head.names), "extras": {"targetNames": list(head.names)}}
    return mesh


def _primitive(buffer: Buffer, head: Head, piece: Piece, directions: np.ndarray) -> dict:
    rows = piece.vertices
    attributes = {
        "POSITION": buffer.accessor(_float(head.template[rows]), ARRAY, limits=True),
        "NORMAL": buffer.accessor(_float(directions[rows]), ARRAY),
    }
    if piece.uv is not None:  # glTF counts v from the top of the picture
        attributes["TEXCOORD_0"] = buffer.accessor(_float(piece.uv * [1, -1] + [0, 1]), ARRAY)
    primitive = {
        "attributes": attributes,
        "indices": buffer.accessor(_indices(piece.faces.reshape(-1), len(rows)), INDEX),
        "mode": 4,
    }
    if head.names:
        primitive["targets"] = [{"POSITION": buffer.morph(_float(shape[rows]))} for shape in head.basis]
    return primitive


def _materials(head: Head, textured: bool) -> list[dict]:
    materials = []
    for part in parts(head):
        look: dict = {"baseColorFactor": [*base_colour(part), 1.0]}
        look |= {"metallicFactor": 0.0, "roughnessFactor": float(part.roughness)}
        if textured:
            look["baseColorTexture"] = {"index": 0}
        materials.append({"name": part.name, "pbrMetallicRoughness": look, "doubleSided": part.name in SHEETS})
    return materials


def _motion(buffer: Buffer, animation: Animation) -> dict:
    """Keys on the frame clock; the first and the last value are held to 0 and to the end, so that it starts with the sound."""
    keys = np.concatenate([[0.0], animation.times, [animation.duration]])
    held = np.concatenate([[0], np.arange(len(animation)), [len(animation) - 1]])
    time = buffer.accessor(_float(keys), limits=True)
    samplers, channels = [], []

    def channel(node: int, path: str, values: np.ndarray) -> None:
        channels.append({"sampler": len(samplers), "target": {"node": node, "path": path}})
        samplers.append({"input": time, "output": buffer.accessor(_float(values)), "interpolation": "LINEAR"})

    if animation.head.names:
        channel(1, "weights", animation.coefficients[held].reshape(-1))
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


def _container(gltf: dict, binary: bytes) -> bytes:
    """The GLB file: a header, the JSON chunk padded with spaces, the binary chunk padded with zeros."""
    text = json.dumps(gltf, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
