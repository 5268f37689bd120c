import numpy as np
import pytest
from layouts_parameters import beat2_npz, textgrid

from talkinghead.data.adapters import beat2
from talkinghead.data.manifest import read_manifest
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError


def only(found):
    (take,), dropped = found
    assert not dropped
    return take


def test_a_recording(tmp_path):
    path = beat2_npz(tmp_path)
    textgrid(tmp_path / "beat_english_v2.0.0/textgrid/1_wayne_0_66_66.TextGrid", [(0.2, 0.6, "hello")], 2.0)
    take = only(beat2.takes([tmp_path]))
    assert (take.id, take.speaker, take.split, take.emotion) == ("1_wayne_0_66_66", "1_wayne", "train", "happy")
    assert take.annotation == "flame" and take.transcript == "hello"
    recording = beat2.read(take)
    with np.load(path) as file:
        np.testing.assert_array_equal(recording.coefficients[:, :100], file["expressions"])
        np.testing.assert_array_equal(recording.coefficients[:, 100:], file["poses"][:, 66:69])
    assert recording.fps == 30 and len(recording.coefficients) == 60 and len(recording.wave) == 32000


def test_the_head_turns_on_the_neck(tmp_path):
    poses = np.zeros((60, 165), np.float32)
    poses[:, 36:39], poses[:, 45:48], poses[:, :3] = [0, 0.2, 0], [0, 0.3, 0], [0, 2.0, 0]  # neck, head, the whole body
    beat2_npz(tmp_path, poses=poses)
    np.testing.assert_allclose(beat2.read(only(beat2.takes([tmp_path]))).rotation, np.tile([0, 0.5, 0], (60, 1)), atol=1e-6)


@pytest.mark.parametrize(("kind", "split"), [("train", "train"), ("val", "val"), ("test", "test"), ("additional", "train")])
def test_the_published_split(kind, split, tmp_path):
    beat2_npz(tmp_path, kind=kind)
    assert only(beat2.takes([tmp_path])).split == split


def test_the_table(tmp_path):
    path = beat2_npz(tmp_path, "2_scott_0_1_1")
    path.with_stem("2_scott_0_9_9").write_bytes(path.read_bytes())
    beat2_npz(tmp_path, "2_scott_0_2_2", sound=False)
    found, dropped = beat2.takes([tmp_path])
    assert [take.id for take in found] == ["2_scott_0_1_1"]
    assert dropped == {"2_scott_0_9_9": "not in train_test_split.csv", "2_scott_0_2_2": "no wave16k/2_scott_0_2_2.wav"}
    table = path.parent.parent / "train_test_split.csv"
    table.write_text("id,type\n2_scott_0_1_1,holdout\n")
    with pytest.raises(InputError, match="holdout"):
        beat2.takes([tmp_path])
    table.write_text("name\n2_scott_0_1_1\n")
    with pytest.raises(InputError, match="columns id and type"):
        beat2.takes([tmp_path])
    table.unlink()
    assert beat2.takes([tmp_path])[0][0].split is None


def test_long_recordings_are_cut(tmp_path):
    beat2_npz(tmp_path, seconds=41.0)
    found, _ = beat2.takes([tmp_path], longest=15)
    recordings = [beat2.read(take) for take in found]
    assert len(found) == 4 and sum(len(r.coefficients) for r in recordings) == 1230
    assert all(len(r.rotation) == len(r.coefficients) <= 15 * 30 for r in recordings)
    with pytest.raises(InputError, match="at least 2"):
        beat2.takes([tmp_path], longest=0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"expressions": np.array([{"a": 1}], dtype=object)}, "holds object"),
        ({"poses": None}, "no 'poses'"),
        ({"poses": np.zeros((60, 156))}, "156 values, SMPL-X has 165"),
        ({"expressions": np.zeros((59, 100))}, "expression"),
        ({"mocap_frame_rate": np.array(0)}, "mocap_frame_rate is 0"),
        ({"mocap_frame_rate": np.array("thirty")}, "mocap_frame_rate is thirty"),
    ],
)
def test_what_is_no_recording(change, complaint, tmp_path):
    beat2_npz(tmp_path, **change)
    with pytest.raises(InputError, match=complaint) as caught:
        beat2.read(only(beat2.takes([tmp_path])))
    assert "\n" not in str(caught.value)


def test_an_npz_cut_short(tmp_path):
    path = beat2_npz(tmp_path)
    for size in (0, 100, path.stat().st_size - 200):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError, match="damaged"):
            beat2.read(only(beat2.takes([tmp_path])))


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no smplxflame_30"):
        beat2.takes([tmp_path])


def test_prepared(tmp_path):
    beat2_npz(tmp_path / "in", "1_wayne_0_1_1")
    beat2_npz(tmp_path / "in", "1_wayne_0_2_2", kind="test")
    broken = np.zeros((60, 100), np.float32)
    broken[30] = np.inf
    beat2_npz(tmp_path / "in", "1_wayne_0_3_3", expressions=broken)
    beat2_npz(tmp_path / "in", "1_wayne_0_4_4", mocap_frame_rate=np.array(60))
    report = prepare("beat2", [tmp_path / "in"], tmp_path / "out", progress=False)
    clips = {clip.id: clip for clip in read_manifest(tmp_path / "out")}
    assert set(clips) == {"1_wayne_0_1_1", "1_wayne_0_2_2"} and clips["1_wayne_0_2_2"].split == "test"
    assert clips["1_wayne_0_1_1"].annotation == "flame" and clips["1_wayne_0_1_1"].head is None
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert "not finite" in reasons["1_wayne_0_3_3"] and "1.00 s of motion, 2.00 s of sound" in reasons["1_wayne_0_4_4"]
