"""Audio2Face-3D training sets: three kinds of caches."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from layouts_vertices import VERTICES, face, talk, write_claire, write_mc, write_obj, write_pc2

from talkinghead.data.adapters import claire
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError

SHOTS = {"cp1_neutral": "npy", "cp33_anger": "pc2", "cp4_joy": "mc", "cp5_outofbreath": "mc64", "p2": "npy"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("set") / "data/claire"
    write_claire(root, SHOTS)
    return root


@pytest.mark.parametrize("shot", SHOTS)
def test_all_kinds_of_caches(folder, shot):
    takes = {take.id: take for take in claire.takes([folder.parent.parent])[0]}
    recording = claire.read(takes[shot])
    np.testing.assert_allclose(recording.vertices, talk(face()[0], 60, 30, list(SHOTS).index(shot)), atol=1e-6)
    np.testing.assert_allclose(recording.template, face()[0], atol=1e-6)
    assert recording.fps == 30 and len(recording.wave) == 32000


def test_emotions(folder):
    found = {take.id: take.emotion for take in claire.takes([folder])[0]}
    assert found == {
        "cp1_neutral": "neutral",
        "cp33_anger": "angry",
        "cp4_joy": "happy",
        "cp5_outofbreath": "outofbreath",
        "p2": None,
    }
    assert claire.emotion_of("cp7_sadness_2") == "sad" and claire.emotion_of("griefshot") == "sad"


def test_prepare(folder, tmp_path):
    report = prepare("claire", [folder], tmp_path / "out", progress=False)
    assert report["clips"] == 5 and not report["dropped"] and report["speakers"] == ["claire"]
    clip = next(clip for clip in read_manifest(tmp_path / "out") if clip.id == "cp4_joy")
    assert clip.annotation == "claire" and clip.emotion == "happy"
    animation = read_animation(tmp_path / "out", clip)
    np.testing.assert_allclose(animation.vertices(), talk(face()[0], 60, 30, 2), atol=1e-6)
    assert animation.head.provenance["source"].endswith("geom/skin/neutral_pose.npy")


def test_lips_with_a_mesh(folder, tmp_path):
    template, faces = face()
    write_obj(tmp_path / "skin.obj", template * 100, faces)
    head = claire.heads(claire.takes([folder], mesh=tmp_path / "skin.obj")[0])["claire"]
    np.testing.assert_array_equal(head.faces, faces)
    upper, lower = head.landmark("lip_upper_inner"), head.landmark("lip_lower_inner")
    np.testing.assert_allclose((upper - lower)[:2], [0, 0.24 / 11], atol=1e-4)


def test_without_a_neutral_pose_the_first_frame_of_a_neutral_shot(tmp_path):
    write_claire(tmp_path / "a", {"cp0_joy": "npy", "cp1_neutral": "pc2"}, neutral=False)
    takes, _ = claire.takes([tmp_path])
    head = claire.heads(takes)["claire"]
    assert "first frame of cp1_neutral" in head.provenance["source"]
    np.testing.assert_allclose(head.template, talk(face()[0], 60, 30, 1)[0], atol=1e-6)
    write_claire(tmp_path / "b", {"x": "mc"}, neutral=False)
    assert "first frame of x" in claire.heads(claire.takes([tmp_path / "b"])[0])["claire"].provenance["source"]


def test_a_neutral_shot_that_is_cut_short_does_not_stop_the_others(tmp_path):
    write_claire(tmp_path / "a", {"s_neutral": "npy", "s_joy": "npy"}, neutral=False)
    path = next((tmp_path / "a/cache/skin").rglob("s_neutral.npy"))
    path.write_bytes(path.read_bytes()[:1000])
    report = prepare("claire", [tmp_path / "a"], tmp_path / "out", progress=False)
    (drop,) = report["dropped"]
    assert report["clips"] == 1 and drop["id"] == "s_neutral" and "cut short" in drop["reason"]


def test_bad_shots(tmp_path):
    root = tmp_path / "anna"
    write_claire(root, {**{f"s{i}": "npy" for i in range(5)}, "pc": "pc2", "mc": "mc", "empty": "mc", "x8": "mc"})
    skin = root / "cache/skin"
    vertices = np.load(skin / "s1.npy")
    vertices[3, 4] = np.inf
    np.save(skin / "s1.npy", vertices)
    np.save(skin / "s2.npy", vertices[:, :-1])
    (root / "audio/s3.wav").unlink()
    np.save(skin / "s4.npy", np.array([{}], object))
    (skin / "pc.pc2").write_bytes((skin / "pc.pc2").read_bytes()[:-10])
    (skin / "mc/mc.mc").write_bytes((skin / "mc/mc.mc").read_bytes()[:-10])
    (skin / "empty/empty.mc").unlink()
    (skin / "x8/x8.mc").write_bytes(b"FOR8" + bytes(60))
    report = prepare("claire", [root], tmp_path / "out", progress=False)
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert report["clips"] == 1
    for name, reason in {
        "s1": "not finite in frame 3",
        "s2": f"{VERTICES - 1} vertices, the neutral face (geom/skin/neutral_pose.npy) has {VERTICES}",
        "s3": "no sound",
        "s4": "Python objects",
        "pc": "cut short",
        "mc": "cut short",
        "empty": "it holds .xml",
        "x8": "export the cache as mcc",
    }.items():
        assert reason in reasons.pop(name), name
    assert not reasons


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (struct.pack("<12siiffi", b"POINTCACHE2\0", 1, 2**30, 0, 1, 2**30), "cut short"),
        (struct.pack("<12siiffi", b"POINTCACHE2\0", 1, -1, 0, 1, 2), "-1 points"),
        (struct.pack("<12siiffi", b"POINTCACHE2\0", 1, 1, 0, 0.5, 2) + bytes(24), "every 0.5 frames"),
        (b"POINTCACHE3\0", "not a Point Cache 2"),
    ],
)
def test_bad_point_caches(tmp_path, header, reason):
    (tmp_path / "a.pc2").write_bytes(header)
    with pytest.raises(InputError, match=reason):
        claire.read_cache(tmp_path / "a.pc2")


def test_two_meshes_in_a_maya_cache(tmp_path):
    frames = talk(face()[0], 3, 30)
    write_mc(tmp_path / "a.mc", frames)
    group = (tmp_path / "a.mc").read_bytes()
    body = group[-((len(group) - 48) // 3) :]
    extra = body[body.index(b"CHNM") :]
    inner = body[8:] + extra
    (tmp_path / "a.mc").write_bytes(group + b"FOR4" + struct.pack(">I", len(inner)) + inner)
    with pytest.raises(InputError, match="a cache of the face alone"):
        claire.read_cache(tmp_path / "a.mc")
    (tmp_path / "a.mc").write_bytes(b"")
    with pytest.raises(InputError, match="no frames"):
        claire.read_cache(tmp_path / "a.mc")


def test_bad_input(folder, tmp_path):
    with pytest.raises(InputError, match="no cache/skin/"):
        claire.takes([tmp_path])
    with pytest.raises(InputError, match=r"give --unit cm$"):
        claire.heads(claire.takes([folder], unit="m")[0])
    (tmp_path / "c/cache/skin").mkdir(parents=True)
    with pytest.raises(InputError, match="no shots"):
        claire.takes([tmp_path / "c"])
    write_pc2(tmp_path / "c/cache/skin/a.pc2", talk(face()[0], 3, 30))
    assert "no sound" in claire.takes([tmp_path / "c"])[1]["a"]
