from __future__ import annotations

import pytest

from talkinghead.errors import InputError
from talkinghead.files import claim, file_name, replacing, sweep


def left_by_a_killed(path):
    """What `replacing` leaves where its process is killed: the file under the name it has while it is written."""
    with replacing(path) as fresh:
        pass
    path.rename(fresh)
    return fresh


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    mine = [
        tmp_path / name for name in (".pre-commit-config.yaml", ".state-of-mind.pt", ".my-settings.json", "state-abcdefgh.pt")
    ]
    for path in mine:
        path.write_text("years of work")
    half = left_by_a_killed(tmp_path / "state.pt")
    other = left_by_a_killed(tmp_path / "else.bin")
    below = tmp_path / "below"
    below.mkdir()
    deep = left_by_a_killed(below / "state.pt")
    sweep(tmp_path, ["state.pt", "log.jsonl"])
    assert not half.exists() and other.exists() and deep.exists() and all(path.exists() for path in mine)
    sweep(below)
    assert not deep.exists()


def test_folders_are_claimed_once(tmp_path):
    said = {"version": 1}
    assert claim(tmp_path / "out", "ours.json", said, "a dataset") == said
    (tmp_path / "out" / "more").touch()
    assert claim(tmp_path / "out", "ours.json", {"version": 2}, "a dataset") == said  # what the folder says, not the call
    with pytest.raises(InputError, match="not a dataset of ours"):
        claim(tmp_path, "ours.json", said, "a dataset")
    (tmp_path / "out" / "ours.json").write_text("[1")
    with pytest.raises(InputError, match="not readable"):
        claim(tmp_path / "out", "ours.json", said, "a dataset")


def test_names_of_files_are_kept_apart():
    names = [
        file_name(text) for text in ("日本", "中国", "कि", "की", "a b/c", "..", "x" * 300, "x" * 299 + "y", "\u304b\u3099")
    ]
    assert len(set(names)) == len(names) and names[4:6] == ["a_b_c", "_"] and names[-1] == "\u304c"
    assert all(len(name.encode()) <= 200 for name in names)
