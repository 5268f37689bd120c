"""Multiface: bare meshes, head poses, dropped frames, sound at 48 kHz."""

from __future__ import annotations

import numpy as np
import pytest
from layouts_vertices import VERTICES, face, talk, turn, write_multiface

from talkinghead.data.adapters import multiface
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError

NAME = "m--20180227--0000--6795937--GHS"
LOST = {"SEN_two_words": [10, 11, 12], "SEN_long_hole": [*range(30, 40)]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("multiface") / NAME
    write_multiface(root, {"SEN_a_good_morrow": 60, "SEN_two_words": 45, "SEN_long_hole": 80}, lost=LOST)
    return root


def test_takes(folder):
    takes, dropped = multiface.takes([folder.parent])
    assert not dropped
    names = ("SEN_a_good_morrow", "SEN_long_hole_part1", "SEN_long_hole_part2", "SEN_two_words")
    assert [take.id for take in takes] == [f"6795937_{name}" for name in names]
    assert [take.transcript for take in takes] == ["a good morrow", None, None, "two words"]
    assert {take.speaker for take in takes} == {"6795937"} and {take.split for take in takes} == {None}
    assert {take.annotation for take in takes} == {f"multiface-{VERTICES}"}


def test_vertices_are_metres_from_the_mean_neutral_face(folder):
    recording = multiface.read(multiface.takes([folder])[0][0])
    np.testing.assert_allclose(recording.template, face()[0], atol=1e-6)
    np.testing.assert_allclose(recording.vertices, talk(face()[0], 60, 30, 0), atol=1e-6)
    assert recording.fps == 30.0 and recording.missing is None and len(recording.wave) == 32000


def test_head_pose_is_relative_to_the_mean_in_the_axes_of_the_mesh(folder):
    """The world's axes are not the head's, and cancel; what is left is the turn by 0.2 rad and the way through the world."""
    recording = multiface.read(multiface.takes([folder])[0][0])
    turned = recording.rotation[:, 1]
    np.testing.assert_allclose(turned, np.linspace(-0.1, 0.1, 60), atol=1e-4)
    np.testing.assert_allclose(recording.rotation[:, [0, 2]], 0, atol=1e-4)
    world = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]) @ turn(0.7)
    way = np.stack([np.zeros(60), np.arange(60) - 29.5, np.zeros(60)], 1) / 1000 @ world
    np.testing.assert_allclose(recording.translation, way, atol=1e-4)


def test_short_holes_are_filled_by_number(folder):
    recording = multiface.read(multiface.takes([folder])[0][3])
    assert np.flatnonzero(recording.missing).tolist() == [10, 11, 12] and len(recording.vertices) == 45
    whole = talk(face()[0], 45, 30, 1)
    np.testing.assert_allclose(recording.vertices[13:], whole[13:], atol=1e-6)
    np.testing.assert_allclose(recording.vertices[11], (whole[9] + whole[13]) / 2, atol=1e-6)
    assert len(recording.rotation) == 45 and np.all(np.diff(recording.rotation[:, 1]) > 0)


def test_long_holes_part_a_clip(folder):
    _, first, second, _ = (multiface.read(take) for take in multiface.takes([folder])[0])
    whole = talk(face()[0], 80, 30, 2)
    np.testing.assert_allclose(first.vertices, whole[:30], atol=1e-6)
    np.testing.assert_allclose(second.vertices, whole[40:], atol=1e-6)
    assert len(first.wave) == 16000 and abs(len(second.wave) - 40 / 30 * 16000) < 3


def test_steps_of_three(tmp_path):
    """Some captures number their frames 102, 105, 108."""
    write_multiface(tmp_path / "entity", {"SEN_x": 40}, step=3, lost={"SEN_x": [5]})
    (take,), _ = multiface.takes([tmp_path / "entity"])
    recording = multiface.read(take)
    assert take.speaker == "entity" and len(recording.vertices) == 40
    assert np.flatnonzero(recording.missing).tolist() == [5]


def test_sound_without_the_lost_frames(tmp_path):
    """Where the sound is as long as the meshes one after the other, they are one after the other."""
    write_multiface(tmp_path / "entity", {"SEN_x": 60}, lost={"SEN_x": [5, 6, 20, 21]}, short_sound=True)
    (take,), _ = multiface.takes([tmp_path / "entity"])
    recording = multiface.read(take)
    assert len(recording.vertices) == 56 and recording.missing is None


