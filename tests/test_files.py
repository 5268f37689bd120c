from __future__ import annotations

import pytest

from talkinghead.errors import InputError
from talkinghead.files import claim, file_name


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
