"""The framework that all adapters share, with the made-up set of `toyset`."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import toyset
from disks import room_for

from talkinghead.audio.load import load_audio
from talkinghead.data import preparation
from talkinghead.data.convert import runner
from talkinghead.data.convert.recording import Take
from talkinghead.data.convert.splits import assign_splits
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import animation_of, head_of, read_animation, read_motion
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.writing import unfinished


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """The made-up set among the sources."""
    monkeypatch.setitem(preparation.SOURCES, "toy", "toyset")


@pytest.fixture
def source(tmp_path):
    """Six takes of two speakers."""
    for i in range(6):
        toyset.write(tmp_path / "in", f"{'ab'[i % 2]}_{i}", seed=i)
    return tmp_path / "in"


def times(folder):
    """When each file of a dataset was last written."""
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def content(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_vertices_become_clips_and_a_head(source, tmp_path):
    report = prepare("toy", [source], tmp_path / "out", progress=False)
    clips = read_manifest(tmp_path / "out")
    assert [clip.id for clip in clips] == ["a_0", "a_2", "a_4", "b_1", "b_3", "b_5"]
    clip = clips[3]
    assert (clip.speaker, clip.annotation, clip.head, clip.licence) == ("b", "square", "heads/square.npz", "CC0-1.0")
    assert (clip.duration, clip.fps, clip.words) == (2.0, 25.0, ((0.0, 0.5, "one"), (0.5, 2.0, "two")))
    with np.load(source / "b_1.npz") as file:
        true = file["vertices"]
    motion = read_motion(tmp_path / "out" / clip.motion)
    assert motion.offsets is not None and motion.offsets.dtype == np.float32
    animation = read_animation(tmp_path / "out", clip)
    np.testing.assert_allclose(animation.vertices(), true, atol=1e-6)
    head = Head.load(tmp_path / "out" / "heads/square.npz")
    assert head.names[0] == "pca_000" and 1 <= len(head.names) <= 128 and len(head.faces) == len(toyset.FACES)
    assert np.abs(animation.residual).max() < 0.1 * np.abs(motion.offsets).max()  # the shapes explain nearly all
    assert len(load_audio(tmp_path / "out" / clip.audio)) == 32000
    assert report["annotations"] == {"square": 6} and report["quality"]["frames"]["median"] == 50
    assert report["split"] == "by clip (fewer than 5 speakers)"


def test_a_set_whose_faces_nobody_knows_is_a_cloud_of_points(source, tmp_path, monkeypatch):
    monkeypatch.delattr(toyset, "heads")
    prepare("toy", [source], tmp_path / "out", progress=False)
    clip = read_manifest(tmp_path / "out")[0]
    head = head_of(tmp_path / "out", clip)
    assert len(head.faces) == 0 and len(head.names) >= 1
    assert animation_of(read_motion(tmp_path / "out" / clip.motion), head, "").vertices().shape == (50, 25, 3)


def test_a_second_run_writes_no_clip_and_changed_ones_only(source, tmp_path):
    out = tmp_path / "out"
    prepare("toy", [source], out, progress=False)
    before = times(out)
    prepare("toy", [source], out, progress=False)
    assert {k: v for k, v in times(out).items() if k.startswith(("audio", "motion", "heads"))} == {
        k: v for k, v in before.items() if k.startswith(("audio", "motion", "heads"))
    }
    toyset.write(source, "b_1", seed=9)
    prepare("toy", [source], out, progress=False)
    changed = {k for k, v in times(out).items() if before.get(k) != v and k.startswith(("audio", "motion", "heads"))}
    assert changed == {"audio/b_1.flac", "motion/b_1.safetensors", "heads/square.npz"}
    (out / "audio" / "a_0.flac").unlink()
    prepare("toy", [source], out, progress=False)
    assert (out / "audio" / "a_0.flac").exists()


def test_a_clip_that_cannot_be_written_is_not_dropped_and_an_earlier_one_stays(source, tmp_path):
    prepare("toy", [source], tmp_path / "out", progress=False)
    before = content(tmp_path / "out")
    toyset.write(source, "a_0", frames=200)
    with room_for(30_000), pytest.raises(InputError, match=r"a_0\.\w+: cannot be written \(File too large\)"):
        prepare("toy", [source], tmp_path / "out", progress=False)
    assert content(tmp_path / "out") == before


def test_options_and_versions_make_clips_again_but_names_do_not(source, tmp_path, monkeypatch):
    out = tmp_path / "out"
    prepare("toy", [source], out, progress=False)
    before = times(out)
    prepare("toy", [source], out, progress=False, speaker="me")
    assert times(out)["motion/a_0.safetensors"] == before["motion/a_0.safetensors"]
    assert {clip.speaker for clip in read_manifest(out)} == {"me"}
    prepare("toy", [source], out, progress=False, scale=0.9)
    middle = times(out)
    assert middle["motion/a_0.safetensors"] != before["motion/a_0.safetensors"]
    monkeypatch.setattr(toyset, "VERSION", 2)
    prepare("toy", [source], out, progress=False, scale=0.9)
    assert times(out)["motion/a_0.safetensors"] != middle["motion/a_0.safetensors"]


def test_an_interrupted_run_goes_on(source, tmp_path, monkeypatch):
    out, read, seen = tmp_path / "out", toyset.read, []

    def interrupted(take):
        seen.append(take.id)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return read(take)

    monkeypatch.setattr(toyset, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare("toy", [source], out, progress=False)
    prepare("toy", [source], out, progress=False)
    assert len(seen) == 4 + 3 and len(read_manifest(out)) == 6
    prepare("toy", [source], tmp_path / "whole", progress=False)
    assert content(out) == content(tmp_path / "whole")


def test_what_is_gone_goes_and_what_is_not_ours_stays(source, tmp_path):
    out = tmp_path / "out"
    prepare("toy", [source], out, progress=False)
    (out / "motion" / "notes.txt").write_text("mine")
    (out / "heads" / ".my-own.npz").write_bytes(b"mine")
    (out / "motion" / "mine.safetensors").write_bytes(b"not of ours")
    killed = unfinished(out / "motion" / "a_0.safetensors")
    killed.mkdir()
    (killed / "a_0.safetensors").write_bytes(b"half")
    (source / "a_0.npz").unlink()
    toyset.write(source, "a_2", vertices=np.zeros((3, 25, 3), np.float32))
    report = prepare("toy", [source], out, progress=False)
    assert report["clips"] == 4 and [drop["id"] for drop in report["dropped"]] == ["a_2"]
    names = {p.name for p in (out / "motion").iterdir()}
    assert names == {"notes.txt", "mine.safetensors", *(f"{clip.id}.safetensors" for clip in read_manifest(out))}
    assert (out / "heads" / ".my-own.npz").exists()
    assert not (out / "audio" / "a_0.flac").exists() and not (out / "audio" / "a_2.flac").exists()


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_workers_change_nothing_and_a_killed_one_costs_its_clip_only(source, tmp_path, engine):
    if engine == "ray":
        pytest.importorskip("ray")
        os.environ.pop("RAY_ADDRESS", None)
    toyset.write(source, "c_0", kill=np.ones(1))
    report = prepare("toy", [source], tmp_path / "many", progress=False, workers=2, engine=engine)
    (drop,) = report["dropped"]
    assert drop["id"] == "c_0" and "worker was killed" in drop["reason"]
    (source / "c_0.npz").unlink()
    prepare("toy", [source], tmp_path / "many", progress=False)
    prepare("toy", [source], tmp_path / "one", progress=False)
    assert content(tmp_path / "many") == content(tmp_path / "one")


def test_ids_that_would_share_a_file_are_told(tmp_path):
    toyset.write(tmp_path / "in" / "x", "a_0")
    toyset.write(tmp_path / "in" / "y", "a_0", seed=1)
    report = prepare("toy", [tmp_path / "in" / "x", tmp_path / "in" / "y"], tmp_path / "out", progress=False)
    (drop,) = report["dropped"]
    assert report["clips"] == 1 and "same id as a_0" in drop["reason"] and "y/a_0.npz" in drop["id"]


def test_filled_frames_are_counted(tmp_path):
    missing = np.arange(50) % 10 == 3
    toyset.write(tmp_path / "in", "a_0", missing=missing)
    report = prepare("toy", [tmp_path / "in"], tmp_path / "out", progress=False)
    assert report["quality"]["kept"] == {"median": 0.9, "worst": 0.9}


def test_one_reason_for_all_is_the_error(source, tmp_path):
    for path in source.glob("*.flac"):
        path.unlink()
    with pytest.raises(InputError, match=r"all 6 for the same reason: a_0: .*a_0\.flac: No such file"):
        prepare("toy", [source], tmp_path / "out", progress=False)


def test_options_of_another_source_are_refused(source, tmp_path):
    with pytest.raises(InputError, match="source toy: has no option 'unit'; it has speaker, scale"):
        prepare("toy", [source], tmp_path / "out", progress=False, unit="mm")
    with pytest.raises(InputError, match="'tpy' is not known; did you mean 'toy'"):
        prepare("tpy", [source], tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def takes(speakers, each=3, split=None):
    return [Take(f"{s}_{i}", s, (), split) for s in speakers for i in range(each)]


def test_published_splits_win():
    splits, rule = assign_splits(takes("ab", split="test"))
    assert set(splits.values()) == {"test"} and rule == "as published"
    splits, rule = assign_splits(takes("ab", split="val") + takes("c"))
    assert splits["a_0"] == "val" and splits["c_0"] == "train" and "3 clips that have no published split" in rule


@pytest.mark.parametrize(("count", "held"), [(5, 1), (12, 1), (40, 4)])
def test_speakers_are_not_shared_between_splits(count, held):
    people = [f"person{i}" for i in range(count)]
    splits, rule = assign_splits(takes(people))
    of = {person: {splits[f"{person}_{i}"] for i in range(3)} for person in people}
    assert all(len(found) == 1 for found in of.values())
    counts = [sum(found == {split} for found in of.values()) for split in ("train", "val", "test")]
    assert counts == [count - 2 * held, held, held] and "by speaker" in rule
    assert assign_splits(takes(reversed(people)))[0] == splits


def test_few_speakers_are_split_by_clip():
    splits, _ = assign_splits(takes("ab", each=10))
    assert [splits[f"a_{i}"] for i in range(10)] == ["train"] * 5 + ["test", "train", "val", "train", "train"]


@pytest.mark.parametrize(("count", "expected"), [(1, "T"), (2, "TV"), (3, "TVt"), (4, "TTVt"), (7, "TTTTTtV"), (8, "TTTTTtTV")])
def test_a_few_clips_are_enough_to_train_on(count, expected):
    splits, _ = assign_splits(takes("a", each=count))
    names = {"T": "train", "V": "val", "t": "test"}
    assert [splits[f"a_{i}"] for i in range(count)] == [names[letter] for letter in expected]


def test_published_and_own_arkit_weights(tmp_path):
    weights = np.zeros((50, 2), np.float32)
    weights[:, 0] = np.linspace(0, 0.5, 50)
    toyset.write(tmp_path / "in", "a_0", coefficients=weights, names=np.array(["jawOpen", "mouthPucker"]))
    (tmp_path / "in" / "test.txt").write_text("a_0")
    prepare("toy", [tmp_path / "in"], tmp_path / "out", progress=False)
    (clip,) = read_manifest(tmp_path / "out")
    assert clip.head is None and clip.annotation == "arkit" and clip.split == "test"
    animation = read_animation(tmp_path / "out", clip)
    np.testing.assert_array_equal(animation.coefficients[:, animation.head.index("jawOpen")], weights[:, 0])
    assert json.loads((tmp_path / "out" / "report.json").read_text())["split"] == "as published"


def test_adapters_of_all_sources_are_there():
    for source in preparation.SOURCES:
        if source == "toy":
            continue
        module = preparation._module(source)
        assert hasattr(module, "convert" if source == preparation.RESHAPED else "takes"), source
        if source != preparation.RESHAPED:
            assert hasattr(module, "read") and isinstance(module.VERSION, int) and isinstance(module.LICENCE, str)
        assert all(p.default is not p.empty or p.kind is p.VAR_KEYWORD for p in preparation.options_of(source).values()), source
    assert runner.VERSION >= 1
