"""VOCASET in both layouts, with the quirks that its users report."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from layouts_vertices import VERTICES, face, talk, tone, write_converted, write_training_data

from talkinghead.audio.load import load_audio
from talkinghead.data.adapters import vocaset
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.io.pickled_objects import LazyArray

TRAIN, VAL, TEST = "FaceTalk_170725_00137_TA", vocaset.VAL[0], vocaset.TEST[0]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Four clips that are used, one that no split uses, 61 frames a second of motion in one."""
    root = tmp_path_factory.mktemp("converted") / "vocaset"
    clips = {f"{TRAIN}_sentence01": 90, f"{TRAIN}_sentence40": 91, f"{VAL}_sentence21": 90, f"{TEST}_sentence40": 120}
    clips |= {f"{TEST}_sentence20": 60, "Somebody_Else_sentence05": 90}
    templates = write_converted(root, clips, fps=60, rate=22050, ply="templates/FLAME_sample.ply")
    return root, templates


@pytest.fixture
def training(tmp_path):
    root = tmp_path / "trainingdata"
    clips = {(TRAIN, "sentence01"): 120, (TRAIN, "sentence02"): 240, (TEST, "sentence21"): 90}
    lost = {(TRAIN, "sentence01"): [0, 1, 40, 41, 42, 43, 44], (TRAIN, "sentence02"): [*range(60, 70), *range(80, 90)]}
    templates = write_training_data(root, clips, lost=lost)
    return root, templates


def test_split():
    assert vocaset.split_of(TRAIN, 1) == vocaset.split_of("anybody", 40) == "train"
    for speakers, name in ((vocaset.VAL, "val"), (vocaset.TEST, "test")):
        for speaker in speakers:
            assert [vocaset.split_of(speaker, n) for n in (20, 21, 40)] == [None, name, name]


def test_takes_of_the_converted_layout(converted):
    takes, dropped = vocaset.takes([converted[0].parent])  # a folder above will do
    splits = {take.id: take.split for take in takes}
    assert splits == {
        f"{TRAIN}_sentence01": "train",
        f"{TRAIN}_sentence40": "train",
        f"{VAL}_sentence21": "val",
        f"{TEST}_sentence40": "test",
        "Somebody_Else_sentence05": "train",
    }
    assert list(dropped) == [f"{TEST}_sentence20"] and "no published split" in dropped[f"{TEST}_sentence20"]
    assert {take.speaker for take in takes} == {TRAIN, VAL, TEST, "Somebody_Else"}


@pytest.mark.parametrize("fps", [30, 60, 30.0, 60.0])
def test_read_converted(converted, fps):
    root, templates = converted
    take = next(take for take in vocaset.takes([root], fps=fps)[0] if take.id == f"{TEST}_sentence40")
    recording = vocaset.read(take)
    stored = np.load(root / f"vertices_npy/{TEST}_sentence40.npy").reshape(120, VERTICES, 3)
    np.testing.assert_array_equal(recording.vertices, stored[:: round(60 / fps)])
    np.testing.assert_allclose(recording.template, templates[TEST], atol=1e-7)
    assert recording.fps == fps and recording.missing is None and abs(len(recording.wave) / 16000 - 2) < 1e-3


def test_head_of_the_converted_layout(converted):
    root, templates = converted
    head = vocaset.heads(vocaset.takes([root])[0])[vocaset.ANNOTATION]
    np.testing.assert_allclose(head.template, np.mean(list(templates.values()), 0), atol=1e-7)
    np.testing.assert_array_equal(head.faces, face()[1])
    assert head.names == () and head.basis.shape == (0, VERTICES, 3)


def test_regions_and_mesh_are_options(converted, tmp_path):
    root, _ = converted
    (tmp_path / "masks.pkl").write_bytes(pickle.dumps({"lips": np.array([30, 31, 32])}))
    takes, _ = vocaset.takes([root], regions=tmp_path / "masks.pkl", mesh=root / "templates/FLAME_sample.ply")
    head = vocaset.heads(takes)[vocaset.ANNOTATION]
    assert np.flatnonzero(head.regions["lips"]).tolist() == [30, 31, 32]
    assert {"lip_corner_left", "lip_corner_right"} <= set(head.landmarks)


