"""Files that a command reads, however they are spelt, and whatever else is read with them, are no outputs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from talkinghead.cli import main
from talkinghead.errors import InputError
from talkinghead.inputs import Inputs


@dataclass
class Settings:
    emotion: str
    background: tuple


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "a.csv").write_text("kept")
    (tmp_path / "link").symlink_to(home)
    (home / "b.csv").symlink_to("a.csv")
    os.link(home / "a.csv", home / "c.csv")
    monkeypatch.chdir(home)
    return home


@pytest.mark.parametrize(
    "spelt", ["a.csv", "./a.csv", "../home/a.csv", "../link/a.csv", "b.csv", "c.csv", "/proc/self/cwd/a.csv"]
)
def test_an_input_is_known_however_it_is_spelt(folder, spelt):
    if spelt.startswith("/proc") and not Path("/proc/self/cwd").exists():
        pytest.skip("this system has no /proc")
    for inputs in (Inputs(folder / "a.csv"), Inputs(spelt), Inputs(Settings("happy", ({"x": ["b.csv"]},)))):
        for output in ("a.csv", spelt):
            with pytest.raises(InputError, match="is the input"):
                inputs.refuse(output)
    Inputs("happy", "a" * 5000, "nowhere.csv").refuse(spelt)


def scan(folder: Path) -> None:
    (folder / "scan.obj").write_text("# of a scanner\nmtllib my scan.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "my scan.mtl").write_text("newmtl skin\nKd 1 1 1\n  map_Kd -s 1 1 1 scan.png\nbump -bm 0.5 pores.png\r\n")
    for name in ("scan.png", "pores.png"):
        (folder / name).write_text("kept")


def test_what_a_mesh_names_is_an_input(folder):
    scan(folder)
    (folder / "me.gltf").write_text(
        '{"buffers": [{"uri": "my%20mesh.bin"}], "images": [{"uri" : "data:x"}, {"uri":"skin.png"}]}'
    )
    for name in ("my mesh.bin", "skin.png"):
        (folder / name).write_text("kept")
    inputs = Inputs("scan.obj", folder / "me.gltf")
    for name in ("my scan.mtl", "scan.png", "pores.png", "my mesh.bin", "skin.png"):
        with pytest.raises(InputError, match="is the input"):
            inputs.refuse(name)


@pytest.mark.parametrize("command", ["head fit scan.obj -o scan.npz", "head inspect scan.obj -o scan.png"])
def test_the_sheet_of_a_head_does_not_replace_the_texture_of_the_scan(folder, command, capsys):
    pytest.importorskip("trimesh")
    scan(folder)
    assert main(command.split()) == 2
    assert "scan.png: is the input" in capsys.readouterr().err and (folder / "scan.png").read_text() == "kept"
    assert not (folder / "scan.npz").exists()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["convert", "x.npz", "-o", "y.csv"], "x.npz"),
        (["convert", "x.csv", "-o", "y.npz"], "x.csv"),
        (["animate", "a.wav", "--head", "x.glb", "-o", "y.npz"], "x.glb"),
        (["animate", "a.wav", "--transcript", "x.srt", "-o", "y.npz"], "x.srt"),
        (["animate", "a.wav", "--emotion", "x.json", "-o", "y.npz"], "x.json"),
        (["head", "inspect", "x.obj"], "x.obj"),
        (["train", "x.yaml"], "x.yaml"),
    ],
)
def test_pipes_and_devices_are_not_read(tmp_path, monkeypatch, capsys, words, name):
    """They may have no end; a link leads to one here that has."""
    monkeypatch.chdir(tmp_path)
    Path("a.wav").write_bytes(b"RIFF")
    Path(name).symlink_to("/dev/null")
    assert main(words) == 2
    assert f"{name}: is not a plain file" in capsys.readouterr().err
