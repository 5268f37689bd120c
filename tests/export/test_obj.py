from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from talkinghead.errors import InputError
from talkinghead.export import obj
from talkinghead.head.looks.dressing import with_garments


def lines(path, kind: str) -> list[list[str]]:
    return [line.split()[1:] for line in path.read_text().splitlines() if line.split()[:1] == [kind]]


def test_frames_are_the_posed_vertices(default_motion, tmp_path):
    obj.write(default_motion, tmp_path / "a.obj")
    expected = [*(f"{t:05d}.obj" for t in range(12)), "head.mtl", "head.png"]
    assert sorted(path.name for path in (tmp_path / "a.obj").iterdir()) == expected
    for t in (0, 5, 11):
        vertices = np.array(lines(tmp_path / "a.obj" / f"{t:05d}.obj", "v"), np.float64)
        expected = with_garments(default_motion.head, default_motion.vertices(t, posed=True))
        np.testing.assert_allclose(vertices, expected, atol=1e-6)


def test_faces_coordinates_groups_and_materials(tiny_motion, tmp_path):
    obj.write(tiny_motion, tmp_path / "a.obj")
    head, frame = tiny_motion.head, tmp_path / "a.obj" / "00003.obj"
    corners = np.array([[corner.split("/") for corner in face] for face in lines(frame, "f")], int)
    np.testing.assert_array_equal(corners[..., 0] - 1, head.faces)
    np.testing.assert_array_equal(corners[..., 1] - 1, head.uv_faces)
    np.testing.assert_allclose(np.array(lines(frame, "vt"), float), head.uv, atol=1e-6)
    assert lines(frame, "g") == lines(frame, "usemtl") == [["skin"], ["lips"], ["eyes"]]
    order = [line.split()[0] for line in frame.read_text().splitlines() if line[:2] in ("g ", "f ")]
    assert order == ["g", "f", "f", "g", "f", "f", "g", *["f"] * 16]
    assert lines(frame, "mtllib") == [["head.mtl"]]
    materials = tmp_path / "a.obj" / "head.mtl"
    assert lines(materials, "newmtl") == [["skin"], ["lips"], ["eyes"]]
    assert lines(materials, "Kd")[0] == ["1.0000", "0.5000", "0.2500"]
    picture = Image.open(io.BytesIO((tmp_path / "a.obj" / lines(materials, "map_Kd")[0][0]).read_bytes()))
    np.testing.assert_array_equal(np.asarray(picture), head.texture)


def test_trimesh_loads_a_frame(tiny_motion, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    obj.write(tiny_motion, tmp_path / "a.obj")
    scene = trimesh.load(tmp_path / "a.obj" / "00000.obj")
    assert len(scene.geometry) == 3


def test_residual_is_in_the_vertices(tiny_motion, tmp_path):
    from dataclasses import replace

    residual = np.zeros((12, 22, 3))
    residual[:, 0] = [0.5, 0, 0]
    motion = replace(tiny_motion, residual=residual, rotation=None, translation=None)
    obj.write(motion, tmp_path / "a.obj")
    np.testing.assert_allclose(np.array(lines(tmp_path / "a.obj" / "00000.obj", "v"), float)[0], [0.4, -0.1, 0], atol=1e-3)


def test_our_folder_is_replaced_whole(tiny_motion, tmp_path):
    from dataclasses import replace

    obj.write(tiny_motion, tmp_path / "a.obj")
    obj.write(replace(tiny_motion.resample(10.0), meta={}), tmp_path / "a.obj")
    assert len(list((tmp_path / "a.obj").glob("*.obj"))) == 5
    (tmp_path / "empty.obj").mkdir()
    obj.write(tiny_motion, tmp_path / "empty.obj")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_not_ours_stays(tiny_motion, tmp_path):
    obj.write(tiny_motion, tmp_path / "mixed.obj")
    (tmp_path / "mixed.obj" / "notes.txt").write_text("mine")
    (tmp_path / "file.obj").write_text("v 0 0 0\n")
    (tmp_path / "scan.obj").mkdir()
    (tmp_path / "scan.obj" / "00000.obj").write_text("v 1 2 3\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("mixed.obj", "file.obj", "scan.obj"):
        with pytest.raises(InputError, match=name):
            obj.write(tiny_motion, tmp_path / name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_failure_leaves_the_old_frames(tiny_motion, tmp_path, monkeypatch):
    obj.write(tiny_motion, tmp_path / "a.obj")
    before = {path.name: path.read_bytes() for path in (tmp_path / "a.obj").iterdir()}

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(obj, "faces", fail)
    with pytest.raises(OSError, match="disk full"):
        obj.write(tiny_motion.resample(10.0), tmp_path / "a.obj")
    assert {path.name: path.read_bytes() for path in (tmp_path / "a.obj").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.obj"]
