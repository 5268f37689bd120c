import gc
import importlib.util
import os
import pickle
import shutil
import time
import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from sets import SHAPES, coefficient_set, vertex_head, vertex_set

from talkinghead.data.loading.batch import Batch
from talkinghead.data.loading.dataset import TrainingData
from talkinghead.data.loading.sampler import Order
from talkinghead.data.manifest import read_manifest, write_manifest
from talkinghead.data.motion_file import Motion, project, read_motion, write_motion
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.audio_encoder import AudioEncoder
from talkinghead.motion.emotions import EMOTIONS


@pytest.fixture(scope="module")
def encoder(tiny_encoder):
    torch.manual_seed(0)
    return AudioEncoder(tiny_encoder).eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    return [coefficient_set(folder / "rig"), vertex_set(folder / "scan")]


@pytest.fixture(scope="module")
def data(folders, tmp_path_factory, encoder):
    data = TrainingData(folders, tmp_path_factory.mktemp("cache"), versions=3)
    data.encode(encoder, "tag")
    return data


@pytest.fixture
def uncached(folders, tmp_path):
    return TrainingData(folders, tmp_path, versions=3, cached=False)


def test_what_the_data_are(data):
    assert data.annotations == {"arkit": ["jawOpen", "mouthClose", "jawLeft"], "points": ["pca_000", "pca_001", "pca_002"]}
    assert data.heads["arkit"].name == Head.default().name and data.heads["points"].name == "points"
    assert data.speakers == ["rig0", "rig1", "scan0", "scan1"]
    clips = [data.clip(i) for i in data.split("train")]
    for name in data.annotations:
        assert data.seconds[name] == pytest.approx(sum(c.duration for c in clips if c.annotation == name))
    assert {data.clip(i).split for i in data.split("val")} == {"val"}


def test_version_0_is_the_clip_on_the_models_clock(data, folders):
    for i in data.split("train"):
        clip = data.clip(i)
        features, motion = data.whole(i)
        assert len(features) == len(motion) == np.ceil(clip.duration * 50 - 1e-6) and features.dtype == np.float32
        if clip.annotation == "arkit":
            recorded = read_motion(folders[0] / clip.motion).coefficients
            times = (np.arange(len(recorded)) + 0.5) / clip.fps
            expected = np.interp((np.arange(len(motion)) + 0.5) / 50, times, recorded[:, 0])
            np.testing.assert_allclose(motion[:, 0], expected, atol=0.02)
            assert motion.min() >= 0 and motion[:, 0].max() <= recorded[:, 0].max() + 1e-6, "no overshoot"


def test_vertices_become_weights_of_the_heads_shapes(data, folders):
    i = next(i for i in data.split("train") if data.clip(i).annotation == "points")
    weights = project(read_motion(folders[1] / data.clip(i).motion).offsets, data.heads["points"].basis)
    np.testing.assert_allclose(data.whole(i)[1][5::20], (weights[2::10] * 0.75 + weights[3::10] * 0.25)[:5], atol=0.05)
    animation = data.animation(i)
    recorded = read_motion(folders[1] / data.clip(i).motion)
    np.testing.assert_allclose(animation.vertices(), recorded.offsets + recorded.template, atol=1e-6)


def test_other_versions_are_faster_or_slower_and_motion_goes_with_them(data):
    i = data.split("train")[-1]
    assert len({len(data.whole(i, version)[0]) for version in range(3)}) == 3
    grid = np.linspace(0, 1, 200)
    still = data.whole(i)[1][:, 0]
    for version in range(3):
        features, motion = data.whole(i, version)
        assert len(features) == len(motion)
        moved = np.interp(grid, np.linspace(0, 1, len(motion)), motion[:, 0])
        assert np.corrcoef(moved, np.interp(grid, np.linspace(0, 1, len(still)), still))[0, 1] > 0.95


def test_a_micro_batch_is_windows_of_one_annotation(data):
    for j in range(4):
        batch = data.micro_batch((1, 2), j, 6, 40)
        names = data.annotations[batch.annotation]
        assert batch.features.shape == (6, 40, 16) and batch.features.dtype == torch.float32 and batch.wave is None
        assert batch.motion.shape == (6, 40, len(names)) and batch.motion.dtype == torch.float32
        assert batch.style.dtype == batch.emotion.dtype == torch.int64 and batch.intensity.dtype == torch.float32
        own = {
            1 + data.speakers.index(s)
            for s in data.speakers
            if s.startswith({"arkit": "rig", "points": "scan"}[batch.annotation])
        }
        assert set(batch.style.tolist()) <= own | {0}
        for emotion, intensity, style in zip(batch.emotion, batch.intensity, batch.style, strict=True):
            assert float(intensity) == (0.5 if emotion else 0.0) and (style or not emotion)
    seen = torch.cat([data.micro_batch((1, 2), j, 6, 40).emotion for j in range(30)])
    assert set(seen.tolist()) == {0, EMOTIONS.index("happy"), EMOTIONS.index("angry")}


