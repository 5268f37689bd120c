from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest
from disks import room_for

from talkinghead.errors import InputError
from talkinghead.export import FORMATS, check, formats, save, suffixes

pytestmark = pytest.mark.filterwarnings("ignore:.*Unreal and Maya")  # of the hand-made motion


OWN = (".vrm", ".flame.npz")  # of a character, of FLAME only
WRITTEN = [s for s in FORMATS if s not in OWN and (s != ".fbx" or find_spec("bpy"))]


@pytest.mark.parametrize("suffix", WRITTEN)
def test_every_format_is_written_whole(suffix, tiny_motion, tmp_path):
    assert callable(import_module(f"talkinghead.export.{FORMATS[suffix][0]}").write)
    path = tmp_path / "new" / f"speech{suffix}"
    save(tiny_motion, path)
    save(tiny_motion, path)  # again, over the first
    assert path.exists()
    assert not [entry for entry in path.parent.iterdir() if entry.name.startswith(".")]


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITTEN if suffix != ".fbx"])
def test_a_full_disk_is_one_line_with_the_name_and_the_old_file_stays(suffix, tiny_motion, tmp_path):
    path, whole = tmp_path / f"speech{suffix}", tmp_path / "whole"
    save(tiny_motion, path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    largest = max(len(data) for file, data in before.items() if file.suffix != ".png")
    for out in (path, whole / path.name):
        for room in (0, largest - 1):
            with (
                room_for(room),
                pytest.raises(InputError, match=r"speech(_texture)?\.[\w.]+: cannot be written \(File too large\)"),
            ):
                save(tiny_motion, out)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    save(tiny_motion, path)  # nothing of a failure is left in the way


def test_formats_are_told_in_a_line_each(root):
    assert tuple(formats()) == suffixes()
    readme = (root / "README.md").read_text(encoding="utf-8")
    for suffix, about in formats().items():
        assert f"| `{suffix}` | {about} |" in readme


@pytest.mark.parametrize("name", ["speech.blend", "speech", "speech.npz.gz"])
def test_unknown_suffixes_name_the_known_ones(name, tiny_motion, tmp_path):
    for attempt in (lambda path: save(tiny_motion, path), check):
        with pytest.raises(InputError, match=f"use one of {re.escape(' '.join(suffixes()))}"):
            attempt(tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert ".glb" in suffixes()


@pytest.mark.parametrize("suffix", [".csv", ".glb", ".usdc"])
def test_formats_of_curves_refuse_a_residual(suffix, tiny_motion, tmp_path):
    from dataclasses import replace

    import numpy as np

    motion = replace(tiny_motion, residual=np.zeros((len(tiny_motion), 22, 3)))
    with pytest.raises(InputError, match=r"residual, which \.\w+ cannot hold; write \.npz or \.obj"):
        save(motion, tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())


def test_options_are_of_their_formats(tiny_motion, tmp_path):
    with pytest.raises(InputError, match=r"compress is an option of \.glb only"):
        save(tiny_motion, tmp_path / "a.csv", compress=True)
    with pytest.raises(InputError, match="no format has an option 'zip'"):
        save(tiny_motion, tmp_path / "a.glb", zip=True)
    save(tiny_motion, tmp_path / "a.csv", compress=False)


def test_compressing_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "meshopt", None)
    with pytest.raises(InputError, match=r"pip install 'talkinghead\[compress\]'"):
        check(tmp_path / "a.glb", compress=True)
    check(tmp_path / "a.glb")


def test_usd_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr.UsdSkel", None)
    with pytest.raises(InputError, match=r"pip install 'talkinghead\[usd\]'"):
        check(tmp_path / "a.usdc")


def test_asking_for_the_suffixes_is_cheap():
    code = (
        "import sys, talkinghead.export as e; e.suffixes(); print([m for m in ('numpy', 'scipy', 'pxr') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
