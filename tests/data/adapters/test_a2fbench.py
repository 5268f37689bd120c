import json

import numpy as np
import pytest
from layouts_parameters import A2F_KINDS, a2f_set

from talkinghead.data.adapters import a2fbench
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT

BIWI, VOCASET, MESHTALK, ETF, INHOUSE, DAD = A2F_KINDS


def test_the_orders_are_all_of_arkit():
    assert sorted(a2fbench.INHOUSE) == [name for name in ARKIT if name != "tongueOut"]
    assert ARKIT[8:10] == ("eyeBlinkLeft", "eyeBlinkRight")  # where EmoTalk's programs put blinks


@pytest.mark.parametrize(
    ("kind", "annotation", "fps", "frames"),
    [
        (BIWI, "biwi", 25, 60),
        (VOCASET, "flame-vertices", 30, 30),
        (MESHTALK, "meshtalk", 30, 60),
        (ETF, "3detf", 30, 60),
        (INHOUSE, "arkit", 30, 30),
        (DAD, "flame", 25, 15),
    ],
)
def test_every_kind(kind, annotation, fps, frames, tmp_path):
    place = a2f_set(tmp_path, kind)
    found, dropped = a2fbench.takes([tmp_path])
    assert not dropped and [take.id for take in found] == ["D0_annot_train_00", "D0_annot_train_01"]
    assert [take.speaker for take in found] == ["ann", "bob"] and {take.annotation for take in found} == {annotation}
    raw = np.load(place / "annot" / "train_00.npy")
    for take in found:
        recording = a2fbench.read(take)
        assert recording.fps == fps and len(recording.wave) == pytest.approx(frames / fps * 16000, abs=2)
        values = recording.vertices if recording.vertices is not None else recording.coefficients
        assert len(values) == frames
    first = a2fbench.read(found[0])
    if annotation in ("biwi", "flame-vertices", "meshtalk"):
        scale = {"biwi": 0.2, "flame-vertices": 1, "meshtalk": 0.001}[annotation]
        expected = raw[:2].mean(0) if kind == VOCASET else raw[0]
        np.testing.assert_allclose(first.vertices[0], expected.reshape(-1, 3) * scale, rtol=1e-5, atol=1e-6)
        assert 0.15 < np.ptp(first.template, axis=0).max() < 0.25
    elif annotation == "flame":
        np.testing.assert_allclose(first.coefficients[0], raw[:4, 300:403].mean(0), rtol=1e-5)
    else:
        assert len(first.names) == raw.shape[1] and set(first.names) <= set(ARKIT)


def test_frames_of_the_slower_clock_lie_between(tmp_path):
    place = a2f_set(tmp_path, DAD, clips=1)
    ramp = np.tile((np.arange(60, dtype=np.float32)[:, None] + 0.5) / 100, (1, 413))  # each value is the frame's time
    np.save(place / "annot" / "train_00.npy", ramp)
    recording = a2fbench.read(a2fbench.takes([tmp_path])[0][0])
    np.testing.assert_allclose(recording.coefficients[:, 0], (np.arange(15) + 0.5) / 25, rtol=1e-5)


def test_metres_stay_metres_and_a_unit_can_be_given(tmp_path):
    place = a2f_set(tmp_path, BIWI, clips=1)
    for name in ("id_template.npy", "annot/train_00.npy"):
        np.save(place / name, np.load(place / name) / 5)
    take = a2fbench.takes([tmp_path])[0][0]
    assert 0.15 < np.ptp(a2fbench.read(take).template, axis=0).max() < 0.25
    take = a2fbench.takes([tmp_path], unit=2.0)[0][0]
    assert 0.3 < np.ptp(a2fbench.read(take).template, axis=0).max() < 0.5
    with pytest.raises(InputError, match="looks like m"):
        a2fbench.read(a2fbench.takes([tmp_path], unit="mm")[0][0])


def test_splits_and_an_object_of_entries(tmp_path):
    for split in ("train", "val", "test"):
        a2f_set(tmp_path, ETF, split=split, clips=1, as_dict=split == "val")
    found, _ = a2fbench.takes([tmp_path])
    assert {take.id: take.split for take in found} == {f"D0_annot_{s}_00": s for s in ("train", "val", "test")}
    assert len(a2fbench.takes([tmp_path / "D0" / "val.json"])[0]) == 1


def test_speakers_are_places_in_the_list_or_names(tmp_path):
    place = a2f_set(tmp_path, BIWI)
    table = json.loads((place / "train.json").read_text())
    for entry, name in zip(table["data"], ("bob", "ann"), strict=True):
        entry["id"] = name
    (place / "train.json").write_text(json.dumps(table))
    found, dropped = a2fbench.takes([tmp_path])
    assert not dropped and [take.speaker for take in found] == ["bob", "ann"]
    expected = np.load(place / "id_template.npy")[1].reshape(-1, 3) * 0.2
    np.testing.assert_allclose(a2fbench.read(found[0]).template, expected, rtol=1e-6)


