"""BIWI in CodeTalker's layout."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from layouts_vertices import VERTICES, face, write_converted

from talkinghead.data.adapters import biwi
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError

CLIPS = ("F2_e01", "F3_e33", "M5_e37", "F1_e40", "F1_e01", "F2_01", "F2_e41")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Units of about a fifth of a metre, sound at 44.1 kHz."""
    root = tmp_path_factory.mktemp("biwi") / "BIWI"
    templates = write_converted(root, dict.fromkeys(CLIPS, 50), fps=25, rate=44100, scale=5, ply="BIWI.ply")
    return root, templates


@pytest.mark.parametrize(
    ("name", "split", "reason"),
    [
        ("F2_e01", "train", None),
        ("M5_e32", "train", None),
        ("F4_e33", "val", None),
        ("M3_e36", "val", None),
        ("M4_e37", "test", None),
        ("F3_e40", "test", None),
        ("F8_e37", "test", None),
        ("M6_e40", "test", None),
        ("M6_e36", None, "in no published split"),
        ("F2_e41", None, "e01 to e40"),
        ("F2_07", None, "neutral"),
        ("readme", None, "SPEAKER_eNN"),
    ],
)
def test_published_split(name, split, reason):
    _, found, why = biwi.place(name)
    assert found == split and (why is None) == (reason is None)
    if reason:
        assert reason in why


def test_prepare(folder, tmp_path):
    root, templates = folder
    report = prepare("biwi", [root], tmp_path / "out", progress=False)
    assert report["splits"] == {"train": 1, "val": 1, "test": 2}
    assert sorted(drop["id"] for drop in report["dropped"]) == ["F1_e01", "F2_01", "F2_e41"]
    clip = next(clip for clip in read_manifest(tmp_path / "out") if clip.id == "M5_e37")
    assert clip.annotation == "biwi" and clip.fps == 25.0 and clip.duration == 2.0 and clip.speaker == "M5"
    animation = read_animation(tmp_path / "out", clip)
    stored = np.load(root / "vertices_npy/M5_e37.npy").reshape(50, VERTICES, 3)
    np.testing.assert_allclose(animation.vertices(), stored * 0.2, atol=1e-6)
    np.testing.assert_allclose(animation.head.template, templates["M5"] * 0.2, atol=1e-6)
    np.testing.assert_array_equal(animation.head.faces, face()[1])


def test_units(folder, tmp_path):
    with pytest.raises(InputError, match=r"1\.22 m is not the size of a head .* about 0\.2"):
        prepare("biwi", [folder[0]], tmp_path / "out", progress=False, unit="m")
    assert not (tmp_path / "out").exists()


def test_missing_parts(folder, tmp_path):
    import shutil

    root = tmp_path / "BIWI"
    shutil.copytree(folder[0], root)
    (root / "BIWI.ply").unlink()
    (root / "wav/F3_e33.wav").unlink()
    np.save(root / "vertices_npy/M1_e37.npy", np.zeros((5, 3)))
    takes, dropped = biwi.takes([root])
    assert "no sound" in dropped["F3_e33"] and "no template of M1" in dropped["M1_e37"]
    assert len(biwi.heads(takes)["biwi"].faces) == 0
    with pytest.raises(InputError, match="CodeTalker"):
        biwi.takes([tmp_path / "BIWI/wav"])


def test_faces_scaled_to_a_cube(tmp_path):
    """What FaceDiffuser makes of BIWI: every axis of every face from -0.5 to 0.5."""
    write_converted(tmp_path / "BIWI", {"F2_e01": 50}, fps=25, rate=44100)
    template = pickle.loads((tmp_path / "BIWI/templates.pkl").read_bytes())["F2"]
    template = (template - template.mean(0)) / np.ptp(template, axis=0)
    (tmp_path / "BIWI/templates.pkl").write_bytes(pickle.dumps({"F2": template}))
    with pytest.raises(InputError, match="every axis was scaled by itself"):
        biwi.takes([tmp_path])


def test_another_mesh(folder, tmp_path):
    (tmp_path / "m.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(InputError, match=rf"m\.obj: has 3 vertices, the templates have {VERTICES}"):
        biwi.heads(biwi.takes([folder[0]], mesh=tmp_path / "m.obj")[0])
