"""One rule puts motion onto a head, whatever asks for it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from flames import likeness

from talkinghead import Animation, Talker
from talkinghead.cli import main
from talkinghead.export import curves, npz, save
from talkinghead.head.head import Head
from talkinghead.head.spec import read_head

SPOKEN = {"seed": 3, "idle": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Motion of the default head, and heads of four kinds."""
    folder = tmp_path_factory.mktemp("heads")
    (folder / "flame.pkl").write_bytes(pickle.dumps(likeness(), protocol=2))
    default = Head.default()
    named = Head(
        "named",  # of another mesh, by other names
        default.template[:5000],
        default.faces[(default.faces < 5000).all(1)],
        default.basis[:, :5000],
        tuple(f"ARKit_{name[0].upper()}{name[1:]}" for name in default.names),
    )
    named.save(folder / "named.npz")
    return folder


@pytest.fixture(scope="module")
def spoken(sample) -> Animation:
    return Talker.from_pretrained().animate(sample, **SPOKEN)


@pytest.mark.parametrize("name", ["default:age=60", "default:shapes=oculus", "flame.pkl", "named.npz"])
def test_on_convert_render_and_animate_agree(name, folder, spoken, sample, monkeypatch):
    monkeypatch.chdir(folder)
    head = read_head(name)
    assert head is not None
    expected = spoken.on(head)
    assert expected.head.topology == head.topology and expected.coefficients.any()
    save(spoken, "spoken.npz")
    found = {"npz.read": npz.read("spoken.npz", head), "animate": Talker.from_pretrained().animate(sample, head=head, **SPOKEN)}
    assert main(["convert", "spoken.npz", "--head", name, "-o", "converted.npz"]) == 0
    found["convert"] = npz.read("converted.npz", head)
    drawn: list[Animation] = []
    monkeypatch.setattr("talkinghead.rendering.video.render", lambda motion, *_, **__: drawn.append(motion))
    assert main(["render", "spoken.npz", "--head", name, "-o", "film.mp4", "--backend", "software"]) == 0
    found["render"] = drawn[0]
    for way, motion in found.items():
        near = 0.02 if (way, name) == ("animate", "default:age=60") else 1e-4  # the model speaks for that person's face
        np.testing.assert_allclose(motion.coefficients, expected.coefficients, atol=near, err_msg=way)
        for field in ("rotation", "gaze"):
            one, other = getattr(motion, field), getattr(expected, field)
            assert (one is None) == (other is None), (way, field)


def test_curves_go_onto_heads_as_motion_does(folder, spoken, monkeypatch):
    monkeypatch.chdir(folder)
    save(spoken, "spoken.csv")
    for name in ("default:shapes=oculus", "flame.pkl", "named.npz"):
        head = read_head(name)
        assert head is not None
        expected = curves.read("spoken.csv").on(head)
        np.testing.assert_allclose(curves.read("spoken.csv", head).coefficients, expected.coefficients, atol=1e-4)