@pytest.mark.parametrize("cached", [True, False])
def test_a_micro_batch_is_a_pure_function(data, uncached, folders, tmp_path, encoder, cached):
    fresh = TrainingData(folders, tmp_path / "fresh", versions=3, cached=cached)
    if cached:
        fresh.encode(encoder, "tag")
    source = data if cached else uncached
    later = source.micro_batch((1,), 17, 5, 40)
    for j in (3, 17, 17):
        again = fresh.micro_batch((1,), j, 5, 40)
    assert same(later, again)
    assert not torch.equal(later.motion, source.micro_batch((2,), 17, 5, 40).motion)


def test_any_number_of_workers_gives_the_same_in_the_same_order(data, uncached):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    for source in (data, uncached):
        alone = [source.micro_batch((5,), j, 3, 40) for j in range(6)]
        for workers in (0, 1, 2):
            assert all(same(a, b) for a, b in zip(alone, source.loader((5,), range(6), 3, 40, workers), strict=True))
    assert torch.equal(state, torch.random.get_rng_state()), "the loader draws nothing from the training's generator"


def test_to_resume_is_to_go_on(data):
    whole = list(data.loader((5,), range(20), 3, 40))
    assert all(same(a, b) for a, b in zip(whole[11:], data.loader((5,), range(11, 20), 3, 40, workers=1), strict=True))


