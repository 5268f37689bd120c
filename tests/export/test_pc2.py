from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.export import load, pc2, save
from talkinghead.io.meshes import read_mesh, read_pc2


def test_samples_are_the_posed_vertices_of_the_mesh_beside(default_motion, tmp_path, monkeypatch):
    monkeypatch.setattr(pc2, "AT_ONCE", 5)
    save(default_motion, tmp_path / "a.pc2")
    found = read_pc2(tmp_path / "a.pc2")
    np.testing.assert_allclose(found, default_motion.vertices(posed=True), atol=1e-6)
    vertices, faces = read_mesh(tmp_path / "a_mesh.obj")
    np.testing.assert_allclose(vertices, default_motion.head.template, atol=1e-6)
    np.testing.assert_array_equal(faces, default_motion.head.faces)


def test_it_holds_a_residual(tiny_motion, tmp_path):
    motion = replace(tiny_motion, residual=np.full((12, 22, 3), 0.01))
    save(motion, tmp_path / "a.pc2")
    np.testing.assert_allclose(read_pc2(tmp_path / "a.pc2"), motion.vertices(posed=True), atol=1e-6)


def test_a_mesh_of_somebody_else_stays(tiny_motion, tmp_path):
    (tmp_path / "a_mesh.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"would replace a_mesh\.obj, which is yours"):
        save(tiny_motion, tmp_path / "a.pc2")
    assert [path.name for path in tmp_path.iterdir()] == ["a_mesh.obj"]


@pytest.mark.parametrize("suffix", [".pc2", ".npy"])
def test_vertices_are_read_as_weights_and_a_pose(suffix, default_motion, tmp_path):
    """Whatever the shapes can express comes back to a hundredth of a millimetre."""
    turned = replace(default_motion, rotation=np.tile([0.0, 0.2, 0.05], (len(default_motion), 1)), tongue=None, gaze=None)
    path = tmp_path / f"a{suffix}"
    if suffix == ".pc2":
        save(turned, path)
    else:
        np.save(path, turned.vertices(posed=True).reshape(len(turned), -1))
    found = load(path, fps=30)
    assert found.residual is None and found.fps == 30
    np.testing.assert_allclose(found.vertices(posed=True), turned.vertices(posed=True), atol=1e-4)
    np.testing.assert_allclose(found.vertices(), turned.vertices(), atol=1e-4)
    assert found.meta["left_out"]["largest"] < 1e-4


def test_vertices_that_do_not_fit_are_refused(default_motion, tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((3, 77)))
    with pytest.raises(InputError, match=r"head 'default' needs \(frames, 9851, 3\); name its own with --made-for"):
        load(path, fps=30)
    np.save(path, default_motion.vertices()[:2] * 1000)
    with pytest.raises(InputError, match="must be its own, in metres"):
        load(path, fps=30)
    np.save(path, default_motion.vertices()[:2])
    with pytest.raises(InputError, match="tells no frame rate"):
        load(path)
