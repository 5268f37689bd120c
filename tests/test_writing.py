"""What is at the place of an output after success, failure, a kill, and two writers at once."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from disks import room_for

from talkinghead import writing
from talkinghead.errors import InputError
from talkinghead.train import checkpoint
from talkinghead.writing import UNFINISHED, replacing, sweep, sweep_below, unfinished


def left_by_a_killed(path, content="half"):
    """What `replacing` leaves where its process is killed: the hidden folder with what was made of the file."""
    place = unfinished(path)
    place.mkdir(parents=True)
    (place / path.name).write_text(content)
    return place


def make(path, content="half", error=None, lost=None):
    """Write a file; while it is made, a folder is lost, or an error raised."""
    with replacing(path) as fresh:
        fresh.write_text(content)
        if lost:
            shutil.rmtree(lost)
        if error:
            raise error


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_output_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with replacing(path) as fresh:
        fresh.write_text("first")
        assert fresh.name == "a.txt" and not path.exists()
    with pytest.raises(ZeroDivisionError):
        make(path, error=ZeroDivisionError())
    assert path.read_text() == "first" and names(path.parent) == ["a.txt"]


def test_permissions_stay_and_new_files_follow_the_umask(tmp_path):
    path = tmp_path / "a.txt"
    before = os.umask(0o027)
    try:
        for mode in (0o640, 0o600):
            with replacing(path) as fresh:
                fresh.touch(0o600)
            assert path.stat().st_mode & 0o777 == mode
            path.chmod(0o600)
    finally:
        os.umask(before)


def test_a_link_gives_way_and_its_target_stays(tmp_path):
    (tmp_path / "target").write_text("years of work")
    (tmp_path / "link").symlink_to("target")
    with replacing(tmp_path / "link") as fresh:
        fresh.write_text("new")
    assert (tmp_path / "target").read_text() == "years of work" and (tmp_path / "link").read_text() == "new"


def test_folders_are_replaced_too(tmp_path, monkeypatch):
    for content in ("first", "second", "third"):
        if content == "third":
            monkeypatch.setattr(writing, "_exchange", lambda one, other: False)
        with replacing(tmp_path / "a.obj") as fresh:
            fresh.mkdir()
            (fresh / "0.obj").write_text(content)
    assert (tmp_path / "a.obj" / "0.obj").read_text() == "third" and names(tmp_path) == ["a.obj"]


def test_a_folder_that_a_killed_writer_had_moved_away_comes_back(tmp_path):
    place = left_by_a_killed(tmp_path / "a.obj")
    (place / writing.BEFORE / "a.obj").mkdir(parents=True)
    (place / writing.BEFORE / "a.obj" / "0.obj").write_text("old")
    sweep(tmp_path)
    assert names(tmp_path) == ["a.obj"] and (tmp_path / "a.obj" / "0.obj").read_text() == "old"


def test_the_next_writer_removes_what_a_killed_one_left(tmp_path):
    path = tmp_path / ("ä" * 125 + ".txt")  # as long as a name can be
    left_by_a_killed(path)
    with replacing(path) as fresh:
        assert not fresh.exists()
        fresh.write_text("whole")
    assert names(tmp_path) == [path.name]


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    mine = [tmp_path / name for name in (".pre-commit-config.yaml", ".state-of-mind.pt", "state-abcdefgh.pt")]
    for path in mine:
        path.write_text("years of work")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("years of work")
    (tmp_path / f"{UNFINISHED}0123").symlink_to(outside)
    half, deep = left_by_a_killed(tmp_path / "state.pt"), left_by_a_killed(tmp_path / "below" / "state.pt")
    with replacing(tmp_path / "busy.pt") as fresh:
        fresh.write_text("at work")
        sweep(tmp_path)
        assert not half.exists() and deep.exists() and all(path.exists() for path in mine)
        assert (outside / "mine.txt").exists()
        sweep_below(tmp_path)
        assert not deep.exists()
    assert (tmp_path / "busy.pt").read_text() == "at work"


def test_of_two_writers_the_second_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    path = tmp_path / "a.txt"
    with replacing(path) as fresh:
        fresh.write_text("first")
        with pytest.raises(InputError, match=r"a\.txt: another process is writing it"), replacing(path):
            pass
        with replacing(tmp_path / "b.txt") as other:
            other.write_text("of its own")
    assert path.read_text() == "first"


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(("owner", "name"), [("Path", "mkdir"), ("writing", "_lock"), ("writing", "_clear"), ("Path", "rmdir")])
def test_a_signal_between_any_two_steps_leaves_nothing(owner, name, call, tmp_path, monkeypatch):
    owner = {"Path": type(tmp_path), "writing": writing}[owner]
    real, calls = getattr(owner, name), []

    def interrupted(*arguments, **options):
        result = real(*arguments, **options)
        calls.append(name)
        if len(calls) == call:
            raise KeyboardInterrupt
        return result

    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(owner, name, interrupted)
    with contextlib.suppress(KeyboardInterrupt):
        make(tmp_path / "a.txt", "new")
    assert calls and names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() in ("old", "new")


def test_a_folder_is_there_whole_at_every_moment(tmp_path, monkeypatch):
    (tmp_path / "a.obj").mkdir()
    (tmp_path / "a.obj" / "0.obj").write_text("old")
    monkeypatch.setattr(type(tmp_path), "rename", None)  # no step in between
    with replacing(tmp_path / "a.obj") as fresh:
        fresh.mkdir()
        (fresh / "0.obj").write_text("new")
    assert (tmp_path / "a.obj" / "0.obj").read_text() == "new" and names(tmp_path) == ["a.obj"]


def test_a_writer_that_is_killed_blocks_nobody(tmp_path):
    code = f"""