def test_two_processes_together_see_what_one_sees(data):
    alone = list(data.loader((5,), range(12), 3, 40))
    ranks = [list(data.loader((5,), range(rank, 12, 2), 3, 40)) for rank in range(2)]
    assert all(same(alone[j], ranks[j % 2][j // 2]) for j in range(12))


def test_an_epoch_visits_each_window_once(folders, tmp_path, monkeypatch):
    data = TrainingData(folders[:1], tmp_path, versions=1, cached=False)
    seen, real = [], Order.at
    monkeypatch.setattr(Order, "at", lambda *arguments: seen.append(real(*arguments)) or seen[-1])
    total = data.windows(25)
    assert total == sum(max(1, round(data.clip(i).duration * 2)) for i in data.split("train"))
    for j in range(total):
        data.micro_batch((0,), j, 2, 25)
    assert set(Counter(seen).values()) == {2} and {row for row, _, _ in seen} == set(data.split("train"))
    assert data.epoch_of(total, 2, 25) == 2.0


def test_windows_reach_all_of_a_clip(tmp_path):
    folder = coefficient_set(tmp_path / "one", clips=1)
    write_manifest(folder, [replace(read_manifest(folder)[0], split="train")])
    data = TrainingData([folder], tmp_path / "cache", versions=1, cached=False)
    whole = data.whole(0)[1][:, 2]  # grows with time
    moving = [m for j in range(200) for m in data.micro_batch((0,), j, 1, 20).motion[:, :, 2] if m.any()]
    starts = [int(np.argmin(np.abs(whole - float(m[0])))) for m in moving]
    assert min(starts) == 0 and max(starts) == len(whole) - 20 and len(set(starts)) > 25


def test_rooms_without_speech_are_at_rest(data, uncached):
    for source in (data, uncached):
        rest = total = 0
        for j in range(25):
            batch = source.micro_batch((9,), j, 8, 25)
            silent = batch.style == 0
            rest, total = rest + int(silent.sum()), total + len(silent)
            assert not batch.motion[silent].any() and not batch.intensity[silent].any() and batch.quiet[silent].all()
        assert 0.02 < rest / total < 0.12


def test_it_is_known_where_nobody_speaks(tmp_path):
    from talkinghead.data.loading.feature_cache import quiet_at

    rng = np.random.default_rng(0)
    wave = rng.normal(0, 0.1, 3 * 16000)
    wave[16000:32000] *= 1e-3
    found = quiet_at(wave.astype(np.float32))
    assert found.shape == (150,) and found[60:90].all() and not found[:50].any() and not found[100:].any()


def test_without_a_cache_sound_and_motion_are_those_of_the_clip(data, uncached):
    for i in data.split("val"):
        wave, motion = uncached.whole(i)
        np.testing.assert_array_equal(motion, data.whole(i)[1])
        assert len(motion) == np.ceil(len(wave) / 320)


def test_a_window_of_sound_is_where_its_motion_is(tmp_path):
    """Sound that ticks when the jaw opens."""
    from talkinghead.audio.write import write_audio

    folder = coefficient_set(tmp_path / "tick", clips=1)
    clip = replace(read_manifest(folder)[0], duration=8.0, split="train", fps=50.0)
    write_manifest(folder, [clip])
    jaw = np.zeros(400, np.float32)
    jaw[20::40] = 1
    wave = np.repeat(jaw, 320) * np.sin(np.arange(400 * 320) * 0.8).astype(np.float32) * 0.5
    write_audio(folder / clip.audio, wave)
    write_motion(folder / clip.motion, Motion(50.0, ("jawOpen",), jaw[:, None]))
    data = TrainingData([folder], tmp_path / "cache", versions=4, cached=False)
    offsets = []
    for j in range(40):
        batch = data.micro_batch((3,), j, 1, 100)
        assert batch.wave.shape == (1, 32000)
        if not batch.motion.any():
            continue
        loud = batch.wave[0].view(100, 320).square().mean(1).sqrt().numpy()
        jaw_now = batch.motion[0, :, 0].numpy()
        lags = [np.corrcoef(np.roll(loud, lag), jaw_now)[0, 1] for lag in range(-10, 11)]
        offsets.append(int(np.argmax(lags)) - 10)
    assert np.mean(np.abs(offsets) <= 1) > 0.8 and np.median(offsets) == 0


def test_an_interrupted_cache_is_filled_alike(data, folders, encoder, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 7:
            raise Stop

    broken = TrainingData(folders, tmp_path, versions=3)
    with pytest.raises(Stop):
        broken.encode(encoder, "tag", stop)
    again = TrainingData(folders, tmp_path, versions=3)
    for part in (0, 1):  # and by two processes
        again.encode(encoder, "tag", part=(part, 2))
    for i in data.split("train"):
        for version in range(3):
            for mine, other in zip(data.whole(i, version), again.whole(i, version), strict=True):
                np.testing.assert_array_equal(mine, other)


def test_what_changed_is_encoded_again_and_nothing_else(folders, encoder, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(folders[0], folder)
    data = TrainingData([folder], tmp_path / "cache", versions=1)
    data.encode(encoder, "tag")
    times = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache/tag").rglob("*.safetensors")}
    i = data.split("train")[0]
    path = folder / data.clip(i).motion
    motion = read_motion(path)
    write_motion(path, replace(motion, coefficients=motion.coefficients * 0))
    os.utime(path, (time.time() - 1000, time.time() - 1000))  # older than the cache, as a copy of older data is
    TrainingData([folder], tmp_path / "cache", versions=1).encode(encoder, "tag")
    assert not data.whole(i)[1].any() and data.whole(data.split("train")[1])[1].any()
    now = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache/tag").rglob("*.safetensors")}
    assert sum(now[name] != times[name] for name in times) == 1
    other = TrainingData([folder], tmp_path / "cache", versions=1, names={"arkit": ["jawLeft", "jawOpen"]})
    other.encode(encoder, "tag")
    assert other.whole(other.split("val")[0])[1].shape[1] == 2, "other names are not mistaken for these"


def test_a_trained_models_names_and_head_win(folders, tmp_path):
    head = replace(vertex_head(1), name="another")
    names = {"arkit": ["jawLeft"], "points": list(head.names)}
    data = TrainingData(folders, tmp_path, cached=False, names=names, heads={"points": head})
    assert data.annotations == names and data.heads["points"].name == "another"
    i = data.split("val")[-1]
    motion = data.whole(i)[1]
    offsets = read_motion(folders[1] / data.clip(i).motion).offsets
    weights = project(offsets, head.basis)
    assert motion.shape[1] == SHAPES and np.abs(motion).max() <= np.abs(weights).max() + 1e-3


def test_a_set_with_parameters_of_no_known_mesh(folders, tmp_path):
    folder = coefficient_set(tmp_path / "flame", clips=3, names=("expression_000", "jaw_x", "jaw_y"))
    write_manifest(folder, [replace(clip, annotation="flame") for clip in read_manifest(folder)])
    data = TrainingData([folders[0], folder], tmp_path / "cache", cached=False)
    assert data.heads["flame"] is None and data.annotations["flame"] == ["expression_000", "jaw_x", "jaw_y"]
    assert {data.micro_batch((0,), j, 2, 30).annotation for j in range(6)} == {"arkit", "flame"}
    with pytest.raises(InputError, match="no mesh is known"):
        data.animation(data.split("val")[-1])


def test_somebody_who_is_in_no_training_clip_has_no_style(tmp_path):
    folder = coefficient_set(tmp_path / "data", clips=4)
    write_manifest(folder, [replace(c, speaker="guest" if c.split == "val" else c.speaker) for c in read_manifest(folder)])
    data = TrainingData([folder], tmp_path / "cache", cached=False)
    assert data.speakers == ["data0", "data1"]
    assert [data.style(i) for i in data.split("val")] == [0] and data.style(data.split("train")[0]) == 1


def _nan(folder, clip):
    motion = read_motion(folder / clip.motion)
    motion.coefficients[7, 1] = np.nan
    write_motion(folder / clip.motion, motion)


def _other_names(folder, clip):
    write_motion(folder / clip.motion, replace(read_motion(folder / clip.motion), names=("jaw", "lips", "side")))


def _half(folder, clip):
    path = folder / clip.motion
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_nan, r"clip clip\.3: its motion is not a finite number in frame 7"),
        (_other_names, r"clip clip\.3: its motion has no jawOpen nor any other"),
        (_half, r"clip clip\.3: .*3\.safetensors: not safetensors"),
        (lambda folder, clip: (folder / clip.motion).unlink(), r"clip clip\.3: .*3\.safetensors"),
        (lambda folder, clip: (folder / clip.audio).write_bytes(b"fLaC nonsense"), "3.flac: is not a sound|clip.3: its sound"),
    ],
)
@pytest.mark.parametrize("workers", [None, 0, 1])
def test_one_bad_clip_is_named_in_one_line(folders, tmp_path, encoder, break_it, said, workers):
    folder = tmp_path / "data"
    shutil.copytree(folders[0], folder)
    break_it(folder, read_manifest(folder)[3])
    data = TrainingData([folder], tmp_path / "cache", versions=1, cached=workers is None)

    def read() -> None:
        if workers is None:
            data.encode(encoder, "tag")
        else:
            list(data.loader((0,), range(20), 4, 40, workers))

    with pytest.raises(InputError, match=said) as caught:
        read()
    assert "\n" not in str(caught.value)


def test_what_cannot_be_trained_on_is_said(folders, tmp_path):
    with pytest.raises(InputError, match="has no manifest"):
        TrainingData([tmp_path], tmp_path / "cache")
    folder = tmp_path / "data"
    shutil.copytree(folders[0], folder)
    write_manifest(folder, [replace(clip, split="test") for clip in read_manifest(folder)])
    data = TrainingData([folder], tmp_path / "cache", cached=False)
    with pytest.raises(InputError, match="no clip is in split 'train'"):
        next(iter(data.loader((0,), range(3), 2, 20)))
    headless = tmp_path / "scan"
    shutil.copytree(folders[1], headless)
    write_manifest(headless, [replace(clip, head=None) for clip in read_manifest(headless)])
    with pytest.raises(InputError, match="holds vertices but names no head"):
        TrainingData([headless], tmp_path / "cache")
    fresh = TrainingData(folders, tmp_path / "nothing")
    with pytest.raises(InputError, match="feature cache"):
        fresh.micro_batch((0,), 0, 2, 20)


def test_a_process_that_gets_a_copy_needs_no_manifest(data):
    copied = pickle.loads(pickle.dumps(data))
    assert same(copied.micro_batch((1,), 5, 3, 40), data.micro_batch((1,), 5, 3, 40))


def test_memory_grows_by_no_more_than_the_order_of_windows(root, tmp_path):
    spec = importlib.util.spec_from_file_location("bench_data", root / "tools/bench/bench_data.py")
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    folders = {hours: bench.large_set(tmp_path / f"{hours}h", hours) for hours in (1, 3)}

    def opened(hours):
        """As a worker does: the index is there."""
        data = TrainingData([folders[hours]], tmp_path / "cache", cached=False, versions=1)
        for j in range(10):
            data.micro_batch((0,), j, 8, 50)
        gc.collect()
        return data

    def size(hours):
        tracemalloc.start()
        kept = opened(hours)
        bytes_used = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del kept
        return bytes_used

    for hours in folders:  # writes the index, and imports what the draws of these batches need
        first = opened(hours)
        assert first.windows(50) == pytest.approx(hours * 3600 * 0.95, rel=0.001) and first.clip(700).id == "clip-00000700"
    del first
    grown = size(3) - size(1) - 2 * 4 * 3600  # bytes beyond the permutation of an epoch
    assert grown < 15 * 1440, "2 hours more are 1440 clips: less than a string for each of them"


def test_batches_move_to_devices(data):
    batch = data.micro_batch((1,), 0, 2, 20).to("meta")
    assert batch.motion.is_meta and batch.features.is_meta and batch.style.is_meta and batch.wave is None


def same(a: Batch, b: Batch) -> bool:
    """Whether two micro-batches are the same to the bit."""
    names = ("motion", "style", "features", "wave", "emotion", "intensity", "quiet")
    pairs = [(getattr(a, name), getattr(b, name)) for name in names]
    return a.annotation == b.annotation and all(x is y is None or torch.equal(x, y) for x, y in pairs)
