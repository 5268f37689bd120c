from pathlib import Path

import numpy as np
import pytest
from layouts_parameters import mead_hdf5, probtalk_npy, write_wav

from talkinghead.data.adapters import mead
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation, read_motion
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError


def only(found):
    (take,), dropped = found
    assert not dropped
    return take


def test_a_clip_of_inferno(tmp_path):
    import h5py

    path = mead_hdf5(tmp_path)
    write_wav(tmp_path / "M003" / "audio" / "angry" / "level_2" / "001.wav", 2.0, 48000)
    take = only(mead.takes([tmp_path]))
    assert (take.id, take.speaker, take.emotion, take.annotation) == ("M003_angry_level_2_001", "M003", "angry", "flame")
    assert take.intensity == pytest.approx(2 / 3) and take.split is None
    recording = mead.read(take)
    assert recording.fps == 25 and len(recording.wave) == 32000 and recording.coefficients.shape == (50, 103)
    assert recording.names[0] == "expression_000" and recording.names[-3:] == ("jaw_x", "jaw_y", "jaw_z")
    with h5py.File(path) as file:
        np.testing.assert_array_equal(recording.coefficients[:, :100], file["exp"][0])
        np.testing.assert_array_equal(recording.coefficients[:, 100:], file["jaw"][0])
        np.testing.assert_array_equal(recording.rotation, file["global_pose"][0])


@pytest.mark.parametrize(
    ("place", "option"),
    [
        ("EMICA-MEAD_flame2020/M003/front/angry/level_2/001/audio.wav", False),
        ("EMICA-MEAD_flame2020/M003/front/angry/level_2/001.wav", False),
        ("resampled_videos/M003/video/front/angry/level_2/001.wav", False),
        ("audio/M003/angry/level_2/001.flac.wav", None),
        ("audio/M003/front/angry/level_2/001/sound.wav", False),
        ("elsewhere/M003/audio/angry/level_2/001.wav", True),
        ("elsewhere/M003/audio/angry/level_2/001.wav", None),
        ("audio/M003/angry/level_3/001.wav", None),
        ("audio/M005/angry/level_2/001.wav", None),
    ],
)
def test_where_sound_is_looked_for(place, option, tmp_path):
    mead_hdf5(tmp_path)
    sound = write_wav(tmp_path / place, 2.0)
    found, dropped = mead.takes([tmp_path], audio=tmp_path / "elsewhere" if option else None)
    if option is None:
        assert not found and "no sound" in dropped["M003_angry_level_2_001"]
    else:
        assert found[0].files[1].samefile(sound)


@pytest.mark.parametrize(
    ("folder", "emotion", "level", "intensity"),
    [
        ("neutral", "neutral", "level_1", 0.0),
        ("fear", "fearful", "level_3", 1.0),
        ("surprised", "surprised", "level_1", 1 / 3),
        ("contempt", "contempt", "level_2", 2 / 3),
        ("disgusted", "disgusted", "level_1", 1 / 3),
    ],
)
def test_emotions(folder, emotion, level, intensity, tmp_path):
    path = mead_hdf5(tmp_path, emotion=folder, level=level)
    write_wav(path.with_name("audio.wav"), 2.0)
    take = only(mead.takes([tmp_path]))
    assert take.emotion == emotion and take.intensity == pytest.approx(intensity)


def test_unknown_emotions_and_levels_are_listed(tmp_path):
    for emotion, level in (("bored", "level_1"), ("sad", "level_4")):
        write_wav(mead_hdf5(tmp_path, emotion=emotion, level=level).with_name("audio.wav"), 2.0)
    found, dropped = mead.takes([tmp_path])
    assert not found and len(dropped) == 2
    assert "bored/level_1: unknown emotion" in dropped["M003_bored_level_1_001"]
    assert "level" in dropped["M003_sad_level_4_001"]


def test_emoca_has_half_of_the_expressions(tmp_path):
    path = mead_hdf5(tmp_path, expressions=50, global_pose=None)
    write_wav(path.with_name("audio.wav"), 2.0)
    recording = mead.read(only(mead.takes([path])))
    assert recording.coefficients.shape == (50, 103) and recording.rotation is None
    assert recording.coefficients[:, :50].any() and not recording.coefficients[:, 50:100].any()


