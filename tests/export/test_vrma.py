from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from talkinghead import Animation
from talkinghead.export import save
from talkinghead.head.head import Head
from talkinghead.head.visemes import NAMES, viseme_matrix
from talkinghead.motion.transfer.vrm_expressions import EXPRESSIONS


def read(path) -> tuple[dict, dict]:
    """The JSON of the file, and (node, path) -> values of its animation."""
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    gltf, binary = json.loads(data[20 : 20 + length]), data[28 + length :]
    (animation,) = gltf["animations"]
    found = {}
    for channel in animation["channels"]:
        accessor = gltf["accessors"][animation["samplers"][channel["sampler"]]["output"]]
        start, width = gltf["bufferViews"][accessor["bufferView"]]["byteOffset"], {"VEC3": 3, "VEC4": 4}[accessor["type"]]
        values = np.frombuffer(binary, "<f4", accessor["count"] * width, start).reshape(-1, width)
        found[channel["target"]["node"], channel["target"]["path"]] = values
    return gltf["extensions"]["VRMC_vrm_animation"], found


def test_bones_turn_the_head_and_shapes_are_custom_expressions(default_motion, tmp_path):
    save(default_motion, tmp_path / "a.vrma")
    about, found = read(tmp_path / "a.vrma")
    bones = {name: bone["node"] for name, bone in about["humanoid"]["humanBones"].items()}
    neck, head = (Rotation.from_quat(found[bones[bone], "rotation"][:12]) for bone in ("neck", "head"))
    np.testing.assert_allclose((neck * head).as_rotvec(), default_motion.rotation, atol=1e-5)
    expected = np.clip(default_motion.with_gaze_as_shapes().coefficients, 0, 1)
    assert set(about["expressions"]["custom"]) == set(default_motion.head.names)
    for i, name in enumerate(default_motion.head.names):
        weights = found[about["expressions"]["custom"][name]["node"], "translation"]
        np.testing.assert_allclose(weights[:12, 0], expected[:, i], atol=1e-6)
        assert not weights[:, 1:].any()


def test_vowels_are_presets(tmp_path):
    head = Head.default()
    order = {"aa": "aa", "ih": "I", "ou": "U", "ee": "E", "oh": "O"}
    assert EXPRESSIONS[:5] == tuple(order)
    shapes = viseme_matrix(head)
    motion = Animation(np.stack([0.7 * shapes[NAMES.index(viseme)] for viseme in order.values()]), 30, head)
    save(motion, tmp_path / "a.vrma")
    about, found = read(tmp_path / "a.vrma")
    presets = about["expressions"]["preset"]
    weights = np.stack([found[presets[name]["node"], "translation"][:5, 0] for name in order])
    np.testing.assert_allclose(weights, 0.7 * np.eye(5), atol=5e-3)
    assert set(presets) == set(EXPRESSIONS)


def test_the_gaze_is_where_the_eyes_look(tmp_path):
    gaze = np.tile(np.radians([6.0, 3.0]), (4, 2, 1))  # to the own left, +x, and up
    save(Animation(np.zeros((4, 52)), 30, Head.default(), gaze=gaze), tmp_path / "a.vrma")
    about, found = read(tmp_path / "a.vrma")
    x, y, z = Rotation.from_quat(found[about["lookAt"]["node"], "rotation"][0]).apply([0, 0, 1])
    assert (np.degrees(np.arctan2(x, z)), np.degrees(np.arcsin(y))) == pytest.approx((6, 3), abs=1e-3)
