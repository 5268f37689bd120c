"""glTF of strangers: what is damaged is said in one line, and nothing outside the file's folder is read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from characters import character, write_glb

from talkinghead import Head
from talkinghead.errors import InputError
from talkinghead.io.gltf import Gltf

DAMAGES = {
    "a buffer view beyond the buffer": lambda g: g["bufferViews"][0].update(byteLength=10**9),
    "an accessor of a billion": lambda g: g["accessors"][0].update(count=10**9),
    "an accessor beyond its view": lambda g: g["accessors"][0].update(byteOffset=4000),
    "a negative offset": lambda g: g["accessors"][0].update(byteOffset=-8),
    "a view that is not there": lambda g: g["accessors"][0].update(bufferView=999),
    "nodes in a circle": lambda g: g["nodes"][6].update(children=[2]),
    "a node of two parents": lambda g: g["nodes"][0].update(children=[3]),
    "a transform that is no number": lambda g: g["nodes"][3].update(translation=["a", 0, 0]),
    "a mesh that is not there": lambda g: g["nodes"][0].update(mesh=7),
    "a skin without joints": lambda g: g["skins"][0].update(joints=[]),
    "a joint that is not there": lambda g: g["skins"][0].update(joints=[99] * 5),
    "indices of vertices that are not there": lambda g: g["meshes"][0]["primitives"][0].update(indices=4),
    "targets that are a number": lambda g: g["meshes"][0]["primitives"][0].update(targets=3),
    "primitives that are a number": lambda g: g["meshes"][0].update(primitives=3),
    "nodes that are text": lambda g: g.update(nodes="many"),
    "a shape of another length": lambda g: g["meshes"][0]["primitives"][0]["targets"][0].update(POSITION=2),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_description_is_said_in_one_line(name, tmp_path):
    gltf, binary = character(["jawOpen", "mouthClose"])
    DAMAGES[name](gltf)
    with pytest.raises(InputError, match=r"avatar\.glb") as told:
        Head.load(write_glb(tmp_path / "avatar.glb", gltf, binary))
    assert "\n" not in str(told.value)


def test_cut_and_scrambled_files_are_refused_or_read(tmp_path):
    """Nothing but InputError leaves the reader, wherever the bytes are cut or changed."""
    data = write_glb(tmp_path / "good.glb", *character(["jawOpen"])).read_bytes()
    rng, path = np.random.default_rng(0), tmp_path / "bad.glb"
    text = struct.unpack_from("<I", data, 12)[0]
    for trial in range(60):
        bad = bytearray(data[: rng.integers(1, len(data))] if trial % 3 == 0 else data)
        for place in rng.integers(0, min(len(bad), text + 20), 3):
            bad[place] = rng.integers(32, 127)
        path.write_bytes(bad)
        try:
            head = Head.load(path)
        except InputError:
            continue
        assert np.isfinite(head.template).all()


@pytest.mark.parametrize(
    "uri", ["../secret.bin", "/etc/hostname", "file:///etc/hostname", "http://localhost/a.bin", "%2e%2e/secret.bin"]
)
def test_a_description_names_no_file_outside_its_folder(uri, tmp_path):
    gltf, binary = character(["jawOpen"])
    gltf["buffers"][0]["uri"] = uri
    (tmp_path / "secret.bin").write_bytes(binary)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "avatar.gltf").write_text(json.dumps(gltf))
    with pytest.raises(InputError, match="is not in its folder"):
        Head.load(tmp_path / "in" / "avatar.gltf")


def test_accessors_are_read_as_the_specification_says(tmp_path):
    """Strides, normalised integers, sparse values over zeros."""
    rows = np.array([[1, 2, 3, 99], [4, 5, 6, 99]], "<i2")
    data = rows.tobytes() + np.array([1], "u1").tobytes() + b"\0" * 3 + np.array([[7, 8, 9]], "<f4").tobytes()
    views = [{"buffer": 0, "byteLength": 16, "byteStride": 8}, {"buffer": 0, "byteOffset": 16, "byteLength": 1}]
    views += [{"buffer": 0, "byteOffset": 20, "byteLength": 12}]
    sparse = {"count": 1, "indices": {"bufferView": 1, "componentType": 5121}, "values": {"bufferView": 2}}
    accessors = [
        {"bufferView": 0, "componentType": 5122, "count": 2, "type": "VEC3"},
        {"bufferView": 0, "componentType": 5122, "count": 2, "type": "VEC3", "normalized": True},
        {"componentType": 5126, "count": 3, "type": "VEC3", "sparse": sparse},
    ]
    about = {"asset": {"version": "2.0"}, "buffers": [{"byteLength": len(data)}], "bufferViews": views, "accessors": accessors}
    gltf = Gltf.read(write_glb(Path(tmp_path / "a.glb"), about, data))
    np.testing.assert_array_equal(gltf.accessor(0), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_allclose(gltf.accessor(1), np.array([[1, 2, 3], [4, 5, 6]]) / 32767, rtol=1e-6)
    np.testing.assert_array_equal(gltf.accessor(2), [[0, 0, 0], [7, 8, 9], [0, 0, 0]])


def test_meshopt_is_decoded(tmp_path):
    meshopt = pytest.importorskip("meshopt")
    rows = np.arange(24, dtype="<f4").reshape(8, 3)
    data = meshopt.encode_gltf_buffer(rows, "ATTRIBUTES")
    packed = {"buffer": 0, "byteOffset": 0, "byteLength": len(data), "byteStride": 12, "count": 8, "mode": "ATTRIBUTES"}
    view = {"buffer": 1, "byteLength": 96, "extensions": {"EXT_meshopt_compression": packed}}
    buffers = [{"byteLength": len(data)}, {"byteLength": 96, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}]
    accessor = {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"}
    about = {"asset": {"version": "2.0"}, "buffers": buffers, "bufferViews": [view], "accessors": [accessor]}
    np.testing.assert_array_equal(Gltf.read(write_glb(Path(tmp_path / "a.glb"), about, data)).accessor(0), rows)
