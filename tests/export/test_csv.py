from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.errors import InputError, InputWarning
from talkinghead.export import csv, curves
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head


def table(path) -> tuple[list[str], list[list[str]]]:
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    return header, rows


@pytest.mark.filterwarnings("ignore:.*Unreal and Maya")
def test_columns_are_those_of_live_link_face(default_motion, tmp_path):
    csv.write(default_motion, tmp_path / "a.csv")
    header, rows = table(tmp_path / "a.csv")
    assert header[:4] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft"]
    assert header[53] == "TongueOut"
    assert header[54:57] == ["HeadYaw", "HeadPitch", "HeadRoll"]
    assert header[-1] == "RightEyeRoll"
    assert len(header) == 2 + 61
    assert sorted(name[0].lower() + name[1:] for name in header[2:54]) == sorted(ARKIT)
    assert all(len(row) == 63 and row[1] == "61" for row in rows)
    jaw = [float(row[header.index("JawOpen")]) for row in rows]
    np.testing.assert_allclose(jaw, default_motion.coefficients[:, default_motion.head.index("jawOpen")], atol=1e-7)
    assert [row[0] for row in rows][:3] == ["00:00:00:00.000", "00:00:00:01.000", "00:00:00:02.000"]


@pytest.mark.parametrize(
    ("seconds", "fps", "code"),
    [
        (0.0, 30, "00:00:00:00.000"),
        (29 / 30, 30, "00:00:00:29.000"),
        (1.0, 30, "00:00:01:00.000"),
        (3725.5, 60, "01:02:05:30.000"),
        (30 / (30 / 1.001), 30 / 1.001, "00:00:01:00.030"),
        (0.08, 12.5, "00:00:00:01.040"),
    ],
)
def test_timecodes(seconds, fps, code):
    assert csv.timecode(seconds, fps) == code


@pytest.mark.parametrize("fps", [12.5, 24.0, 25.0, 50.0])
def test_rates_that_importers_misread_are_told(fps, default_motion, tmp_path):
    with pytest.warns(InputWarning, match=rf"a\.csv: Unreal and Maya would play {fps:g} frames a second.*write 60 or 30"):
        csv.write(Animation(default_motion.coefficients, fps, default_motion.head), tmp_path / "a.csv")


@pytest.mark.filterwarnings("ignore:.*Unreal and Maya")
@pytest.mark.parametrize("fps", [12.5, 24 / 1.001, 25.0, 30.0, 60 / 1.001, 60.0])
def test_curves_come_back(fps, default_motion, tmp_path):
    often = np.arange(150) % len(default_motion)  # long enough for the seconds to tick
    motion = Animation(default_motion.coefficients[often], fps, default_motion.head, rotation=default_motion.rotation[often])
    csv.write(motion, tmp_path / "a.csv")
    again = curves.read(tmp_path / "a.csv")
    assert again.fps == pytest.approx(fps, rel=1e-6)
    np.testing.assert_allclose(again.coefficients, motion.coefficients, atol=1e-6)
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*Unreal and Maya")
@pytest.mark.parametrize("fps", [30 / 1.9, 30 / 1.234, 23.1])
def test_a_rate_that_nobody_uses_is_not_rounded(fps, default_motion, tmp_path):
    often = np.arange(32) % len(default_motion)  # a little more than a second
    csv.write(Animation(default_motion.coefficients[often], fps, default_motion.head), tmp_path / "a.csv")
    assert curves.read(tmp_path / "a.csv").fps == pytest.approx(fps, rel=1e-4)


def test_gaze_is_in_the_shapes_and_in_the_angles(tmp_path):
    gaze = np.radians([[[6.0, 3.0], [6.0, 3.0]]] * 40)
    motion = Animation(np.zeros((40, 52)), 30, Head.default(), gaze=gaze)
    csv.write(motion, tmp_path / "a.csv")
    header, rows = table(tmp_path / "a.csv")
    values = dict(zip(header[2:], map(float, rows[0][2:]), strict=True))
    for side in ("Left", "Right"):
        assert values[f"{side}EyeYaw"] == pytest.approx(-np.radians(6), abs=1e-6)  # as in takes of the app
        assert values[f"{side}EyePitch"] == pytest.approx(-np.radians(3), abs=1e-6)
    assert values["EyeLookOutLeft"] > 0.2 and values["EyeLookInRight"] > 0.2 and values["EyeLookUpLeft"] > 0.1
    assert values["EyeLookInLeft"] == values["EyeLookDownLeft"] == 0
    again = curves.read(tmp_path / "a.csv")
    np.testing.assert_allclose(again.coefficients, motion.with_gaze_as_shapes().coefficients, atol=1e-6)
    assert again.rotation is None and again.gaze is None


