"""Meshes keep their vertices, in number and order."""

from __future__ import annotations

import numpy as np
import pytest
from layouts_vertices import face, write_obj, write_ply
from strangers import check_damaged

from talkinghead.errors import InputError
from talkinghead.io.meshes import read_mesh


@pytest.mark.parametrize("name", ["a.ply", "a.obj", "a.OBJ"])
def test_order_and_number_of_vertices(tmp_path, name):
    """Also of vertices that are there twice, that no face has, and where the texture has a seam."""
    vertices, faces = face()
    vertices = np.concatenate([vertices, vertices[:3], [[9, 9, 9]]]).astype(np.float32)
    (write_ply if name.endswith("ply") else write_obj)(tmp_path / name, vertices, faces)
    found, triangles = read_mesh(tmp_path / name)
    np.testing.assert_allclose(found, vertices, atol=1e-6)
    np.testing.assert_array_equal(triangles, faces)
    assert found.dtype == np.float32 and triangles.dtype == np.int32


def test_polygons_and_indices_from_the_end(tmp_path):
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1//1 2//2 3//3 4//4\nf -4 -3 -2\n")
    assert read_mesh(tmp_path / "a.obj")[1].tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]


def test_text_ply(tmp_path):
    head = "ply\nformat ascii 1.0\ncomment x\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    head += "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_text(head + "0 0 0\n1 0 0\n1 1 0\n0 1 0\n4 0 1 2 3\n")
    vertices, faces = read_mesh(tmp_path / "a.ply")
    assert len(vertices) == 4 and {tuple(sorted(row)) for row in faces.tolist()} in (
        {(0, 1, 2), (0, 2, 3)},
        {(0, 1, 3), (1, 2, 3)},
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.obj", "v 0 0 x\n"),
        ("a.obj", "v 0 0 0\nf 1 2 3\n"),
        ("a.obj", "v 0 0 nan\n"),
        ("a.obj", ""),
        ("a.ply", ""),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 400000000000\nproperty float x\nend_header\n"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n"),
        ("a.stl", "solid"),
    ],
)
def test_bad_meshes(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name}: ") as error:
        read_mesh(tmp_path / name)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        read_mesh(tmp_path / f"x{name}")


@pytest.mark.parametrize("name", ["obj", "ply", "ply_text", "pc2", "mc"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def test_a_texture_that_a_header_names_is_not_opened(tmp_path, monkeypatch, caplog):
    """It may be any file of the user."""
    from PIL import Image

    Image.new("RGB", (1, 1)).save(tmp_path / "secret.png")
    (tmp_path / "set").mkdir()
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened a picture"))
    head = "ply\nformat ascii 1.0\ncomment TextureFile ../secret.png\nelement vertex 3\nproperty float x\nproperty float y\n"
    head += "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "set/a.ply").write_text(head + "0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n")
    vertices, _ = read_mesh(tmp_path / "set/a.ply")
    assert len(vertices) == 3 and not caplog.records


@pytest.mark.parametrize("count", [10**9, 2**63, -1])
def test_a_header_with_more_vertices_than_bytes(tmp_path, count):
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {count}\n"
    (tmp_path / "a.ply").write_text(head + "property float x\nproperty float y\nproperty float z\nend_header\n")
    with pytest.raises(InputError, match=r"a\.ply: "):
        read_mesh(tmp_path / "a.ply")
