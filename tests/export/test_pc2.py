from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.export import pc2, save
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
