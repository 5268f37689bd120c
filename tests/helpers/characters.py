"""Small characters as other programs write them: a face of two lips and a set of teeth on a skeleton, in glTF and VRM.

Metres, a mouth 6 cm wide at the height of 1.6; lower lips go down by `drop` at weight 1 of shapes that open the mouth.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

COLUMNS, ROWS, WIDTH, HEIGHT = 13, 4, 0.06, 1.6
BONES = {
    "Hips": (0, 1, 0),
    "Neck": (0, 1.45, 0),
    "Head": (0, 1.5, 0),
    "LeftEye": (0.03, 1.65, 0.07),
    "RightEye": (-0.03, 1.65, 0.07),
}
ABOVE = {"Neck": "Hips", "Head": "Neck", "LeftEye": "Head", "RightEye": "Head"}
TILT = (0.0, 0.0, np.sin(0.2), np.cos(0.2))  # the head bone's rotation at rest: about z by 0.4 rad
OPEN = {"jawOpen": 1.0, "aa": 1.0, "あ": 1.0, "A": 1.0, "mouthOpen": 1.0, "mouthClose": -1.0}


class Bin:
    """A binary chunk under construction."""

    def __init__(self) -> None:
        self.data, self.views, self.accessors = bytearray(), [], []

    def view(self, data: bytes, **about) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data), **about})
        self.data += data
        return len(self.views) - 1

    def accessor(self, values: np.ndarray, kind: str, *, limits: bool = False, view: dict | None = None, **about) -> int:
        codes = {"int16": 5122, "uint8": 5121, "uint16": 5123, "float32": 5126}
        accessor = {"bufferView": self.view(values.tobytes(), **(view or {})), "componentType": codes[values.dtype.name]}
        accessor |= {"count": len(values), "type": kind, **about}
        if limits:
            accessor |= {"min": values[:, :3].min(0).tolist(), "max": values[:, :3].max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def sparse(self, values: np.ndarray) -> int:
        rows = np.flatnonzero(values.any(1)).astype("u2")
        about = {"componentType": 5126, "count": len(values), "type": "VEC3"}
        about |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        if len(rows):
            about["sparse"] = {
                "count": len(rows),
                "indices": {"bufferView": self.view(rows.tobytes()), "componentType": 5123},
                "values": {"bufferView": self.view(values[rows].tobytes())},
            }
        self.accessors.append(about)
        return len(self.accessors) - 1


def lips(drop: float, sign: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, faces and what opening moves; the upper lip's lowest row lies on the lower lip's highest."""
    across = np.linspace(-WIDTH / 2, WIDTH / 2, COLUMNS)
    points, faces, moved = [], [], []
    for lip, way in ((0, 1), (1, -1)):
        start = len(points)
        for row in range(ROWS):
            points += [[x * sign, HEIGHT + way * 0.008 * row, 0.1 * sign] for x in across]
            moved += [[0, -drop * lip * (1 - abs(2 * x / WIDTH) ** 4), 0] for x in across]
        for row in range(ROWS - 1):
            for column in range(COLUMNS - 1):
                a = start + row * COLUMNS + column
                faces += [[a, a + 1, a + COLUMNS], [a + 1, a + COLUMNS + 1, a + COLUMNS]]
    return np.array(points, "<f4"), np.array(faces, "<u2"), np.array(moved, "<f4")