import os, signal
from talkinghead.files import replacing
with replacing({str(tmp_path / "a.txt")!r}) as fresh:
    fresh.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 1
    with replacing(tmp_path / "a.txt") as fresh:
        fresh.write_text("whole")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError(f"Error in 'Asset::Write' : '{os.strerror(errno.ENOSPC)}'"),  # as libraries written in C++ say it
    ],
)
def test_a_disk_that_refuses_is_one_line_with_the_name(error, tmp_path):
    with pytest.raises(InputError, match=r"a\.usdc: cannot be written \(No space left on device\)"):
        make(tmp_path / "a.usdc", error=error)
    assert not names(tmp_path)


def test_a_library_that_does_not_say_why_is_asked_again(tmp_path):
    with room_for(5000), pytest.raises(InputError, match=r"a\.pt: cannot be written \(File too large\)"):
        checkpoint.save(tmp_path / "a.pt", {"model": torch.zeros(5000)})
    assert not names(tmp_path)


@pytest.mark.parametrize("error", [None, RuntimeError("stream closed")])
def test_a_folder_that_goes_is_one_line_with_the_name(error, tmp_path):
    with pytest.raises(InputError, match=r"a\.npz: cannot be written \(its folder .*out is not there any more\)"):
        make(tmp_path / "out" / "a.npz", error=error, lost=tmp_path / "out")


def test_a_library_that_makes_a_removed_folder_again_is_found_out(tmp_path):
    """USD makes all folders above a file that it writes."""

    def write() -> None:
        with replacing(tmp_path / "out" / "a.usdc") as fresh:
            shutil.rmtree(tmp_path / "out")
            fresh.parent.mkdir(parents=True)
            fresh.write_text("new")

    with pytest.raises(InputError, match=r"a\.usdc: cannot be written \(its folder .*out is not there any more\)"):
        write()
    assert not names(tmp_path)


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/a\.npz: cannot be written \(.*file is not a folder\)"):
        make(tmp_path / "file" / "a.npz")


def test_errors_of_what_is_read_are_not_blamed_on_the_output(tmp_path):
    with pytest.raises(FileNotFoundError):
        make(tmp_path / "a.npz", error=FileNotFoundError(errno.ENOENT, "No such file", str(tmp_path / "missing.wav")))
    with pytest.raises(RuntimeError, match="a defect"):
        make(tmp_path / "a.npz", error=RuntimeError("a defect"))
