import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from disks import room_for
from sets import coefficient_set, vertex_set
from strangers import check_damaged

from talkinghead.data.loading.dataset import TrainingData
from talkinghead.data.manifest import read_manifest, write_manifest
from talkinghead.data.preparation import prepare
from talkinghead.data.store.shard_writer import write_shards
from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder


@pytest.fixture(scope="module")
def loose(tmp_path_factory):
    return coefficient_set(tmp_path_factory.mktemp("shards") / "loose", clips=12)


@pytest.fixture
def sharded(loose, tmp_path):
    write_shards(loose, tmp_path / "sharded", 0.15, progress=False)
    return tmp_path / "sharded"


def test_webdataset_reads_shards(loose, sharded):
    webdataset = pytest.importorskip("webdataset")
    from safetensors.numpy import load

    entries = json.loads((sharded / "shards.json").read_text())["shards"]
    names = [str(sharded / entry["name"]) for entry in entries if entry["split"] == "train"]
    assert len(names) > 2
    read = {}
    for sample in webdataset.WebDataset(names, shardshuffle=False):
        entry = json.loads(sample["json"])
        assert sample["flac"][:4] == b"fLaC" and entry["audio"] == f"{sample['__key__']}.flac"
        read[entry["id"]] = load(sample["motion.safetensors"])["coefficients"]
    clips = [clip for clip in read_manifest(loose) if clip.split == "train"]
    assert sorted(read) == sorted(clip.id for clip in clips)
    assert all(len(read[clip.id]) == round(clip.duration * 30) for clip in clips)
    assert list(read) != [clip.id for clip in clips], "shuffled"


@pytest.mark.parametrize("cached", [True, False])
def test_the_same_samples_from_shards_and_from_files(loose, tmp_path, tiny_encoder, cached):
    folders = {"files": loose, "one": tmp_path / "one", "several": tmp_path / "several"}
    write_shards(loose, folders["one"], 100, progress=False, shuffle=False)
    write_shards(loose, folders["several"], 0.15, progress=False)
    torch.manual_seed(0)
    encoder, data = AudioEncoder(tiny_encoder).eval(), {}
    for name, folder in folders.items():
        data[name] = TrainingData([folder], tmp_path / "cache", versions=1, cached=cached)
        if cached:
            data[name].encode(encoder, "tag")
    assert data["one"].speakers == data["files"].speakers and data["several"].seconds == pytest.approx(data["files"].seconds)
    by_id = {data["several"].clip(i).id: i for split in ("train", "val", "test") for i in data["several"].split(split)}
    for split in ("train", "val"):
        for i in data["files"].split(split):
            for mine, other in zip(data["files"].whole(i), data["several"].whole(by_id[data["files"].clip(i).id]), strict=True):
                np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("cached", [True, False])
def test_order_and_samples_are_the_same_where_clips_are_in_the_same_order(tmp_path, tiny_encoder, cached):
    loose = coefficient_set(tmp_path / "loose", clips=9)
    write_manifest(loose, [replace(clip, split="train") for clip in read_manifest(loose)])
    write_shards(loose, tmp_path / "sharded", 100, progress=False, shuffle=False)
    both = [TrainingData([tmp_path / name], tmp_path / "cache", versions=3, cached=cached) for name in ("loose", "sharded")]
    if cached:
        encoder = AudioEncoder(tiny_encoder).eval()
        for data in both:
            data.encode(encoder, "tag")
    for j in range(6):
        a, b = (data.micro_batch((4,), j, 4, 40) for data in both)
        assert torch.equal(a.motion, b.motion) and torch.equal(a.emotion, b.emotion) and torch.equal(a.style, b.style)
        assert torch.equal(a.features, b.features) if cached else torch.equal(a.wave, b.wave)


def test_sharding_is_repeatable_and_goes_on_after_an_interruption(loose, sharded, tmp_path):
    whole = {path.name: path.read_bytes() for path in sharded.glob("*.tar")}
    kept = sharded / "shard-000001.tar"
    before = kept.stat().st_mtime_ns
    (sharded / "shard-000000.tar").unlink()
    (sharded / "shards.json").unlink()
    (sharded / "shard-999999.tar").write_bytes(b"of an earlier, larger set")
    write_shards(loose, sharded, 0.15, progress=False)
    assert {path.name: path.read_bytes() for path in sharded.glob("*.tar")} == whole
    assert kept.stat().st_mtime_ns == before, "what is up to date is not written again"