def test_another_convention_of_head_pose_is_left_out(tmp_path):
    path = mead_hdf5(tmp_path, global_pose=np.tile(np.float32([np.pi, 0, 0]), (1, 50, 1)))
    write_wav(path.with_name("audio.wav"), 2.0)
    assert mead.read(only(mead.takes([path]))).rotation is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"exp": None}, "no 'exp'"),
        ({"jaw": np.zeros((1, 49, 3))}, r"jaw \(49, 3\)"),
        ({"exp": np.zeros((2, 50, 100))}, "shape"),
        ({"exp": np.zeros((1, 0, 100))}, "shape"),
        ({"exp": np.array([[b"a"]])}, "shape"),
    ],
)
def test_what_is_no_clip(change, complaint, tmp_path):
    path = mead_hdf5(tmp_path, **change)
    write_wav(path.with_name("audio.wav"), 2.0)
    with pytest.raises(InputError, match=complaint) as caught:
        mead.read(only(mead.takes([path])))
    assert "\n" not in str(caught.value)


def test_a_file_cut_short(tmp_path):
    path = mead_hdf5(tmp_path)
    write_wav(path.with_name("audio.wav"), 2.0)
    for size in (0, 500, path.stat().st_size // 2):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InputError, match="cut short"):
            mead.read(only(mead.takes([path])))


@pytest.mark.parametrize("sound", ["param/M003_012_4_2.wav", "wav/M003_012_4_2.wav", "param/wav/M003_012_4_2.wav"])
def test_a_clip_of_probtalk(sound, tmp_path):
    path = probtalk_npy(tmp_path / "param")
    write_wav(tmp_path / sound, 2.0)
    take = only(mead.takes([tmp_path]))
    assert (take.id, take.speaker, take.emotion, take.intensity) == ("M003_012_4_2", "M003", "fearful", 1.0)
    recording = mead.read(take)
    np.testing.assert_array_equal(recording.coefficients, np.load(path)[0, :, 300:])
    assert recording.rotation is None


def test_other_numbers_of_columns(tmp_path):
    for columns in (53, 103, 156):
        path = probtalk_npy(tmp_path / str(columns), columns=columns)
        write_wav(path.with_suffix(".wav"), 2.0)
    small = mead.read(only(mead.takes([tmp_path / "53"]))).coefficients
    np.testing.assert_array_equal(small[:, 100:], np.load(tmp_path / "53" / "M003_012_4_2.npy")[0, :, 50:])
    assert mead.read(only(mead.takes([tmp_path / "103"]))).coefficients.shape == (50, 103)
    with pytest.raises(InputError, match=r"156 values a frame.*DEEPTalk and EMOCA"):
        mead.read(only(mead.takes([tmp_path / "156"])))


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"no shape_pose_cam.hdf5"):
        mead.takes([tmp_path])
    with pytest.raises(InputError, match="no such file"):
        mead.takes([tmp_path / "none"])


def test_prepared(tmp_path):
    from flames import save

    for i in range(6):
        path = mead_hdf5(tmp_path / "in", subject=f"M{i:03d}", seq="003", frames=50)
        write_wav(path.with_name("audio.wav"), 2.0, seed=i)
    broken = np.full((1, 50, 100), np.nan)
    write_wav(mead_hdf5(tmp_path / "in", seq="004", exp=broken).with_name("audio.wav"), 2.0)
    write_wav(mead_hdf5(tmp_path / "in", seq="005").with_name("audio.wav"), 3.0)
    model: Path = save(tmp_path / "flame.pkl")
    report = prepare("mead", [tmp_path / "in"], tmp_path / "out", progress=False, flame=model)
    clips = read_manifest(tmp_path / "out")
    assert len(clips) == 6 and {clip.annotation for clip in clips} == {"flame"} and clips[0].emotion == "angry"
    assert len({clip.split for clip in clips}) == 3  # of six subjects, nobody in two
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert "not finite" in reasons["M003_angry_level_2_004"]
    assert "3.00 s of sound" in reasons["M003_angry_level_2_005"]
    animation = read_animation(tmp_path / "out", clips[0])
    assert animation.head.names[-1] == "jaw_z" and animation.offsets().any() and animation.rotation is not None
    prepare("mead", [tmp_path / "in"], tmp_path / "bare", progress=False)
    clip = read_manifest(tmp_path / "bare")[0]
    assert clip.head is None and read_motion(tmp_path / "bare" / clip.motion).coefficients.shape == (50, 103)
    with pytest.raises(InputError, match="no mesh is known"):
        read_animation(tmp_path / "bare", clip)