def test_prepare_converted(converted, tmp_path):
    root, _ = converted
    report = prepare("vocaset", [root], tmp_path / "out", progress=False)
    assert report["clips"] == 5 and [drop["id"] for drop in report["dropped"]] == [f"{TEST}_sentence20"]
    clips = read_manifest(tmp_path / "out")
    assert {clip.annotation for clip in clips} == {"flame-vertices"} and {clip.fps for clip in clips} == {30.0}
    clip = next(clip for clip in clips if clip.id == f"{TEST}_sentence40")
    animation = read_animation(tmp_path / "out", clip)
    stored = np.load(root / f"vertices_npy/{clip.id}.npy").reshape(120, VERTICES, 3)[::2]
    np.testing.assert_allclose(animation.vertices(), stored, atol=1e-6)
    assert 0 < len(animation.head.names) <= 4 and np.abs(animation.residual).max() < 2e-4
    assert {"lips", "upper_face"} <= set(animation.head.regions)
    assert {"lips", "upper_face"} <= set(animation.head.provenance["estimated"])


def test_takes_of_training_data(training):
    root, _ = training
    takes, dropped = vocaset.takes([root])
    expected = [*(f"{TRAIN}_sentence{end}" for end in ("01", "02_part1", "02_part3")), f"{TEST}_sentence21"]
    assert [take.id for take in takes] == expected
    assert dropped == {f"{TRAIN}_sentence02_part2": "only 10 frames between holes of more than 5"}
    sound = takes[0].details["sound"]
    assert isinstance(sound, LazyArray) and len(pickle.dumps(takes[0])) < 20_000  # the sound is not carried along


def test_holes_of_up_to_five_frames_are_filled(training):
    root, templates = training
    take = next(take for take in vocaset.takes([root], fps=60)[0] if take.id == f"{TRAIN}_sentence01")
    recording = vocaset.read(take)
    whole = talk(templates[TRAIN], 120, 60, 0)[2:]  # two frames are lost before the first that is there
    assert np.flatnonzero(recording.missing).tolist() == [38, 39, 40, 41, 42]
    kept = ~recording.missing
    np.testing.assert_array_equal(recording.vertices[kept], whole[kept])
    expected = whole[37] + (whole[43] - whole[37]) * (np.arange(1, 7) / 6)[:, None, None]
    np.testing.assert_allclose(recording.vertices[38:44], expected, atol=1e-6)
    wave = load_audio(tone(2.0, 22000, 0), source_rate=22000)
    np.testing.assert_allclose(recording.wave, wave[round(2 / 60 * 16000) :], atol=1e-6)


def test_parts_keep_sound_and_motion_together(training):
    root, templates = training
    takes = {take.id: take for take in vocaset.takes([root], fps=60)[0]}
    whole, wave = talk(templates[TRAIN], 240, 60, 1), load_audio(tone(4.0, 22000, 1), source_rate=22000)
    first, last = (vocaset.read(takes[f"{TRAIN}_sentence02_part{i}"]) for i in (1, 3))
    np.testing.assert_array_equal(first.vertices, whole[:60])
    np.testing.assert_allclose(first.wave, wave[:16000], atol=1e-6)
    np.testing.assert_array_equal(last.vertices, whole[90:])
    np.testing.assert_allclose(last.wave, wave[24000:], atol=1e-6)


def test_prepare_training_data(training, tmp_path):
    root, templates = training
    report = prepare("vocaset", [root], tmp_path / "out", progress=False, workers=2)
    assert report["clips"] == 4 and report["splits"] == {"train": 3, "val": 0, "test": 1}
    clip = next(clip for clip in read_manifest(tmp_path / "out") if clip.id == f"{TEST}_sentence21")
    stored = talk(templates[TEST], 90, 60, 2)[::2]
    np.testing.assert_allclose(read_animation(tmp_path / "out", clip).vertices(), stored, atol=1e-6)


def test_what_is_missing_in_training_data_is_told(training):
    root, _ = training
    rows = pickle.loads((root / "subj_seq_to_idx.pkl").read_bytes())
    sounds = pickle.loads((root / "raw_audio_fixed.pkl").read_bytes())
    del rows[TRAIN]["sentence01"], sounds[TRAIN]["sentence02"]
    rows["nobody"] = {"sentence01": {0: 1}}
    rows[TEST]["sentence22"] = {0: 10**6}
    sounds[TEST]["sentence22"] = sounds[TEST]["sentence21"]
    (root / "subj_seq_to_idx.pkl").write_bytes(pickle.dumps(rows, 2))
    (root / "raw_audio_fixed.pkl").write_bytes(pickle.dumps(sounds, 2))
    takes, dropped = vocaset.takes([root])
    assert [take.id for take in takes] == [f"{TEST}_sentence21"]
    assert "no motion" in dropped[f"{TRAIN}_sentence01"]
    assert "no sound" in dropped[f"{TRAIN}_sentence02"]
    assert "no template of nobody" in dropped["nobody_sentence01"]
    assert "rows beyond" in dropped[f"{TEST}_sentence22"]


