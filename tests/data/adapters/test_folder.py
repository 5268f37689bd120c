import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from heads import tiny_head
from layouts_parameters import curves, livelink_csv, write_wav

from talkinghead import Animation
from talkinghead.data.adapters import folder
from talkinghead.data.adapters.parameter_sets import emotion_by_name, flame_names
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head


def only(found):
    (take,), dropped = found
    assert not dropped, dropped
    return take


def pair(path, seconds=2.0, fps=30.0, names=("jawOpen", "mouthClose"), replaced=None):
    arrays = {"coefficients": curves(round(seconds * fps), len(names)), "names": np.array(names), "fps": fps} | (replaced or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    write_wav(path.with_suffix(".wav"), seconds)
    return path


def test_our_own_animations(tmp_path):
    motion = Animation(curves(60, 52), 30, Head.default(), rotation=curves(60, 3), gaze=curves(60, 4).reshape(60, 2, 2))
    motion.save(tmp_path / "kim" / "a.npz")
    write_wav(tmp_path / "kim" / "a.wav", 2.0)
    take = only(folder.takes([tmp_path]))
    assert (take.id, take.speaker, take.annotation, take.split) == ("a", "kim", "arkit", None)
    recording = folder.read(take)
    assert recording.names == motion.head.names and recording.fps == 30
    for name in ("coefficients", "rotation", "gaze"):
        np.testing.assert_array_equal(getattr(recording, name), getattr(motion, name))


def test_plain_arrays(tmp_path):
    pair(tmp_path / "a.npz", names=("JawOpen", "eyeblinkleft"))
    take = only(folder.takes([tmp_path], speaker="me", emotion="happy", intensity=0.5, licence="CC0"))
    assert (take.speaker, take.emotion, take.intensity, take.licence) == ("me", "happy", 0.5, "CC0")
    recording = folder.read(take)
    assert recording.names == ("jawOpen", "eyeBlinkLeft") and recording.rotation is None


@pytest.mark.parametrize(
    ("path", "emotion", "intensity"),
    [
        ("Actor_01/01-01-05-02-01-02-12.mp4", "angry", 1.0),
        ("d3_03-01-03-01-02-01-07.npy", "happy", 0.5),
        ("Actor_01/01-01-02-01-01-01-12.mp4", "neutral", 0.0),
        ("M003/video/front/disgusted/level_2/001.mp4", "disgusted", 2 / 3),
        ("M003/video/front/neutral/level_1/001.mp4", "neutral", 0.0),
        ("fear/001.mp4", "fearful", None),
        ("home/sad/films/of/me/a.mp4", None, None),
        ("2024-01-05-02-01-02-120.mp4", None, None),
        ("kim/happy.mp4", None, None),
    ],
)
def test_names_that_tell_an_emotion(path, emotion, intensity):
    assert emotion_by_name(Path(path)) == (emotion, intensity)


def test_emotion_by_folder(tmp_path):
    pair(tmp_path / "angry" / "a.npz")
    take = only(folder.takes([tmp_path]))
    assert (take.emotion, take.intensity) == ("angry", None)
    assert only(folder.takes([tmp_path], emotion="sad")).emotion == "sad", "what the user says wins"


def test_options_that_are_wrong(tmp_path):
    pair(tmp_path / "a.npz")
    with pytest.raises(InputError, match="emotion 'glad'"):
        folder.takes([tmp_path], emotion="glad")
    with pytest.raises(InputError, match="intensity is 3"):
        folder.takes([tmp_path], intensity=3)


def test_tables(tmp_path):
    livelink_csv(tmp_path / "a.csv", [t for t in range(120) if t != 60])
    write_wav(tmp_path / "a.wav", 2.0)
    motion = Animation(curves(60, 52), 30, Head.default())
    motion.save(tmp_path / "b.csv")
    write_wav(tmp_path / "b.flac.wav", 2.0)
    (tmp_path / "b.flac.wav").rename(tmp_path / "b.wav")
    (tmp_path / "b.npz").write_bytes(b"not read")
    assert "damaged" in folder.takes([tmp_path])[1]["b"]  # of both, the npz
    (tmp_path / "b.npz").unlink()
    takes = folder.takes([tmp_path])[0]
    first, second = map(folder.read, takes)
    assert first.fps == 60 and np.flatnonzero(first.missing).tolist() == [60]
    np.testing.assert_allclose(second.coefficients, motion.coefficients, atol=1e-6)


def test_tables_of_other_shapes(tmp_path):
    rows = "".join(f"{(t + 0.5) / 25:.3f},{t / 100},{1 - t / 100}\n" for t in range(50))
    (tmp_path / "a.csv").write_text("time,gape,grin\n" + rows)
    write_wav(tmp_path / "a.wav", 2.0)
    take = only(folder.takes([tmp_path]))
    assert take.annotation.startswith("shapes-")
    recording = folder.read(take)
    assert recording.names == ("gape", "grin") and recording.fps == 25
    np.testing.assert_allclose(recording.coefficients[:, 0], np.arange(50) / 100, atol=1e-6)


def test_flame_parameters_and_names_of_nobody(tmp_path):
    pair(tmp_path / "a.npz", names=flame_names())
    pair(tmp_path / "b.npz", names=("up", "down"))
    pair(tmp_path / "c.npz", names=("down", "up"))
    kinds = [take.annotation for take in folder.takes([tmp_path])[0]]
    assert kinds[0] == "flame" and kinds[1].startswith("shapes-") and kinds[1] == kinds[2]


def test_a_head_of_ones_own(tmp_path):
    head = replace(tiny_head(), names=("gape", *tiny_head().names[1:]))
    head.save(tmp_path / "head" / "mine.npz")
    Animation(curves(60, len(head.names)), 30, head).save(tmp_path / "in" / "a.npz")
    write_wav(tmp_path / "in" / "a.wav", 2.0)
    take = only(folder.takes([tmp_path / "in"], head=tmp_path / "head" / "mine.npz"))
    assert take.annotation == f"tiny-{head.topology[:6]}" and folder.read(take).names == head.names
    assert folder.heads([take])[take.annotation].topology == head.topology


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"names": None}, "no names"),
        ({"names": np.array([{"a": 1}], dtype=object)}, "holds object"),
        ({"names": np.array([1, 2])}, "no names"),
        ({"names": np.array(["jawOpen", "JawOpen"])}, "named twice"),
        ({"coefficients": None}, "no coefficients"),
        ({"coefficients": np.zeros((60, 3))}, r"shape \(60, 3\)"),
        ({"coefficients": np.array([["a", "b"]])}, "numbers are expected"),
        ({"fps": None}, "no fps"),
        ({"fps": "fast"}, "no fps"),
        ({"residual": np.ones((60, 4, 3))}, "residual"),
    ],
)
def test_what_is_no_motion(change, complaint, tmp_path):
    pair(tmp_path / "a.npz", replaced=change)
    found, dropped = folder.takes([tmp_path])
    reason = dropped.get("a")
    if found:
        with pytest.raises(InputError) as caught:
            folder.read(found[0])
        reason = str(caught.value)
    assert re.search(complaint, reason) and "\n" not in reason