def character(
    names: list[str],
    *,
    drop: float = 0.03,
    opening: dict[str, float] | None = None,
    backwards: bool = False,
    quantised: bool = False,
    sparse: bool = False,
    bones: bool = True,
    jaw: str | None = None,
    extensions: dict | None = None,
    **more,
) -> tuple[dict, bytes]:
    """The description and the binary chunk. opening: shape -> share of `drop` by which it parts the lips; see OPEN.

    Two meshes have the shapes, the face and the teeth; what moves no lip moves a corner of the face a little. jaw: the name of
    a bone that carries the lower lip, and of the teeth the lower row.
    """
    opening = OPEN if opening is None else opening
    sign = -1.0 if backwards else 1.0
    points, faces, moved = lips(drop, sign)
    out = Bin()
    meshes = []
    count = len(points)
    for name, away in (("Face", 0.0), ("Teeth", 0.02 * sign)):
        placed = (points - [0, 0, away]).astype("<f4")
        attributes = {"POSITION": _positions(out, placed, quantised)}
        attributes["TEXCOORD_0"] = out.accessor(np.zeros((count, 2), "<f4"), "VEC2", view={"target": 34962})
        if bones:
            carriers = np.full((count, 4), [2, 0, 0, 0], "u1")
            if jaw:
                carriers[count // 2 :, 0] = len(BONES)
            attributes["JOINTS_0"] = out.accessor(carriers, "VEC4", view={"target": 34962})
            attributes["WEIGHTS_0"] = out.accessor(np.full((count, 4), [1, 0, 0, 0], "<f4"), "VEC4", view={"target": 34962})
        targets = []
        for number, shape in enumerate(names):
            deltas = moved * np.float32(opening.get(shape, 0.0))
            if shape not in opening:
                deltas = np.zeros_like(moved)
                deltas[number % count] = [0, 0, 0.001]
            if quantised:
                store = {"limits": True, "normalized": True, "view": {"byteStride": 8, "target": 34962}}
                targets.append({"POSITION": out.accessor(_pad(np.round(deltas / 2 * 32767).astype("<i2")), "VEC3", **store)})
            else:
                plain = out.sparse(deltas) if sparse else out.accessor(deltas, "VEC3", limits=True, view={"target": 34962})
                targets.append({"POSITION": plain})
        indices = out.accessor(faces.reshape(-1, 1), "SCALAR", view={"target": 34963})
        primitive = {"attributes": attributes, "indices": indices, "material": 0}
        meshes.append({"name": name, "primitives": [primitive]})
        if names:
            primitive["targets"], meshes[-1]["extras"] = targets, {"targetNames": names}
    gltf = {
        "asset": {"version": "2.0", "generator": "by hand", "copyright": "CC0"},
        "scene": 0,
        "nodes": [{"name": "FaceNode", "mesh": 0}, {"name": "TeethNode", "mesh": 1}],
        "meshes": meshes,
        "materials": [{"name": "skin", "doubleSided": True, "pbrMetallicRoughness": {"baseColorFactor": [0.8, 0.5, 0.4, 1]}}],
        "extras": {"kept": ["as", {"it": 1.5}]},
        **more,
    }
    roots = [0, 1]
    if bones:
        _skeleton(gltf, out, sign, jaw)
        roots.append(2)
    if quantised:  # the mesh is stored at half its size
        gltf["extensionsUsed"] = gltf["extensionsRequired"] = ["KHR_mesh_quantization"]
        for node in gltf["nodes"][:2]:
            node["scale"] = [2.0, 2.0, 2.0]
    if extensions:
        gltf["extensions"] = extensions
        gltf["extensionsUsed"] = [*gltf.get("extensionsUsed", []), *extensions]
    gltf["scenes"] = [{"nodes": roots}]
    gltf |= {"bufferViews": out.views, "accessors": out.accessors, "buffers": [{"byteLength": len(out.data)}]}
    return gltf, bytes(out.data)


def _positions(out: Bin, points: np.ndarray, quantised: bool) -> int:
    if not quantised:
        return out.accessor(points, "VEC3", limits=True, view={"target": 34962})
    rows = _pad(np.round(points / 2 * 32767).astype("<i2"))
    return out.accessor(rows, "VEC3", limits=True, normalized=True, view={"byteStride": 8, "target": 34962})


def _pad(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.pad(rows, ((0, 0), (0, 1))))


def _skeleton(gltf: dict, out: Bin, sign: float, jaw: str | None) -> None:
    """Bones below the nodes of the meshes, the head's tilted at rest, and a skin that binds the meshes to them."""
    bones = BONES | ({jaw: (0, 1.6, 0.02)} if jaw else {})
    first, order = len(gltf["nodes"]), list(bones)
    turned, matrices = {name: np.eye(3) for name in bones}, []
    c, s = np.cos(0.4), np.sin(0.4)
    for name in order[2:]:
        turned[name] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    for name, place in bones.items():
        place = np.array(place, float) * [sign, 1, sign]
        node = {"name": name}
        above = "Head" if name == jaw else ABOVE.get(name)
        base = np.array(bones[above], float) * [sign, 1, sign] if above else np.zeros(3)
        node["translation"] = (turned[above].T @ (place - base) if above else place).tolist()
        if name == "Head":
            node["rotation"] = list(TILT)
        gltf["nodes"].append(node)
        if above:
            gltf["nodes"][first + order.index(above)].setdefault("children", []).append(first + order.index(name))
        bind = np.eye(4)
        bind[:3, :3] = turned[name].T
        bind[:3, 3] = -turned[name].T @ place
        matrices.append(bind.T.reshape(-1))
    gltf["skins"] = [
        {
            "joints": list(range(first, first + len(order))),
            "inverseBindMatrices": out.accessor(np.array(matrices, "<f4"), "MAT4"),
        }
    ]
    for node in gltf["nodes"][:2]:
        node["skin"] = 0


def write_glb(path: Path, gltf: dict, binary: bytes, *, after: bytes = b"") -> Path:
    """A GLB of a description and a binary chunk; `after` follows as it is."""
    text = json.dumps(gltf, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary + after
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    return path


def read_glb(path: Path) -> tuple[dict, bytes, bytes]:
    """The description, the binary chunk and what follows it."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    length = struct.unpack_from("<I", data, 20 + size)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :][:length], data[28 + size + length :]


def animated(path: Path) -> tuple[np.ndarray, dict[tuple[str, str], np.ndarray]]:
    """(T + 1,) times and {(node, path): (T + 1, n)} of the animation that was added last."""
    gltf, binary, _ = read_glb(path)

    def values(index: int) -> np.ndarray:
        accessor = gltf["accessors"][index]
        view = gltf["bufferViews"][accessor["bufferView"]]
        return np.frombuffer(binary[view["byteOffset"] :][: view["byteLength"]], "<f4")

    animation = gltf["animations"][-1]
    times = values(animation["samplers"][0]["input"])
    out = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        target = channel["target"]
        out[gltf["nodes"][target["node"]]["name"], target["path"]] = values(sampler["output"]).reshape(len(times), -1)
    return times, out