def test_nothing_is_left_where_the_disk_refuses(loose, tmp_path):
    with room_for(8000), pytest.raises(InputError, match=r"shard-000000\.tar: cannot be written \(File too large\)"):
        write_shards(loose, tmp_path / "out", 0.15, progress=False)
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_prepare_makes_shards_with_several_workers(tmp_path):
    folder = vertex_set(tmp_path / "vertices")
    report = prepare("shards", [folder], tmp_path / "out", workers=2, progress=False, size_mb=0.05)
    assert report["clips"] == 5 and report["annotations"] == {"points": 5}
    assert (tmp_path / "out/heads/points.npz").read_bytes() == (folder / "heads/points.npz").read_bytes()
    assert {clip.motion.split("/")[0] for clip in read_manifest(tmp_path / "out")} == {
        path.name for path in (tmp_path / "out").glob("*.tar")
    }
    data = TrainingData([tmp_path / "out"], tmp_path / "cache", cached=False)
    i = data.split("val")[0]
    animation = data.animation(i)
    assert animation.residual is not None and len(animation) == 50 and data.whole(i)[1].shape == (100, 3)


def test_a_cache_of_shards_is_kept_and_filled_alike(sharded, tmp_path, tiny_encoder):
    torch.manual_seed(0)
    encoder = AudioEncoder(tiny_encoder).eval()

    class Stop(Exception):
        pass

    def stop(done, total):
        if done == 9:
            raise Stop

    data = TrainingData([sharded], tmp_path / "a", versions=3)
    data.encode(encoder, "tag")
    broken = TrainingData([sharded], tmp_path / "b", versions=3)
    with pytest.raises(Stop):
        broken.encode(encoder, "tag", stop)
    done = []
    broken.encode(encoder, "tag", lambda done_, total: done.append((done_, total)))
    assert done[-1][0] == done[-1][1] == data.caches[0].jobs()
    for i in data.split("train"):
        for version in range(3):
            for mine, other in zip(data.whole(i, version), broken.whole(i, version), strict=True):
                np.testing.assert_array_equal(mine, other)
    times = [path.stat().st_mtime_ns for path in sorted((tmp_path / "a/tag").rglob("*.tar"))]
    TrainingData([sharded], tmp_path / "a", versions=3).encode(encoder, "tag")
    assert times == [path.stat().st_mtime_ns for path in sorted((tmp_path / "a/tag").rglob("*.tar"))]


def test_members_are_named_so_that_readers_can_tell_them_apart(tmp_path):
    folder = coefficient_set(tmp_path / "data", clips=3)
    a, b, c = read_manifest(folder)
    write_manifest(folder, [replace(a, id="x.1", split="train"), replace(b, id="x_1", split="train"), c])
    write_shards(folder, tmp_path / "out", 100, progress=False, shuffle=False)
    with tarfile.open(tmp_path / "out/shard-000000.tar") as tar:
        keys = [name.partition(".")[0] for name in tar.getnames()]
    assert len(set(keys)) == 3 and all(keys.count(key) == 3 for key in keys)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-30000])


def _spoil_header(path):
    data = bytearray(path.read_bytes())
    at = data.index(b".motion.safetensors\0")
    data[at + 150] ^= 0xFF
    path.write_bytes(bytes(data))


def _without_motion(path):
    with tarfile.open(path) as tar:
        kept = [(m, tar.extractfile(m).read()) for m in tar if not m.name.endswith("safetensors")]
    import io

    with tarfile.open(path, "w") as tar:
        for member, data in kept:
            tar.addfile(member, io.BytesIO(data))
    entry = path.parent / "shards.json"
    text = json.loads(entry.read_text())
    text["shards"][0]["bytes"] = path.stat().st_size
    entry.write_text(json.dumps(text))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "were written; copy it again"),
        (lambda path: path.unlink(), "is missing; copy it again"),
        (_spoil_header, "damaged|has no"),
        (_without_motion, r"has no clip_\d\.motion\.safetensors; make the shards again"),
        (lambda path: (path.parent / "shards.json").write_text("{"), "cannot be read"),
        (lambda path: (path.parent / "shards.json").write_text('{"version": 9, "shards": []}'), "version 9"),
    ],
)
def test_damage_is_said_in_one_line(sharded, tmp_path, damage, said):
    damage(sharded / "shard-000000.tar")
    with pytest.raises(InputError, match=said) as caught:
        TrainingData([sharded], tmp_path / "cache")
    assert "\n" not in str(caught.value)


def test_what_cannot_be_sharded_is_said(loose, sharded, tmp_path):
    with pytest.raises(InputError, match="holds shards already"):
        write_shards(sharded, tmp_path / "out", progress=False)
    with pytest.raises(InputError, match="one prepared folder, not 2"):
        prepare("shards", [loose, loose], tmp_path / "two", progress=False)
    folder = coefficient_set(tmp_path / "gone", clips=2)
    (folder / "motion/1.safetensors").unlink()
    with pytest.raises(InputError, match=r"clip clip\.1: .*1\.safetensors: No such file"):
        write_shards(folder, tmp_path / "out", progress=False)


@pytest.mark.parametrize("name", ["shards", "shard"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