def test_curves_in_json(tmp_path):
    weights = curves(60, 2).tolist()
    content = {"exportFps": 30, "facsNames": ["jawOpen", "mouthClose"], "weightMat": weights}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (tmp_path / "batch.json").write_text("{}")  # of something else
    write_wav(tmp_path / "a.wav", 2.0)
    found, dropped = folder.takes([tmp_path])
    (take,) = found
    recording = folder.read(take)
    assert not dropped and take.annotation == "arkit" and recording.fps == 30
    np.testing.assert_allclose(recording.coefficients[:, recording.names.index("jawOpen")], np.array(weights)[:, 0], atol=1e-6)


def test_what_is_listed(tmp_path):
    pair(tmp_path / "a.npz").with_suffix(".wav").unlink()
    path = pair(tmp_path / "b.npz")
    path.write_bytes(path.read_bytes()[:300])
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    write_wav(tmp_path / "c.wav", 1.0)
    write_wav(tmp_path / "d.wav", 1.0)
    found, dropped = folder.takes([tmp_path])
    assert dropped["d"] == "no d.npz or d.csv beside it"
    assert not found and "no a.wav" in dropped["a"] and "damaged" in dropped["b"] and "not a table" in dropped["c"]
    with pytest.raises(InputError, match=r"no NAME.npz"):
        folder.takes([tmp_path / "c.wav"])


def test_a_given_rate_wins(tmp_path):
    pair(tmp_path / "a.npz", fps=30.0)
    assert folder.read(only(folder.takes([tmp_path], fps=25.0))).fps == 25


def test_prepared(tmp_path):
    for i in range(5):
        pair(tmp_path / "in" / f"speaker{i}" / "a.npz", names=ARKIT)
        pair(tmp_path / "in" / f"speaker{i}" / "b.npz", names=ARKIT)
    broken = curves(60, 52)
    broken[7, 3] = np.nan
    pair(tmp_path / "in" / "speaker0" / "c.npz", names=ARKIT, replaced={"coefficients": broken})
    pair(tmp_path / "in" / "speaker0" / "d.npz", names=ARKIT, replaced={"coefficients": curves(50, 52)})
    report = prepare("folder", [tmp_path / "in"], tmp_path / "out", progress=False, speaker=None, licence="mine")
    clips = read_manifest(tmp_path / "out")
    assert len(clips) == 10 and {clip.licence for clip in clips} == {"mine"}
    for split in ("val", "test"):
        inside = {clip.speaker for clip in clips if clip.split == split}
        assert len(inside) == 1 and not inside & {clip.speaker for clip in clips if clip.split == "train"}
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert "not finite in frame 7" in reasons["c"] and "would fit" in reasons["d"]
    assert read_animation(tmp_path / "out", clips[0]).lip_aperture().max() > 0
