from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from heads import tiny_head
from strangers import check_damaged

from talkinghead import Animation
from talkinghead.errors import InputError
from talkinghead.export import npz
from talkinghead.head.head import Head
from talkinghead.io import npz as arrays
from talkinghead.motion.animation import OPTIONAL


def assert_same(a: Animation, b: Animation) -> None:
    assert (a.fps, a.meta, a.head.topology) == (b.fps, b.meta, b.head.topology)
    for name in ("coefficients", *OPTIONAL):
        x, y = getattr(a, name), getattr(b, name)
        assert (x is None) == (y is None), name
        if x is not None:
            assert x.dtype == y.dtype == np.float32
            np.testing.assert_array_equal(x, y, err_msg=name)


def test_round_trip_is_exact(default_motion, tmp_path):
    motion = replace(default_motion, fps=30000 / 1001)
    motion.save(tmp_path / "a.npz")
    assert_same(Animation.load(tmp_path / "a.npz"), motion)
    motion.save(tmp_path / "b.NPZ")
    assert (tmp_path / "b.NPZ").read_bytes() == (tmp_path / "a.npz").read_bytes()  # the same motion is the same file
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "b.NPZ"}


def test_optional_fields_stay_absent_and_residual_stays(tiny_motion, tmp_path):
    bare = Animation(tiny_motion.coefficients, 25.0, tiny_motion.head, residual=np.ones((12, 22, 3)) * 0.001)
    bare.save(tmp_path / "a.npz")
    assert_same(Animation.load(tmp_path / "a.npz", tiny_motion.head), bare)


def test_numpy_alone_reads_it(default_motion, tmp_path):
    default_motion.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert set(file.files) == {"coefficients", "names", "fps", "rotation", "translation", "gaze", "json"}
        assert tuple(file["names"]) == default_motion.head.names
        assert file["fps"] == 25.0
        about = json.loads(str(file["json"]))
    assert about["head"] == {"name": "default", "topology": default_motion.head.topology, "person": {}}
    assert about["meta"] == {"model": "by hand", "seed": 5}


def test_meta_of_numpy_values(tiny_motion, tmp_path):
    meta = {"intensity": np.float32(0.5), "curve": np.array([1, 2])}
    replace(tiny_motion, meta=meta).save(tmp_path / "a.npz")
    assert Animation.load(tmp_path / "a.npz", tiny_motion.head).meta == {"intensity": 0.5, "curve": [1, 2]}


def test_a_person_comes_back(tmp_path):
    person = Head.default(seed=3, age=60.0)
    Animation(np.zeros((2, 52)), 30, person).save(tmp_path / "a.npz")
    again = Animation.load(tmp_path / "a.npz").head
    np.testing.assert_array_equal(again.template, person.template)
    assert np.abs(person.template - Head.default().template).max() > 1e-3


def test_another_head_must_be_given(tiny_motion, tmp_path):
    tiny_motion.save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=f"made for head 'tiny' \\({tiny_motion.head.topology}\\)"):
        npz.read(tmp_path / "a.npz")
    other = npz.read(tmp_path / "a.npz", replace(tiny_motion.head, faces=tiny_motion.head.faces[:, ::-1]))
    assert other.coefficients[:, 0].std() > 0.1  # by the names of its shapes
    with pytest.raises(InputError, match="no shapes that are known by name"):
        npz.read(tmp_path / "a.npz", replace(tiny_motion.head, names=tuple(f"pca{k}" for k in range(11))))
    assert_same(npz.read(tmp_path / "a.npz", tiny_head()), tiny_motion)


def damaged(motion: Animation, folder) -> dict[str, bytes]:
    """Files that are not, or no longer, animations."""
    motion.save(folder / "good.npz")
    good = (folder / "good.npz").read_bytes()
    with np.load(folder / "good.npz") as file:
        arrays = dict(file)
    about = json.loads(str(arrays["json"]))
    changes = {
        "no_json": {"json": None},
        "text_json": {"json": np.array("hello")},
        "list_json": {"json": np.array("[1, 2]")},
        "deep_json": {"json": np.array("[" * 100_000)},
        "newer": {"json": np.array(json.dumps(about | {"format": 99}))},
        "odd_person": {"json": np.array(json.dumps(about | {"head": about["head"] | {"person": {"wings": 2}}}))},
        "list_person": {"json": np.array(json.dumps(about | {"head": about["head"] | {"person": [1]}}))},
        "no_coefficients": {"coefficients": None},
        "text_coefficients": {"coefficients": np.array([["a"]])},
        "wrong_shape": {"coefficients": np.zeros((3, 3), np.float32)},
        "nan": {"coefficients": np.full_like(motion.coefficients, np.nan)},
        "no_fps": {"fps": None},
        "zero_fps": {"fps": np.array(0.0)},
        "text_fps": {"fps": np.array("fast")},
    }
    files = {"empty": b"", "text": b"not a zip file at all", "truncated": good[: len(good) // 2], "flipped": _flip(good)}
    for name, change in changes.items():
        np.savez(folder / "bad.npz", **{k: v for k, v in (arrays | change).items() if v is not None})
        files[name] = (folder / "bad.npz").read_bytes()
    np.savez(folder / "bad.npz", **(arrays | {"rotation": np.array([{}], object)}))
    files["pickle"] = (folder / "bad.npz").read_bytes()
    return files


def _flip(data: bytes) -> bytes:
    """The file with bytes of its first array changed."""
    middle = bytearray(data)
    for at in range(150, 400):
        middle[at] ^= 0xFF
    return bytes(middle)


def test_damaged_files_give_one_clear_line(default_motion, tmp_path):
    for name, content in damaged(default_motion, tmp_path).items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            npz.read(path)
        assert str(path) in str(caught.value), name
        assert "\n" not in str(caught.value), name
        assert len(str(caught.value)) < 400, name
    for path in (tmp_path / "missing.npz", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            npz.read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("json.npy", "w") as file:
        for _ in range(8):
            file.write(bytes(1 << 20))
    monkeypatch.setattr(arrays, "LIMIT", 4 << 20)
    with pytest.raises(InputError, match="declares"):
        npz.read(path)


def test_what_would_not_be_read_is_not_written(tiny_motion, tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "LIMIT", 1000)
    with pytest.raises(InputError, match="split it"):
        tiny_motion.save(tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["animation"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
