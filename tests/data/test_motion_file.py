from __future__ import annotations

import numpy as np
import pytest
from heads import tiny_head
from strangers import check_damaged

from talkinghead.data.motion_file import Motion, animation_of, read_meta, read_motion, write_motion
from talkinghead.errors import InputError


def test_what_is_written_is_read(tmp_path):
    rng = np.random.default_rng(0)
    one = Motion(25.0, ("a", "b"), rng.random((4, 2), np.float32), rotation=rng.random((4, 3), np.float32), meta={"mark": "x"})
    write_motion(tmp_path / "a.safetensors", one)
    back = read_motion(tmp_path / "a.safetensors")
    np.testing.assert_array_equal(back.coefficients, one.coefficients)
    np.testing.assert_array_equal(back.rotation, one.rotation)
    assert (back.fps, back.names, back.meta, back.gaze, len(back)) == (25.0, ("a", "b"), {"mark": "x"}, None, 4)
    assert read_meta(tmp_path / "nothing.safetensors") == {}


def test_raw_vertices_are_shapes_and_a_residual():
    head, rng = tiny_head(), np.random.default_rng(0)
    weights = rng.random((5, len(head.names)), np.float32)
    strange = rng.normal(0, 1e-3, (5, *head.template.shape)).astype(np.float32)
    offsets = np.einsum("tk,kvx->tvx", weights, head.basis) + strange
    template = head.template * np.float32(1.1)
    animation = animation_of(Motion(30.0, offsets=offsets, template=template), head, "clip a")
    np.testing.assert_allclose(animation.vertices(), template + offsets, atol=1e-6)
    clean = animation_of(Motion(30.0, offsets=offsets - strange, template=template), head, "clip a")
    np.testing.assert_allclose(clean.coefficients, weights, atol=1e-3)
    assert np.abs(clean.residual).max() < 1e-6
    with pytest.raises(InputError, match="7 vertices"):
        animation_of(Motion(30.0, offsets=offsets[:, :7], template=template[:7]), head, "clip a")


def test_what_is_no_motion_is_said_in_one_line(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0garbage")
    (tmp_path / "b.npz").write_bytes(b"garbage")
    with (tmp_path / "d.npz").open("wb") as file:
        np.savez(file, coefficients=np.zeros((9, 2)), names=np.array(["a", "b"]), fps=30.0)
        file.truncate(200)
    for name in ("a.safetensors", "b.npz", "c.safetensors", "d.npz"):
        with pytest.raises(InputError) as caught:
            read_motion(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["motion_file", "set_head"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