def test_what_is_missing_is_listed(tmp_path):
    place = a2f_set(tmp_path, ETF, clips=5)
    (place / "audio" / "train_00.wav").unlink()
    (place / "annot" / "train_01.npy").unlink()
    np.save(place / "annot" / "train_02.npy", np.zeros((60, 99), np.float32))
    np.save(place / "annot" / "train_03.npy", np.array([{"a": 1}], dtype=object))
    table = json.loads((place / "train.json").read_text())
    table["data"][4]["id"] = 7
    table["data"] += [{"annot_path": "x.npy"}, "nonsense", table["data"][0]]
    (place / "train.json").write_text(json.dumps(table))
    found, dropped = a2fbench.takes([tmp_path])
    assert not found
    assert dropped["D0_annot_train_00"] == "no audio/train_00.wav"
    assert dropped["D0_annot_train_01"] == "no annot/train_01.npy"
    assert "99 values a frame" in dropped["D0_annot_train_02"]
    assert "Python objects" in dropped["D0_annot_train_03"]
    assert dropped["D0_annot_train_04"] == "id 7 is neither one of the 2 speakers of the id_list nor a place in it"
    assert "without all of its fields" in dropped["D0_train_entry"]


def test_a_flame_model_gives_meshes(tmp_path):
    from flames import save

    a2f_set(tmp_path, VOCASET, "D1", clips=1)
    a2f_set(tmp_path, DAD, "D5", clips=1)
    found, _ = a2fbench.takes([tmp_path], flame=save(tmp_path / "flame.pkl"))
    heads = a2fbench.heads(found)
    assert set(heads) == {"flame", "flame-vertices"} and len(heads["flame"].names) == 103
    assert not heads["flame-vertices"].names and len(heads["flame-vertices"].faces) == 2
    assert a2fbench.heads(a2fbench.takes([tmp_path])[0]) == {}


def test_vertices_need_a_template(tmp_path):
    place = a2f_set(tmp_path, VOCASET, clips=1)
    np.save(place / "id_template.npy", np.zeros((1, 15066), np.float32))
    with pytest.raises(InputError, match="no face of 15069 values"):
        a2fbench.read(a2fbench.takes([tmp_path])[0][0])
    (place / "id_template.npy").unlink()
    assert "id_template.npy" in a2fbench.takes([tmp_path])[1]["D0_annot_train_00"]


@pytest.mark.parametrize("content", ["{", "[]", '{"data": []}', '{"info": {"id_list": 3}, "data": []}', "3"])
def test_what_is_no_table(content, tmp_path):
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(InputError, match=r"train\.json") as caught:
        a2fbench.takes([tmp_path])
    assert "\n" not in str(caught.value)


def test_arrays_cut_short(tmp_path):
    place = a2f_set(tmp_path, ETF, clips=1)
    path = place / "annot" / "train_00.npy"
    path.write_bytes(path.read_bytes()[:2000])
    assert "cut short" in a2fbench.takes([tmp_path])[1]["D0_annot_train_00"]


def test_weights_in_per_cent(tmp_path):
    place = a2f_set(tmp_path, ETF, clips=1)
    np.save(place / "annot" / "train_00.npy", 100 * np.load(place / "annot" / "train_00.npy"))
    with pytest.raises(InputError, match="per cent"):
        a2fbench.read(a2fbench.takes([tmp_path])[0][0])


def test_prepared(tmp_path):
    a2f_set(tmp_path / "in", MESHTALK, "D2", clips=2, frames=20)
    a2f_set(tmp_path / "in", ETF, "D3", clips=2)
    place = a2f_set(tmp_path / "in", INHOUSE, "D6", clips=2)
    values = np.load(place / "annot" / "train_00.npy")
    values[10] = np.nan
    np.save(place / "annot" / "train_00.npy", values)
    report = prepare("a2fbench", [tmp_path / "in"], tmp_path / "out", progress=False)
    clips = {clip.id: clip for clip in read_manifest(tmp_path / "out")}
    assert len(clips) == 5 and [d["id"] for d in report["dropped"]] == ["D6_annot_train_00"]
    assert "not finite" in report["dropped"][0]["reason"]
    shown = read_animation(tmp_path / "out", clips["D2_annot_train_00"])
    raw = np.load(tmp_path / "in/D2/annot/train_00.npy").reshape(20, -1, 3) * 0.001
    np.testing.assert_allclose(shown.vertices(), raw, atol=1e-5)
    assert read_animation(tmp_path / "out", clips["D3_annot_train_00"]).lip_aperture().shape == (60,)
    assert clips["D3_annot_train_00"].annotation == "3detf" and clips["D6_annot_train_01"].annotation == "arkit"
