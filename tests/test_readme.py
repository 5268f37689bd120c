"""The README's promises are kept: its commands and its Python run, its tables are the program's.

The first two commands set everything up; `.ci/run` runs those.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHORT = "versions=1 report=2 device=cpu " + " ".join(
    f"{stage}.steps=2 {stage}.batch=2 {stage}.frames=20" for stage in ("motion", "prior")
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


OTHER = blocks("bash")[2:]
COMMANDS = [line for block in OTHER for line in block.splitlines()]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_data) -> Path:
    """A folder that looks like the clone, with a data set; what the commands write stays in it."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("assets", "configs", "tools"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "data").mkdir()
    (folder / "data" / "me").symlink_to(tiny_data)
    return folder


def run(line: str, place: Path) -> None:
    words = shlex.split(line)
    assert words[0] in ("talkinghead", "python"), line
    program = [sys.executable, "-m", "talkinghead.cli"] if words[0] == "talkinghead" else [sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*program, *words[1:]], cwd=place, capture_output=True, text=True, timeout=400, env=environment)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    for path in re.findall(r"-o (\S+)", line):
        assert (place / path).exists()


def test_set_up_is_two_commands():
    first, second = (block.strip() for block in blocks("bash")[:2])
    assert "\n" not in first and "\n" not in second
    assert first.endswith("talkinghead animate assets/audio/hello.wav -o hello.mp4")
    assert second.endswith("pytest")


@pytest.mark.parametrize("line", COMMANDS)
def test_commands(line, place, request):
    """In their order, each on what the ones before it wrote."""
    if line.startswith("talkinghead prepare video"):
        pytest.importorskip("mediapipe")
        clips = sorted((request.getfixturevalue("shared") / "data" / "grid_s1").glob("*.mp4"))[:4]
        (place / "clips").mkdir()
        for clip in clips:
            (place / "clips" / clip.name).symlink_to(clip)
        line = line.replace("data/me", "data/filmed")
    if line.startswith("talkinghead train"):
        line = f"{line} {SHORT}"  # the same recipe, a few steps of it
    run(line, place)


def test_python(place):
    (code,) = blocks("python")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, timeout=400, env=environment)
    assert done.returncode == 0, done.stderr
    assert all((place / name).stat().st_size for name in ("speech.npz", "speech.mp4", "someone.glb"))


def test_tables_tell_the_truth(place):
    from talkinghead import cli
    from talkinghead.export import suffixes
    from talkinghead.export.npz import KEYS

    verbs = README.split("| verb |")[1].split("```")[0]
    assert re.findall(r"^\| `(\w+)`", verbs, re.MULTILINE) == list(cli.VERBS)
    keys = README.split("| key |")[1].split("Metres")[0]
    assert set(re.findall(r"^\| `(\w+)`", keys, re.MULTILINE)) == set(KEYS)
    assert all(f"`{suffix}`" in README for suffix in suffixes())


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_nothing_in_assets_is_without_a_licence():
    listed = (ROOT / "assets" / "LICENSES.md").read_text(encoding="utf-8")
    for folder in (p for p in (ROOT / "assets").iterdir() if p.is_dir()):
        for path in folder.iterdir():
            names = (f"`{folder.name}/`", f"`{folder.name}/{path.name}`", f"`{folder.name}/{path.name}/`")
            assert path.suffix == ".md" or any(name in listed for name in names), path
