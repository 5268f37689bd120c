"""The file of a head: what is saved comes back, quickly, and what is no head is refused in one line."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
from strangers import check_damaged

from talkinghead.errors import InputError
from talkinghead.files import asset
from talkinghead.head.head import Head


def test_saved_head_comes_back(default_head, tmp_path):
    default_head.save(tmp_path / "head.npz")
    again = Head.load(tmp_path / "head.npz")
    assert again.topology == default_head.topology
    assert again.parts == default_head.parts and again.names == default_head.names
    np.testing.assert_array_equal(again.template, default_head.template)
    np.testing.assert_array_equal(again.texture, default_head.texture)
    np.testing.assert_allclose(again.basis, default_head.basis, atol=5.1e-6)  # rounded to 0.01 mm
    assert list(again.identity) == list(default_head.identity)
    for name in ("nose_scale_horiz", "macro/asian-male-old"):
        np.testing.assert_allclose(again.identity[name], default_head.identity[name], atol=5.1e-6)
    for name, place in default_head.landmarks.items():
        np.testing.assert_allclose(again.landmarks[name], place, err_msg=name)


def test_loads_quickly_and_is_small():
    start = time.process_time()
    Head.default()
    assert time.process_time() - start < 1.0  # about 0.1 s on a quiet machine
    assert asset("heads/default.npz").stat().st_size < 3e6


def test_topology_ignores_the_person_but_not_the_mesh(default_head):
    assert replace(default_head, template=default_head.template + 1).topology == default_head.topology
    assert replace(default_head, faces=default_head.faces[::-1]).topology != default_head.topology


def test_unknown_names_say_the_nearest(default_head):
    with pytest.raises(InputError, match="did you mean 'jawOpen'"):
        default_head.index("jawOpn")
    with pytest.raises(InputError, match="no landmark 'chinn'"):
        default_head.landmark("chinn")


def test_what_is_no_head_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Head.load(tmp_path / "absent.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match="not a head"):
        Head.load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="not a head"):
        Head.load(tmp_path / "other.npz")


def test_damaged_texture_and_pickles_are_refused(tmp_path):
    with np.load(asset("heads/default.npz")) as file:
        data = dict(file)
    np.savez(tmp_path / "texture.npz", **(data | {"texture": np.zeros(100, np.uint8)}))
    with pytest.raises(InputError, match="PNG"):
        Head.load(tmp_path / "texture.npz")
    np.savez(tmp_path / "pickle.npz", **(data | {"template": np.array([{}], object)}))
    with pytest.raises(InputError, match="not a head"):
        Head.load(tmp_path / "pickle.npz")
    del data["template"]
    np.savez(tmp_path / "less.npz", **data)
    with pytest.raises(InputError, match="not a head"):
        Head.load(tmp_path / "less.npz")
    meta = json.loads(str(data["head"]))
    assert meta["provenance"]["licence"] == "CC0-1.0"


def test_small_shapes_are_kept(default_head, tmp_path):
    """The last shapes of a PCA move things by a hundredth of a millimetre: rounded to that, nothing would be left of them."""
    small = default_head.basis[:3] * np.array([1, 1e-3, 1e-5], np.float32)[:, None, None]
    replace(default_head, basis=small, names=("a", "b", "c")).save(tmp_path / "head.npz")
    loaded = Head.load(tmp_path / "head.npz").basis
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded[0], small[0], atol=0.51e-5)
    for found, shape in zip(loaded[1:], small[1:], strict=True):
        np.testing.assert_allclose(found, shape, atol=np.abs(shape).max() / 60000)


@pytest.mark.parametrize("name", ["head"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