@pytest.mark.parametrize("kind", ["int32", "float32", "float64 of 16 bits"])
def test_sound_of_other_types(kind):
    samples = tone(1.5, 22000, 2).astype(kind.split()[0])
    samples = samples / np.float32(32768) if kind == "float32" else samples
    expected = load_audio(tone(1.5, 22000, 2), source_rate=22000)
    np.testing.assert_allclose(vocaset._wave(samples, 22000, "x"), expected, atol=1e-6)


def test_bad_clips_do_not_stop_the_others(converted, tmp_path):
    """NaN, a file cut short, vertices of another mesh, sound that is missing, silent or of another length, odd names."""
    import shutil

    root = tmp_path / "vocaset"
    shutil.copytree(converted[0], root)
    good = np.load(root / f"vertices_npy/{TRAIN}_sentence01.npy")
    sound = root / f"wav/{TRAIN}_sentence01.wav"
    for number in range(2, 8):
        np.save(root / f"vertices_npy/{TRAIN}_sentence{number:02d}.npy", good)
        shutil.copy(sound, root / f"wav/{TRAIN}_sentence{number:02d}.wav")
    nan = good.copy()
    nan[11, 5] = np.nan  # a frame that is not used: what else is wrong with this clip is not known
    np.save(root / f"vertices_npy/{TRAIN}_sentence02.npy", nan)
    whole = (root / f"vertices_npy/{TRAIN}_sentence03.npy").read_bytes()
    (root / f"vertices_npy/{TRAIN}_sentence03.npy").write_bytes(whole[: len(whole) // 2])
    np.save(root / f"vertices_npy/{TRAIN}_sentence04.npy", good[:, :-3])
    (root / f"wav/{TRAIN}_sentence05.wav").unlink()
    np.save(root / f"vertices_npy/{TRAIN}_sentence06.npy", np.concatenate([good, good]))
    np.save(root / f"vertices_npy/{TRAIN}_sentence07.npy", np.repeat(good[:1], 90, 0))  # as the one clip without motion
    np.save(root / "vertices_npy/notes.npy", good)
    np.save(root / "vertices_npy/Stranger_sentence01.npy", good)
    report = prepare("vocaset", [root], tmp_path / "out", progress=False)
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert report["clips"] == 5
    for name, reason in {
        f"{TRAIN}_sentence02": "not finite in frame 11",
        f"{TRAIN}_sentence03": "cut short",
        f"{TRAIN}_sentence04": f"the template has {VERTICES} vertices",
        f"{TRAIN}_sentence05": "no sound: wav/",
        f"{TRAIN}_sentence06": "more than 0.25 s apart",
        f"{TRAIN}_sentence07": "does not move",
        "notes": "SPEAKER_sentenceNN",
        "Stranger_sentence01": "no template of Stranger",
    }.items():
        assert reason in reasons.pop(name), name
    assert list(reasons) == [f"{TEST}_sentence20"]


def test_wrong_unit(converted, tmp_path):
    with pytest.raises(InputError, match=r"not the size of a head .* give --unit m$"):
        prepare("vocaset", [converted[0]], tmp_path / "out", progress=False, unit="mm")


def test_bad_input(converted, tmp_path):
    with pytest.raises(InputError, match="training data"):
        vocaset.takes([tmp_path])
    with pytest.raises(InputError, match="no such folder"):
        vocaset.takes([tmp_path / "nothing"])
    for fps in (25, 0, -30, 120):
        with pytest.raises(InputError, match=f"fps {fps}:"):
            vocaset.takes([converted[0]], fps=fps)
    (tmp_path / "v/vertices_npy").mkdir(parents=True)
    with pytest.raises(InputError, match=r"templates\.pkl: no such file"):
        vocaset.takes([tmp_path / "v"])
