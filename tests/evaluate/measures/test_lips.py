"""Lip sets of heads and files; lips of films."""

import json
import pickle

import numpy as np
import pytest
from heads import tiny_head

from talkinghead.data.manifest import read_manifest
from talkinghead.errors import InputError
from talkinghead.evaluate.measures.lips import tracked_lips, vertex_set
from talkinghead.head.head import Head


def test_the_heads_own_regions():
    head = Head.default()
    lips, upper = vertex_set(head, "lips", None), vertex_set(head, "upper", None)
    assert lips is not None and (lips.indices == np.flatnonzero(head.regions["lips"] > 0.5)).all()
    assert str(lips) == f"{len(lips.indices)} vertices: region 'lips' of head default above 0.5"
    assert upper is not None and not (head.regions["eyeballs"][upper.indices] > 0.5).any()
    assert vertex_set(tiny_head(), "lips", None) is None


def test_files(tmp_path):
    head, wanted = tiny_head(), [4, 5, 9]
    (tmp_path / "lve.txt").write_text("9, 4, 5, 4\n")
    np.save(tmp_path / "mouth.npy", np.array(wanted))
    (tmp_path / "mine.json").write_text(json.dumps({"lips": wanted, "forehead": [1], "eye_region": [2]}))
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps({"lips": np.array(wanted), "forehead": np.array([1])}, 2))
    (tmp_path / "whatever.txt").write_text("4\n5\n9\n")
    for name in ("lve.txt", "mouth.npy", "mine.json", "FLAME_masks.pkl", "whatever.txt"):
        found = vertex_set(head, "lips", tmp_path / name)
        assert found is not None and found.indices.tolist() == wanted and found.origin == name
    upper = vertex_set(head, "upper", tmp_path / "mine.json")
    assert upper is not None and upper.indices.tolist() == [1, 2]


def test_bad_files_are_one_line(tmp_path):
    head = tiny_head()
    (tmp_path / "far.txt").write_text("3 22")
    (tmp_path / "words.txt").write_text("upper lower")
    (tmp_path / "other.json").write_text(json.dumps({"nose": [1], "ears": [2]}))
    for name in ("far.txt", "words.txt", "other.json", "none.txt"):
        with pytest.raises(InputError) as error:
            vertex_set(head, "lips", tmp_path / name)
        assert name in str(error.value) and "\n" not in str(error.value)


def test_lips_of_a_film(tiny_data, tmp_path):
    clip = read_manifest(tiny_data)[0]
    fps, frames = 30.0, round(clip.duration * 30)
    points = np.zeros((frames, 478, 3), np.float32)
    points[:, 33], points[:, 263] = [0.25, 0.5, 0], [0.75, 0.5, 0]  # eyes 100 pixels apart
    points[:, 13, 1], points[:, 14, 1] = 0.5, 0.6  # 10 pixels
    points[:, 61, 0], points[:, 291, 0] = 0.4, 0.7  # 60 pixels
    points[3] = np.nan
    (tmp_path / "landmarks").mkdir()
    np.savez(tmp_path / f"landmarks/{clip.id}.npz", landmarks=points, fps=fps, size=np.array([200, 100]))
    lips = tracked_lips(tmp_path, clip)
    assert lips is not None and len(lips.times) == frames - 1 and lips.times[3] == pytest.approx(4.5 / fps)
    assert lips.aperture == pytest.approx(0.1) and lips.width == pytest.approx(0.6)
    np.savez(tmp_path / f"landmarks/{clip.id}.npz", landmarks=points[:-10], fps=fps, size=np.array([200, 100]))
    assert tracked_lips(tmp_path, clip) is None  # a part of the film: times differ
    assert tracked_lips(tiny_data, clip) is None
