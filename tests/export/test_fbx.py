from __future__ import annotations

import sys

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.export import check, save


def test_without_blenders_package_a_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    with pytest.raises(InputError, match=r"pip install 'talkinghead\[fbx\]'"):
        check(tmp_path / "a.fbx")


def test_blender_reads_the_weights_back(default_motion, tmp_path):
    bpy = pytest.importorskip("bpy")
    save(default_motion, tmp_path / "a.fbx")
    assert [path.name for path in tmp_path.iterdir()] == ["a.fbx"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 25
    bpy.ops.import_scene.fbx(filepath=str(tmp_path / "a.fbx"))
    (mesh,) = [thing for thing in bpy.data.objects if thing.type == "MESH"]
    shapes = mesh.data.shape_keys.key_blocks
    assert {*default_motion.head.names} <= set(shapes.keys())
    weights = default_motion.with_gaze_as_shapes().coefficients[:, default_motion.head.index("jawOpen")]
    found = []
    for t in range(len(default_motion)):
        bpy.context.scene.frame_set(t + 1)  # Blender's files of FBX begin at frame 1
        found.append(shapes["jawOpen"].value)
    np.testing.assert_allclose(found, weights, atol=1e-3)
