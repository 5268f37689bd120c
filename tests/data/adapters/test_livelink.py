import numpy as np
import pytest
from layouts_parameters import livelink_csv, voice, write_wav

from talkinghead.data.adapters import livelink
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError

RATE = 48000


def only(found):
    (take,), dropped = found
    assert not dropped
    return take


def jaw(recording):
    return recording.coefficients[:, recording.names.index("jawOpen")]


@pytest.mark.parametrize("fps", [30, 60])
def test_a_take(fps, tmp_path):
    path = livelink_csv(tmp_path / "Anna" / "20240131_MySlate_3" / "MySlate_3_iPhone.csv", list(range(2 * fps)), fps)
    for extra in ("_raw", "_neutral", "_cal"):
        path.with_stem(path.stem + extra).write_text(path.read_text())
    (path.parent / "frame_log.csv").write_text("type,frame\nD,3\n")
    write_wav(path.with_suffix(".wav"), 2.0, RATE)
    take = only(livelink.takes([tmp_path]))
    assert (take.id, take.speaker, take.emotion) == ("MySlate_3_iPhone", "Anna", None)
    recording = livelink.read(take)
    assert recording.fps == fps and len(recording.wave) == 32000 and recording.missing is None
    np.testing.assert_allclose(jaw(recording), 0.005 * np.arange(2 * fps), atol=1e-6)
    np.testing.assert_allclose(recording.rotation, np.tile([0, 0.2, 0], (2 * fps, 1)), atol=1e-6)


def test_dropped_frames_and_a_lost_face(tmp_path):
    kept = [t for t in range(120) if t not in (50, 51)]
    livelink_csv(tmp_path / "a.csv", kept, lost=(0, 1, 2, 80, 118, 119))
    write_wav(tmp_path / "a.wav", 2.0)
    recording = livelink.read(only(livelink.takes([tmp_path])))
    assert len(recording.coefficients) == 118  # what was lost at the end is not there
    np.testing.assert_array_equal(np.flatnonzero(recording.missing), [0, 1, 2, 50, 51, 80])
    expected = 0.005 * np.maximum(np.arange(118), 3)  # held at the beginning: the sound does not wait
    np.testing.assert_allclose(
        jaw(recording), expected, atol=0.002
    )  # the fractions of the timecodes wander by a third of a frame


def test_without_angles(tmp_path):
    livelink_csv(tmp_path / "a.csv", list(range(90)), angles=False)
    write_wav(tmp_path / "a.wav", 1.5)
    assert livelink.read(only(livelink.takes([tmp_path]))).rotation is None


def test_the_film_of_the_take_folder(tmp_path):
    from sounds import write_media

    folder = tmp_path / "take"
    livelink_csv(folder / "Slate_1_iPhone.csv", list(range(90)))
    write_media(folder / "recording.mov", voice(1.5, 44100), 44100, "aac", picture=True)
    take = only(livelink.takes([folder], speaker="ben", emotion="sad", licence="mine"))
    assert take.files[1].name == "recording.mov" and (take.speaker, take.emotion, take.licence) == ("ben", "sad", "mine")
    assert abs(len(livelink.read(take).wave) / 16000 - 1.5) < 0.1
    with pytest.raises(InputError, match="emotion 'glad' is not known"):
        livelink.takes([folder], emotion="glad")


def test_takes_of_one_name_and_without_sound(tmp_path):
    for folder in ("one", "two", "three"):
        livelink_csv(tmp_path / "ann" / folder / "take.csv", list(range(90)))
        if folder != "three":
            write_wav(tmp_path / "ann" / folder / "take.wav", 1.5)
    found, dropped = livelink.takes([tmp_path])
    assert [take.id for take in found] == ["one_take", "two_take"] and {take.speaker for take in found} == {"ann"}
    assert "no take.mov or .wav" in dropped["three_take"]


def test_a_short_take_needs_its_rate(tmp_path):
    livelink_csv(tmp_path / "a.csv", list(range(40)))
    write_wav(tmp_path / "a.wav", 40 / 60)
    with pytest.raises(InputError, match="--fps"):
        livelink.read(only(livelink.takes([tmp_path])))
    assert livelink.read(only(livelink.takes([tmp_path], fps=60))).fps == 60


def test_nothing_there(tmp_path):
    (tmp_path / "a.csv").write_text("time,jawOpen\n0,0\n")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x80")
    with pytest.raises(InputError, match="no takes of Live Link Face"):
        livelink.takes([tmp_path])


def test_prepared(tmp_path):
    for i in range(3):
        livelink_csv(tmp_path / "in" / "ann" / f"take{i}" / f"take{i}.csv", [t for t in range(120) if t != 10 * i + 5])
        write_wav(tmp_path / "in" / "ann" / f"take{i}" / f"take{i}.wav", 2.0 if i else 4.0)
    broken = tmp_path / "in" / "ann" / "take2" / "take2.csv"
    broken.write_bytes(broken.read_bytes()[:4000].replace(b"0,0,0,0\n", b"0,0,0,nan\n"))
    report = prepare("livelink", [tmp_path / "in"], tmp_path / "out", progress=False)
    (clip,) = read_manifest(tmp_path / "out")
    assert (clip.id, clip.fps, clip.speaker) == ("take1", 60, "ann")
    assert read_animation(tmp_path / "out", clip).rotation is not None
    assert report["per_clip"]["take1"]["kept"] == pytest.approx(1 - 1 / 120, abs=1e-3)
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert "4.00 s of sound" in reasons["take0"] and "not finite" in reasons["take2"]
