import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.data.adapters import facegood
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation, read_motion
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT, PAIRS
from talkinghead.head.head import Head

NAMES = [
    "tooth_r",
    "mouth_stretch_c",
    "mouth_press_l",
    "mouth_press_r",
    "mouth_suck_dl",
    "mouth_funnel_ul",
    "mouth_lipCornerPull_l",
    "brow_raise_c",
    "eye_blink1_l",
]


def write_take(folder, name="take", frames=60, seconds=2.0, **change):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    arrays = {"weights": rng.uniform(0, 1, (frames, len(NAMES))), "names": np.array(NAMES), "fps": np.float64(30)} | change
    np.savez(folder / f"{name}.npz", **{k: v for k, v in arrays.items() if v is not None})
    write_audio(folder / f"{name}.flac", rng.normal(0, 0.1, round(seconds * 16000)))


def test_every_target_is_a_shape_of_arkit():
    assert {name for _, name, _ in facegood._rows()} <= set(ARKIT)
    channels = [channel for channel, _, _ in facegood._rows()]
    assert not any("{" in channel for channel in channels)
    assert set(facegood.SHUT) <= set(channels) and set(facegood.OPENING) <= set(ARKIT)


def test_channels_become_shapes():
    head = Head.default()
    weights = np.zeros((4, len(NAMES)))
    weights[1, NAMES.index("mouth_stretch_c")] = 0.5
    weights[2, NAMES.index("mouth_lipCornerPull_l")] = 1.0
    weights[3, [NAMES.index("mouth_stretch_c"), NAMES.index("mouth_suck_dl")]] = 0.5, 0.4
    found = facegood.to_arkit(weights, NAMES, head)
    assert not found[0].any()
    assert found[1, head.index("jawOpen")] > 0.1 and (found[1] > 0).sum() == 1
    assert found[2, head.index("mouthSmileLeft")] > 0.3 and (found[2] > 0).sum() == 1  # the person's left, not the picture's
    aperture = Animation(found, 30, head).lip_aperture()
    assert aperture[1] > 4e-3 and aperture[3] < 1e-3  # lips drawn in are shut, whatever the jaw does
    assert facegood.to_arkit(np.full((2, len(NAMES)), 9.0), NAMES, head).max() <= 1


def test_takes_become_a_dataset(tmp_path):
    write_take(tmp_path / "in", "good")
    write_take(tmp_path / "in", "short", frames=3)
    write_take(tmp_path / "in", "nan", weights=np.full((60, len(NAMES)), np.nan))
    write_take(tmp_path / "in", "other", names=np.array([f"x{i}" for i in range(len(NAMES))]))
    write_take(tmp_path / "in", "unfit", seconds=9.0)
    write_take(tmp_path / "in", "nofps", fps=None)
    write_take(tmp_path / "in", "mute")
    (tmp_path / "in" / "mute.flac").unlink()
    report = prepare("facegood", [tmp_path / "in"], tmp_path / "out", progress=False)
    (clip,) = read_manifest(tmp_path / "out")
    assert (clip.id, clip.duration, clip.fps, clip.licence) == ("good", 2.0, 30.0, "MIT")
    assert {drop["id"] for drop in report["dropped"]} == {"short", "nan", "other", "unfit", "nofps", "mute"}
    assert len(load_audio(tmp_path / "out" / clip.audio)) == 32000
    motion = read_motion(tmp_path / "out" / clip.motion)
    assert motion.coefficients.shape == (60, 52) and motion.coefficients.dtype == np.float32
    time = (tmp_path / "out" / clip.motion).stat().st_mtime_ns
    prepare("facegood", [tmp_path / "in"], tmp_path / "out", progress=False)
    assert (tmp_path / "out" / clip.motion).stat().st_mtime_ns == time


def test_brows_and_lids_that_nobody_animated_are_not_known(tmp_path):
    still = np.random.default_rng(0).uniform(0, 1, (90, len(NAMES)))
    still[:, [k for k, name in enumerate(NAMES) if name.startswith(("brow", "eye"))]] = 0
    write_take(tmp_path, "still", frames=90, weights=still)
    write_take(tmp_path, "alive", frames=90)
    takes, _ = facegood.takes([tmp_path])
    found = {take.id: facegood.read(take) for take in takes}
    assert found["alive"].names == Head.default().names
    assert set(Head.default().names) - set(found["still"].names) == {
        name for name in Head.default().names if name.startswith(("brow", "eye"))
    }
    assert found["still"].coefficients.shape == (90, len(found["still"].names))


def test_nothing_usable_is_an_error(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="no takes"):
        prepare("facegood", [tmp_path / "in"], tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()
    write_take(tmp_path / "in", "short", frames=3)
    with pytest.raises(InputError, match="only 3 frames"):
        prepare("facegood", [tmp_path / "in"], tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_a_failed_run_leaves_an_earlier_dataset_alone(tmp_path):
    write_take(tmp_path / "in", "good")
    prepare("facegood", [tmp_path / "in"], tmp_path / "out", progress=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no takes"):
        prepare("facegood", [tmp_path / "empty"], tmp_path / "out", progress=False)
    assert [clip.id for clip in read_manifest(tmp_path / "out")] == ["good"]


@pytest.mark.shared
def test_real_takes(shared, tmp_path):
    report = prepare("facegood", [shared / "data" / "facegood"], tmp_path / "out", progress=False)
    assert report["clips"] == 7 and not report["dropped"]
    head, openings = Head.default(), []
    for clip in read_manifest(tmp_path / "out"):
        motion = read_animation(tmp_path / "out", clip)
        for left, right in PAIRS:
            np.testing.assert_allclose(
                motion.coefficients[:, head.index(left)], motion.coefficients[:, head.index(right)], atol=0.05
            )
        aperture = motion.lip_aperture()
        openings.append(np.percentile(aperture, [50, 95]))
        shut = motion.coefficients[:, head.index("mouthClose")] > 0.01
        assert aperture[shut].min() < 0.5e-3
    middle, wide = np.mean(openings, 0)
    assert middle < 4e-3 and 5e-3 < wide < 15e-3
