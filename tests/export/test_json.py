from __future__ import annotations

import json

import numpy as np
import pytest

from talkinghead.export import curves, save


def test_both_forms_hold_the_weights(default_motion, tmp_path):
    save(default_motion, tmp_path / "a.json")
    expected = default_motion.with_gaze_as_shapes()
    content = json.loads((tmp_path / "a.json").read_text())
    audio2face = {key: content.pop(key) for key in ("exportFps", "numPoses", "numFrames", "facsNames", "weightMat")}
    assert (audio2face["exportFps"], audio2face["numPoses"], audio2face["numFrames"]) == (25.0, 52, 12)
    for form in (audio2face, content):
        (tmp_path / "form.json").write_text(json.dumps(form))
        again = curves.read(tmp_path / "form.json", fps=25)
        assert again.fps == pytest.approx(25)
        np.testing.assert_allclose(again.coefficients, expected.coefficients, atol=1e-6)


def test_turns_of_the_head_are_angles_about_x_y_z(tiny_motion, tmp_path):
    from scipy.spatial.transform import Rotation

    save(tiny_motion, tmp_path / "a.json")
    x, y, z = np.array([frame["rotation"] for frame in json.loads((tmp_path / "a.json").read_text())["frames"]]).T
    turns = Rotation.from_euler("YXZ", np.stack([y, x, z], 1)).as_rotvec()
    np.testing.assert_allclose(turns, tiny_motion.rotation, atol=1e-5)