def test_head(folder):
    (head,) = multiface.heads(multiface.takes([folder])[0]).values()
    np.testing.assert_array_equal(head.faces, face()[1])
    np.testing.assert_allclose(head.template, face()[0], atol=1e-6)


def test_meshes_of_another_topology_beside(tmp_path):
    """What MeshTalk's converter leaves: .bin files with fewer vertices beside Multiface's .obj."""
    write_multiface(tmp_path / "entity", {"SEN_x": 30})
    for path in (tmp_path / "entity/tracked_mesh").rglob("*.bin"):
        path.write_bytes(path.read_bytes()[: (VERTICES - 20) * 12])
    (head,) = multiface.heads(multiface.takes([tmp_path])[0]).values()
    assert head.name == f"multiface-{VERTICES - 20}" and len(head.template) == VERTICES - 20 and len(head.faces) == 0


@pytest.mark.parametrize(("vertices", "name"), [(7306, "multiface"), (6172, "meshtalk"), (100, "multiface-100")])
def test_annotation_by_the_number_of_vertices(vertices, name, tmp_path):
    write_multiface(tmp_path / "entity", {"SEN_x": 30})
    for path in (tmp_path / "entity/tracked_mesh").rglob("*.bin"):
        np.zeros((vertices, 3), "<f4").tofile(path)
    (take,) = multiface.takes([tmp_path])[0]
    assert take.annotation == name


def test_prepare(folder, tmp_path):
    report = prepare("multiface", [folder], tmp_path / "out", progress=False)
    assert report["clips"] == 4 and not report["dropped"]
    clip = next(clip for clip in read_manifest(tmp_path / "out") if clip.id == "6795937_SEN_a_good_morrow")
    assert clip.transcript == "a good morrow" and clip.licence.startswith("CC BY-NC")
    animation = read_animation(tmp_path / "out", clip)
    np.testing.assert_allclose(animation.vertices(), talk(face()[0], 60, 30, 0), atol=1e-6)
    assert animation.rotation.shape == (60, 3) and animation.translation.shape == (60, 3)


def test_bad_clips(tmp_path):
    root = tmp_path / NAME
    write_multiface(root, {f"SEN_{name}": 30 for name in ("cut", "silent", "empty", "pose", "nan", "good")})
    meshes = root / "tracked_mesh"
    bins = multiface.frame_files(meshes / "SEN_cut")
    bins[3].write_bytes(bins[3].read_bytes()[:100])
    (root / "audio/SEN_silent.wav").unlink()
    for path in (meshes / "SEN_empty").iterdir():
        path.unlink()
    next((meshes / "SEN_pose").glob("*_transform.txt")).write_text("1 2 3\n")
    broken = multiface.frame_files(meshes / "SEN_nan")[4]
    broken.write_bytes(b"\xff" * broken.stat().st_size)
    (meshes / "SEN_good/.DS_Store").write_bytes(b"\0")
    report = prepare("multiface", [root], tmp_path / "out", progress=False)
    reasons = {drop["id"].removeprefix("6795937_SEN_"): drop["reason"] for drop in report["dropped"]}
    assert report["clips"] == 1
    for name, reason in {
        "cut": f"has 100 bytes, {VERTICES} vertices are",
        "silent": "no sound",
        "empty": "no frames",
        "pose": "not a 3 x 4 pose",
        "nan": "not finite in frame 4",
    }.items():
        assert reason in reasons.pop(name), name
    assert not reasons


def test_no_template(tmp_path):
    import shutil

    write_multiface(tmp_path / "a", {"SEN_x": 30})
    write_multiface(tmp_path / "b", {"SEN_x": 30})
    shutil.rmtree(tmp_path / "a/tracked_mesh/E001_Neutral_Eyes_Open")
    bins = multiface.frame_files(tmp_path / "b/tracked_mesh/E001_Neutral_Eyes_Open")
    bins[0].write_bytes(b"1234")
    takes, dropped = multiface.takes([tmp_path])
    assert not takes and "no template" in dropped["a_SEN_x"] and "not whole" in dropped["b_SEN_x"]


def test_bad_input(folder, tmp_path):
    with pytest.raises(InputError, match="no tracked_mesh/"):
        multiface.takes([tmp_path])
    with pytest.raises(InputError, match=r"give --unit mm$"):
        multiface.heads(multiface.takes([folder], unit="m")[0])
