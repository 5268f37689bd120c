"""The README's promises are kept: its commands and its Python run, its tables are the program's.

The first two commands set everything up; `.ci/run` runs those.
"""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from unittest.mock import patch

import cheap_films
import cheap_training
import pytest

from talkinghead import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECONDS = 1.5  # of the sample recording that the commands get
SMALL = "model.num_heads=4 model.categories=8 model.width=16 model.prior_width=16 model.prior_dilations=[1,2] "
SHORT = (
    "augmentations_per_clip=1 eval_every=2 device=cpu "
    + SMALL
    + " ".join(f"{stage}.steps=2 {stage}.batch=2 {stage}.frames=20" for stage in ("motion", "prior"))
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


PREPARE = "talkinghead prepare video clips -o data/me"
BLOCKS = [[line for line in block.splitlines() if line != PREPARE] for block in blocks("bash")[2:]]


def shortened(recording: Path, to: Path) -> None:
    with wave.open(str(recording)) as whole, wave.open(str(to), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(SECONDS * whole.getframerate())))


@pytest.fixture
def place(tmp_path, tiny_data, monkeypatch) -> Path:
    """The current folder, which looks like the clone, with a data set and the first words of the sample."""
    folder = tmp_path
    (folder / "assets/audio").mkdir(parents=True)
    shortened(ROOT / "assets/audio/hello.wav", folder / "assets/audio/hello.wav")
    for path in (ROOT / "configs", ROOT / "tools", *(ROOT / "assets").iterdir()):
        if path.name != "audio":
            (folder / path.relative_to(ROOT)).symlink_to(path)
    (folder / "data").mkdir()
    for name in ("me", "friends", "news"):
        (folder / "data" / name).symlink_to(tiny_data)
    monkeypatch.chdir(folder)
    return folder


def run(line: str, place: Path, capfd) -> None:
    """In this process: to start one and to import everything takes longer than most commands."""
    program, *words = shlex.split(line)
    assert program in ("talkinghead", "python"), line
    status = cli.main(words) if program == "talkinghead" else run_script(*words)
    told = capfd.readouterr()
    assert status == 0, f"{line}\n{told.out}\n{told.err}"
    for path in re.findall(r"-o (\S+)", line):
        assert (place / path).exists()


def run_script(path: str, *words: str) -> int:
    """The exit status of a program in Python."""
    try:
        with patch.object(sys, "argv", [path, *words]), patch.object(sys, "path", [str(Path(path).parent), *sys.path]):
            runpy.run_path(path, run_name="__main__")
    except SystemExit as stopped:
        return stopped.code if isinstance(stopped.code, int) else bool(stopped.code)
    return 0


def test_set_up_is_two_commands():
    first, second = (block.strip() for block in blocks("bash")[:2])
    assert "\n" not in first and "\n" not in second
    assert first.endswith("talkinghead animate assets/audio/hello.wav -o hello.mp4")
    assert second.endswith(" && pytest -n 2 --dist worksteal")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: " ".join(block[0].split()[:2]))
def test_commands(block, place, monkeypatch, capfd):
    """In their order, each on what the ones before it wrote."""
    cheap_films.shorten(monkeypatch.setattr)
    for line in block:
        if line.startswith("talkinghead train"):
            line = f"{line} {SHORT}"  # the same recipe, a few steps of a small model
            cheap_training.shorten(monkeypatch.setattr)
        if "--transcript" in line:  # of the whole recording
            line = line.replace("assets/audio/hello.wav", str(ROOT / "assets/audio/hello.wav"))
        if "--sources" in line:
            line = f"{line} --clips 1"
        run(line, place, capfd)


def test_films_are_prepared(place, shared, capfd):
    pytest.importorskip("mediapipe")
    assert README.count(PREPARE) == 1
    (place / "clips").mkdir()
    for clip in sorted((shared / "data" / "grid_s1").glob("*.mp4"))[:2]:
        (place / "clips" / clip.name).symlink_to(clip)
    run(PREPARE.replace("data/me", "data/filmed"), place, capfd)


def test_python(place, capfd):
    """Its film is drawn from the first frame to the last."""
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})
    assert all((place / name).stat().st_size for name in ("speech.npz", "speech.mp4", "someone.glb", "live.npz"))
    said = capfd.readouterr().out
    assert "metres between the lips" in said and "60 frames, each at most 0.139 s" in said


def test_the_server_answers(place):
    pytest.importorskip("fastapi")
    from servers import running
    from stand_in import StandIn

    from talkinghead.animate.talker import Talker
    from talkinghead.server.limits import Limits

    start, ask = (
        line for block in blocks("sh") for line in block.splitlines() if "talkinghead serve" in line or "curl" in line
    )
    assert cli.parse(cli.VERBS, shlex.split(start.split(" && ")[1])[1:])
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    with running(Talker(StandIn()), Limits(), token="") as server:
        words = shlex.split(ask.replace("localhost:8760", server.place))
        subprocess.run(words, check=True, timeout=60, capture_output=True)
    assert (place / "hello.csv").read_text().startswith("Timecode,")


def test_tables_tell_the_truth():
    from talkinghead.export import suffixes
    from talkinghead.export.npz import KEYS

    verbs = README.split("| verb |")[1].split("```")[0]
    assert re.findall(r"^\| `([\w-]+)`", verbs, re.MULTILINE) == list(cli.VERBS)
    keys = README.split("| key |")[1].split("Metres")[0]
    assert set(re.findall(r"^\| `(\w+)`", keys, re.MULTILINE)) == set(KEYS)
    assert all(f"`{suffix}`" in README and suffix in cli.VERBS["convert"].load().__doc__ for suffix in suffixes())


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_nothing_in_assets_is_without_a_licence():
    listed = (ROOT / "assets" / "LICENSES.md").read_text(encoding="utf-8")
    for folder in (p for p in (ROOT / "assets").iterdir() if p.is_dir()):
        for path in folder.iterdir():
            names = (f"`{folder.name}/`", f"`{folder.name}/{path.name}`", f"`{folder.name}/{path.name}/`")
            assert path.suffix == ".md" or any(name in listed for name in names), path
