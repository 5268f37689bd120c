import json
import os
import pickle
import time
from dataclasses import replace

import numpy as np
import pytest

from talkinghead.data.manifest import NAME, Clip, read_manifest, write_manifest
from talkinghead.data.store.index import Index, emotion_of
from talkinghead.errors import InputError
from talkinghead.motion.emotions import EMOTIONS


def clip(i, **values):
    known = {"speaker": f"s{i % 3}", "split": ("train", "val", "test")[i % 3], "duration": 1.5 + i, "fps": 30.0}
    return Clip(f"clip é {i}", f"audio/{i}.flac", f"motion/{i}.safetensors", source="made", **known | values)


@pytest.fixture
def folder(tmp_path):
    write_manifest(tmp_path / "data", [clip(i, transcript="line\u2028separator") for i in range(7)])
    return tmp_path / "data"


def test_rows_are_the_manifest(folder, tmp_path):
    index = Index(folder, tmp_path / "cache")
    assert [index.clip(i) for i in range(len(index))] == [clip(i, transcript="line\u2028separator") for i in range(7)]
    assert read_manifest(folder) == [index.clip(i) for i in range(len(index))]
    np.testing.assert_allclose(index.rows["seconds"], [1.5 + i for i in range(7)])
    assert list(index.rows["frames"]) == [75 + 50 * i for i in range(7)]
    assert [index.speakers[s] for s in index.rows["speaker"]] == [f"s{i % 3}" for i in range(7)]
    assert list(index.rows["split"]) == [0, 1, 2, 0, 1, 2, 0]


def test_lines_are_parsed_once_until_the_manifest_changes(folder, tmp_path, monkeypatch):
    first = Index(folder, tmp_path / "cache").path
    with monkeypatch.context() as patch:
        patch.setattr("talkinghead.data.store.index.parse_clip", None)
        assert Index(folder, tmp_path / "cache").path == first
    write_manifest(folder, [clip(i) for i in range(3)])
    later = time.time() + 10
    os.utime(folder / NAME, (later, later))
    again = Index(folder, tmp_path / "cache")
    assert len(again) == 3 and again.path != first and not first.exists()


def test_a_process_that_gets_a_copy_maps_the_file_itself(folder, tmp_path):
    index = Index(folder, tmp_path / "cache")
    data = pickle.dumps(index)
    copied = pickle.loads(data)
    assert len(data) < 3000 and isinstance(copied.rows, np.memmap)
    assert copied.clip(4) == index.clip(4)


def test_emotions_have_numbers():
    assert emotion_of(clip(0)) == (0, 0.0)
    assert emotion_of(clip(0, emotion="Happy", intensity=0.4)) == (EMOTIONS.index("happy"), 0.4)
    assert emotion_of(clip(0, emotion="fear")) == (EMOTIONS.index("fearful"), 1.0)
    assert emotion_of(clip(0, emotion="puzzled", intensity=1.0)) == (0, 0.0)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no clips"),
        (["{}"], "line 1: version None"),
        ([None, None, '{"id": 3'], "line 3: not JSON"),
        ([None, None, None], r"clip 'clip é 0' is there twice"),
        (["\udcff"], "cannot be read"),
    ],
)
def test_a_broken_manifest_is_said_in_one_line(folder, tmp_path, lines, said):
    good = (folder / NAME).read_text(encoding="utf-8").split("\n")
    kept = [good[0] if line is None else line for line in lines]
    if said.startswith("line 3"):
        kept[1] = good[1]
    (folder / NAME).write_text("\n".join(kept), encoding="utf-8", errors="surrogateescape")
    with pytest.raises(InputError, match=said) as caught:
        Index(folder, tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*.rows"))


def test_no_manifest_is_said(tmp_path):
    with pytest.raises(InputError, match=r"no manifest\.jsonl"):
        Index(tmp_path, tmp_path / "cache")


def test_ids_may_be_alike_in_two_folders_but_not_in_one(folder, tmp_path):
    other = tmp_path / "other"
    write_manifest(other, [replace(clip(0), speaker="x")])
    assert Index(other, tmp_path / "cache").name != Index(folder, tmp_path / "cache").name
    assert json.loads(Index(other, tmp_path / "cache").path.with_suffix(".json").read_text())["speakers"] == ["x"]
    assert len(read_manifest(other)) == 1