def test_angles_of_the_head(tmp_path):
    turns = np.zeros((40, 3))
    turns[0] = [0, 0.3, 0]  # to the own left
    turns[1] = [0.2, 0, 0]  # down
    turns[2] = [0, 0, 0.1]  # the own left side up
    csv.write(Animation(np.zeros((40, 52)), 30, Head.default(), rotation=turns), tmp_path / "a.csv")
    header, rows = table(tmp_path / "a.csv")
    angles = np.array([[float(row[header.index(name)]) for name in curves.HEAD] for row in rows[:3]])
    np.testing.assert_allclose(angles, [[0.3, 0, 0], [0, 0.2, 0], [0, 0, 0.1]], atol=1e-6)


def test_other_heads_get_plain_columns(tiny_motion, tmp_path):
    head = replace(tiny_motion.head, names=("gape", *tiny_motion.head.names[1:]))
    motion = replace(tiny_motion, head=head)
    csv.write(motion, tmp_path / "a.csv")
    header, rows = table(tmp_path / "a.csv")
    assert header == ["time", *head.names, "HeadYaw", "HeadPitch", "HeadRoll"]
    np.testing.assert_allclose([float(row[0]) for row in rows], motion.times, atol=1e-6)
    again = curves.read(tmp_path / "a.csv", head)
    assert again.fps == 25.0
    np.testing.assert_allclose(again.coefficients, motion.with_gaze_as_shapes().coefficients, atol=1e-6)
    np.testing.assert_allclose(again.rotation, motion.rotation, atol=1e-6)
    with pytest.raises(InputError, match="lacks gape"):
        curves.read(tmp_path / "a.csv")


def take(frames: list[int], fps: int = 60, header: str = "Timecode,BlendShapeCount,EyeBlinkLeft,JawOpen,HeadYaw") -> str:
    """A take of the app: starts at a time of day, sub-frames as they come, the jaw opens by 0.01 a frame."""
    rows = [f"14:03:{52 + t // fps:02d}:{t % fps:02d}.207,61,0,{0.01 * t:.4f},0" for t in frames]
    return "\n".join([header, *rows]) + "\n"


def test_a_take_of_the_app_with_dropped_frames(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text(take([t for t in range(20, 100) if t not in (33, 34, 70)]) + "14:03:54:00.0,0\n")
    motion = curves.read(path)
    assert (motion.fps, len(motion)) == (60.0, 80)
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], 0.01 * np.arange(20, 100), atol=1e-6)


def test_fractions_of_frames_that_mean_nothing(tmp_path):
    """Counted by the whole frames then; the rate would be that of the commonest step otherwise."""
    path, rng = tmp_path / "take.csv", np.random.default_rng(0)
    rows = take([t for t in range(150) if t not in (40, 41)]).split("\n")
    rows = [row.replace(".207,", f".{rng.integers(1000):03d},") for row in rows]
    path.write_text("\n".join(rows))
    motion = curves.read(path)
    assert (motion.fps, len(motion), motion.meta["filled"]) == (60.0, 150, [40, 41])
    np.testing.assert_allclose(motion.coefficients[:, motion.head.index("jawOpen")], 0.01 * np.arange(150), atol=1e-6)


def test_a_short_take_needs_its_rate(tmp_path):
    path = tmp_path / "take.csv"
    path.write_text(take(list(range(5, 45))))
    with pytest.raises(InputError, match="give it with --fps"):
        curves.read(path)
    assert curves.read(path, fps=60).fps == 60.0
    with pytest.raises(InputError, match="frame rate"):
        curves.read(path, fps=30)  # frame 44 of a second is not from 30 a second


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "header"),
        (b"hello\nworld\n", "header"),
        (b"\xff\xfe\x00\x01binary\x80", "not text"),
        (b"Timecode,BlendShapeCount,JawOpen\n", "no row"),
        (b"Timecode,BlendShapeCount,JawOpen\n00:00:00:00.000,61,wide\n", "table of curves"),
        (b"time,jawOpen\n0.1,nan\n0.2,0\n", "not finite"),
        (b"time,jawOpen\n0.2,0\n0.1,0\n", "do not increase"),
        (b"time,jawOpen\nsoon,0\nlater,0\n", "HH:MM:SS"),
        (b"time,wings\n0.1,1\n0.2,1\n", "lacks wings"),
        (b"time,wings\n0.1,0\n0.2,0\n", "has none of its shapes"),
        (b"time,jawOpen\n0.1,0\n0.2,0\n0.3,0\n9000000,0\n", "not those of frames"),
        (b"time,jawOpen\n100,0\n200,0\n", "not those of frames"),
    ],
)
def test_bad_tables_give_one_clear_line(content, complaint, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=complaint) as caught:
        curves.read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_table(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        curves.read(tmp_path / "none.csv")
