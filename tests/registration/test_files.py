"""Files of meshes and of landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from strangers import check_damaged

from talkinghead import cli
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.registration.landmark_files import IBUG, NAMED, read_landmarks
from talkinghead.registration.meshes import read

OBJ = """mtllib face.mtl
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
g joint-head
f 1/1 2/2 3/3
g body
f 1/1 2/2 3/3 4/4
"""


def test_an_obj_keeps_its_vertices_and_its_texture_and_no_scaffold(tmp_path):
    (tmp_path / "face.obj").write_text(OBJ)
    (tmp_path / "face.mtl").write_text("newmtl a\nmap_Kd C:\\work\\skin.png\n")
    Image.new("RGB", (4, 2), (9, 8, 7)).save(tmp_path / "skin.png")
    mesh = read(tmp_path / "face.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]] and len(mesh.points) == 4
    assert mesh.texture is not None and mesh.texture.shape == (2, 4, 3) and mesh.texture[0, 0].tolist() == [9, 8, 7]
    assert mesh.uv_faces is not None and mesh.uv_faces.tolist() == mesh.faces.tolist()


def test_an_stl_is_one_surface(tmp_path):
    import trimesh

    trimesh.creation.box().export(tmp_path / "box.stl")
    mesh = read(tmp_path / "box.stl")
    assert len(mesh.points) == 8 and len(mesh.faces) == 12


def test_colours_of_vertices_are_kept_exactly_at_the_corners():
    from talkinghead.registration.atlas import bake_colours

    colours = np.random.default_rng(0).integers(0, 256, (5, 3)).astype(np.uint8)
    faces = np.array([[0, 1, 2], [2, 3, 4], [0, 2, 4]])
    texture, uv, uv_faces = bake_colours(colours, faces)
    place = uv[uv_faces] * [texture.shape[1], texture.shape[0]]
    column, row = (np.round(v - 0.5).astype(int) for v in (place[..., 0], texture.shape[0] - place[..., 1]))
    assert np.abs(column + 0.5 - place[..., 0]).max() < 1e-3  # in the middles of texels
    assert (texture[row, column] == colours[faces]).all()
    between = (texture[row[:, 0], column[:, 0] + 1].astype(float) - colours[faces][:, :2].mean(1)) / 255
    assert np.abs(between).max() < 0.005


@pytest.mark.parametrize(
    ("name", "text"), [("a.obj", "v 0 0\n"), ("a.obj", "v 0 0 0\nf 1 2 3\n"), ("a.ply", "ply"), ("a.stl", "x")]
)
def test_a_damaged_mesh_is_one_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=name):
        read(tmp_path / name)


def test_landmarks_by_name_by_vertex_and_in_the_order_of_ibug(tmp_path):
    mesh = read_quad(tmp_path)
    names = list(NAMED)[:6]
    (tmp_path / "marks.json").write_text("{" + ", ".join(f'"{n}": {k % 4}' for k, n in enumerate(names)) + "}")
    found = read_landmarks(tmp_path / "marks.json", mesh)
    assert np.isfinite(found).all(1).sum() == 6 and (found[NAMED[names[2]]] == mesh.points[2]).all()
    (tmp_path / "marks.txt").write_text("".join(f"{k} 0.5 1\n" for k in range(68)))
    found = read_landmarks(tmp_path / "marks.txt", mesh)
    assert found[IBUG[30], 0] == 30 and np.isfinite(found).all(1).sum() == len(set(IBUG)) == 68


def read_quad(folder):
    (folder / "face.obj").write_text(OBJ)
    return read(folder / "face.obj")


@pytest.mark.parametrize(
    ("text", "words"), [('{"nose": [1, 2, 3]}', "nose"), ('{"chin": 99}', "chin"), ("[1, 2]", "68"), ("{", "not")]
)
def test_bad_landmarks_are_one_line(tmp_path, text, words):
    mesh = read_quad(tmp_path)
    (tmp_path / "marks.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_landmarks(tmp_path / "marks.json", mesh)


def test_a_mesh_is_no_head_and_the_line_says_what_to_do(tmp_path):
    (tmp_path / "scan.obj").write_text(OBJ)
    with pytest.raises(InputError, match="talkinghead head fit"):
        Head.load(tmp_path / "scan.obj")


def test_head_fit_wants_an_output_and_inspect_draws_a_sheet(tmp_path, capsys, monkeypatch):
    (tmp_path / "scan.obj").write_text(OBJ)
    assert cli.main(["head", "fit", str(tmp_path / "scan.obj")]) == 2
    assert "-o HEAD.npz" in capsys.readouterr().err
    from talkinghead.registration import sheet

    monkeypatch.setattr(sheet, "POSES", {"neutral": {}, "jawOpen": {"jawOpen": 1.0}})
    monkeypatch.setattr(sheet, "CELL", 32)
    Head.default().save(tmp_path / "mine.npz")
    assert cli.main(["head", "inspect", str(tmp_path / "mine.npz"), "-o", str(tmp_path / "sheet.png")]) == 0
    drawn = []
    monkeypatch.setattr(sheet, "draw", lambda head, path: drawn.append((head.provenance, path.name)))
    assert cli.main(["head", "inspect", "default:seed=3", "-o", str(tmp_path / "person.png")]) == 0
    assert len(drawn) == 1 and drawn[0][1] == "person.png"
    assert "52 shapes" in capsys.readouterr().out
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size[0] == 32 * sheet.COLUMNS and np.ptp(np.asarray(picture)) > 50


def test_a_sheet_that_nobody_named_replaces_sheets_only(tmp_path, monkeypatch, capsys):
    from talkinghead.registration import sheet

    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save("default.png")
    Path("scan.obj").write_text(OBJ)
    mine = Path("default.png").read_bytes()
    for words in (["inspect", "default"], ["fit", "scan.obj", "-o", "default.npz"]):
        assert cli.main(["head", *words]) == 2
        assert "default.png: is there and no sheet" in capsys.readouterr().err
    assert Path("default.png").read_bytes() == mine
    monkeypatch.setattr(sheet, "POSES", {"neutral": {}})
    monkeypatch.setattr(sheet, "CELL", 16)
    sheet.draw(Head.default(), Path("default.png"))
    sheet.check_unasked(Path("default.png"))


@pytest.mark.parametrize("name", ["scan_ply", "scan_stl", "landmarks_json", "landmarks_txt"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    pytest.importorskip("trimesh")
    check_damaged(name, tmp_path)
