"""What a user says about emotion: names, blends, curve files; what they become over time, and how they are refused."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from strangers import check_damaged, check_made, objects, tables

from talkinghead.animate.settings import AnimateSettings
from talkinghead.errors import InputError
from talkinghead.motion.emotion_curve import LARGEST, MOST, ONSET, EmotionCurve, read_emotion
from talkinghead.motion.emotions import EMOTIONS, SPELLINGS

HAPPY, SAD, SURPRISED = (EMOTIONS.index(name) for name in ("happy", "sad", "surprised"))
TIMES = np.arange(0, 5, 0.01)


def happy(times, values) -> EmotionCurve:
    rows = np.zeros((len(times), len(EMOTIONS)))
    rows[:, HAPPY] = values
    return EmotionCurve(np.array(times, float), rows)


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_name_is_that_emotion_all_the_time(name):
    row = np.eye(len(EMOTIONS))[EMOTIONS.index(name)] * (name != "neutral")
    assert np.array_equal(read_emotion(name).at(TIMES), np.tile(row, (len(TIMES), 1)))
    assert np.array_equal(read_emotion(name, 0.3).at(TIMES[:1])[0], 0.3 * row)


@pytest.mark.parametrize(
    "spec", ["happy:0.6,surprised:0.3", " Happiness : .6  surprise:0.3 ", {"happy": 0.6, "surprised": 0.3}]
)
def test_a_blend_is_what_its_weights_say(spec):
    curve = read_emotion(spec, 0.5)
    assert curve.values[0, [HAPPY, SURPRISED]] == pytest.approx([0.3, 0.15]) and curve.values.sum() == pytest.approx(0.45)
    assert json.loads(json.dumps(curve.meta)) == {"spec": spec, "intensity": 0.5}


def test_weights_of_more_than_one_are_scaled_down_and_that_is_told():
    curve = read_emotion("happy,sad:0.5")
    assert curve.values[0, [HAPPY, SAD]] == pytest.approx([2 / 3, 1 / 3])
    assert curve.meta["note"] == "weights summed to 1.5; scaled to 1"
    assert read_emotion("neutral:0.5,happy:0.5").values[0, HAPPY] == 0.5  # neutral takes its share


def test_spellings_of_datasets_are_known():
    for written, name in SPELLINGS.items():
        assert np.array_equal(read_emotion(written.upper()).values, read_emotion(name).values)


def test_curve_files_of_all_forms_are_the_same(tmp_path):
    texts = {
        "wide.csv": "time,Happiness,sad\n0,0,0.8\n\n2.5,0.3,\n",
        "long.csv": "\ufefftime, emotion ,intensity\r\n0,sad,0.8\r\n2.5,happy:0.6,.5\r\n",
        "sheet.csv": "time;happy;sad\n0;;0,8\n2,5;0,3;0\n",
        "list.json": '[{"time": 0, "emotion": "sad", "intensity": 0.8}, {"time": 2.5, "emotion": {"happy": 0.3}}]',
        "keys.json": '{"keys": [{"time": 0, "sad": 0.8}, {"time": 2.5, "happy": 0.3}]}',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        curve = read_emotion(str(tmp_path / name), 0.5)
        assert curve.times.tolist() == [0, 2.5]
        assert curve.values[:, [SAD, HAPPY]] == pytest.approx(np.array([[0.4, 0], [0, 0.15]]))
        keys = [{"time": 0.0, "emotion": {"sad": 0.8}}, {"time": 2.5, "emotion": {"happy": 0.3}}]
        assert curve.meta == {"spec": name, "keys": keys, "intensity": 0.5}
        again = read_emotion(curve.meta["keys"], 0.5)  # what an animation's meta has can be said again
        assert np.array_equal(again.at(TIMES), curve.at(TIMES))


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_what_is_saved_is_what_is_read(tmp_path, suffix):
    curve = read_emotion([{"time": 0.5, "emotion": "sad:0.25,angry:0.5"}, {"time": 2, "emotion": "contempt"}])
    curve.save(tmp_path / f"a.{suffix}")
    assert np.allclose(read_emotion(tmp_path / f"a.{suffix}").at(TIMES), curve.at(TIMES))
    with pytest.raises(InputError, match="json or"):
        curve.save(tmp_path / "a.txt")


def test_between_keyframes_it_is_smooth_monotone_and_never_beyond():
    curve = read_emotion([{"time": 1, "emotion": "sad"}, {"time": 2, "emotion": "happy:0.2"}, {"time": 4, "emotion": "happy"}])
    found = curve.at(TIMES)
    assert (found[TIMES <= 1, SAD] == 1).all() and (found[TIMES >= 4, HAPPY] == 1).all()  # held, also past the recording
    assert (np.diff(found[:, HAPPY]) >= -1e-12).all() and (np.diff(found[:, SAD]) <= 1e-12).all()
    assert found.min() >= 0 and found.sum(1).max() <= 1 and found[200, HAPPY] == pytest.approx(0.2)
    assert np.abs(np.diff(found, axis=0)).max() < 0.02 and np.abs(np.diff(found, 2, axis=0)).max() < 1e-3  # no jump, no kink
    assert (found[:, [0, 3, 4, 5, 6, 7]] == 0).all()


def test_no_intensity_is_exactly_neutral():
    for spec in ("angry", "happy:0.6,sad:0.3", [{"time": 0, "emotion": "sad"}, {"time": 1, "emotion": "happy"}]):
        assert not read_emotion(spec, 0).at(TIMES).any()
    curve = read_emotion("happy", 0.5)
    assert read_emotion(curve, 0.5).values[0, HAPPY] == 0.25 and read_emotion(curve, 0.5).meta["intensity"] == 0.25


@pytest.mark.parametrize("times", [[0, 1, 1, 3], [0, 1, 1.02, 3]])
def test_a_step_takes_an_onset(times):
    found = happy(times, [0, 0, 1, 1]).at(TIMES)[:, HAPPY]
    rising = TIMES[(found > 0.01) & (found < 0.99)]
    assert 0.6 * ONSET < np.ptp(rising) <= ONSET + 0.01 and abs(rising.mean() - 1) < 0.03
    assert (np.diff(found) >= 0).all()


def test_a_dense_curve_is_followed_and_its_steps_are_eased():
    dense = np.arange(150) / 30
    wave = 0.5 + 0.5 * np.sin(dense * 3)
    assert np.abs(happy(dense, wave).at(TIMES)[:, HAPPY] - (0.5 + 0.5 * np.sin(TIMES * 3)))[TIMES < 4.9].max() < 0.01
    step = happy(dense, dense > 1).at(TIMES)[:, HAPPY]
    assert (np.diff(step) >= 0).all() and np.diff(step).max() < 0.08 and step[[80, 125]] == pytest.approx([0, 1], abs=0.01)
    flicker = happy(dense, np.arange(150) % 2).at(np.arange(-1, 7, 0.01))[:, HAPPY]
    assert np.abs(np.diff(flicker)).max() < 0.15 and set(flicker[[0, -1]]) <= {0.0, 1.0}


def test_steps_that_follow_each_other_all_count():
    found = happy([1, 1, 1.1, 1.1, 4], [0, 1, 1, 0.5, 0.5]).at(TIMES)[:, HAPPY]
    assert found.max() > 0.95 and (found[TIMES > 1.6] == 0.5).all()
    last = happy([1, 1, 1.05], [0, 1, 0.2]).at(TIMES)[:, HAPPY]
    assert (last[TIMES > 1.6] == 0.2).all()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hapy", "emotion 'hapy' is not known; did you mean 'happy'?"),
        ("happyness:0.3", "did you mean 'happy'?"),
        ("bored", "choose from neutral, happy, sad"),
        ("moods/sad.txt", "a curve is a .json or .csv file"),
        ("none.csv", "none.csv: no such file"),
        ("", "names no emotion"),
        ("happy:", "happy is '', expected a number from 0 to 1"),
        ("happy:1.2", "happy is '1.2', expected a number from 0 to 1"),
        ("happy:-0.1", "from 0 to 1"),
        ("happy:nan", "from 0 to 1"),
        ("happy:0.2,happiness:0.2", "happy is named twice"),
        ("auto", "auto is heard from a recording"),
        (3, "3 is no emotion"),
        ({"happy": True}, "happy is True"),
        ({}, "names no emotion"),
        ([], "has no keyframes"),
        ([{"time": 0}], "emotion, keyframe 1: no emotion"),
        ([{"emotion": "sad"}], "keyframe 1: no time"),
        ([{"time": 2, "sad": 1}, {"time": 1, "sad": 1}], "keyframe 2: time 1 comes after 2; sort"),
        ([{"time": 2, "emotion": "sad", "happy": 1}], "both the column emotion and the column happy"),
        ({"keys": [], "fps": 3}, "unknown 'fps'"),
    ],
)
def test_what_is_no_emotion_is_one_line(spec, said):
    with pytest.raises(InputError) as raised:
        read_emotion(spec)
    assert said in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "a.csv: is empty"),
        ("a.csv", "time,sad\n", "a.csv: has no keyframes"),
        ("a.csv", "time,sda\n0,1\n", "a.csv, line 1: column 'sda' is not known; did you mean 'sad'?"),
        ("a.csv", "tme,sad\n0,1\n", "did you mean 'time'?"),
        ("a.csv", "time,sad,sadness\n0,1,0\n", "line 1: a column is there twice"),
        ("a.csv", "sad\n1\n", "line 2: no time"),
        ("a.csv", "time,sad\n0,1\n1,nan\n", "a.csv, line 3: sad is 'nan'"),
        ("a.csv", "time,sad\n0,1\n1,-1\n", "line 3: sad is '-1'"),
        ("a.csv", "time,sad\n-1,1\n", "line 2: time is '-1'"),
        ("a.csv", "time,sad\n,1\n", "line 2: time is ''"),
        ("a.csv", "time,sad\n1,1\n0,1\n", "a.csv, line 3: time 0 comes after 1; sort the keyframes"),
        ("a.csv", "time,sad\n1\n", "line 2: 1 cells, the first line names 2"),
        ("a.csv", "time,emotion\n1,hapy\n", "line 2 'hapy' is not known"),
        ("a.csv", "time,emotion,intensity\n1,happy,2\n", "line 2: intensity is '2'"),
        ("a.json", '[{"time": 0, "emotion": "sad"}', "a.json: cannot be read as json"),
        ("a.json", '[{"time": 0, "sad": NaN}]', "a.json, keyframe 1: sad is nan"),
        ("a.json", "[" * 100000, "cannot be read as json"),
        ("a.json", "3", "a.json: expected a list of keyframes"),
        ("a.json", "[3]", "a.json, keyframe 1: expected an object"),
        ("a.json", '{"happy": 1}', "a.json: unknown 'happy'; expected a list"),
        ("a.csv", "time,sad\n" + "0,1\n" * (MOST + 1), f"a.csv: {MOST + 1} keyframes; at most {MOST}"),
        ("a.csv", " " * (LARGEST + 1), "larger than 4 MiB"),
    ],
)
def test_a_curve_file_that_is_wrong_is_told_with_its_line(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as raised:
        read_emotion(tmp_path / name)
    assert said in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("intensity", [-0.1, 1.1, float("nan"), "much", None])
def test_intensities_are_0_to_1(intensity):
    for spec in ("happy", "auto"):
        with pytest.raises(InputError, match=r"intensity is .*: choose 0"):
            AnimateSettings(emotion=spec, intensity=intensity)
    AnimateSettings(emotion="auto")


@pytest.mark.parametrize(
    ("times", "values"),
    [
        ([0, 1], np.zeros((3, 8))),
        ([0.0], np.full((1, 8), np.nan)),
        ([0.0], np.full((1, 8), 0.2)),
        ([0.0], -np.eye(8)[1:2]),
        ([1.0, 0.0], np.zeros((2, 8))),
        ([np.inf], np.zeros((1, 8))),
    ],
)
def test_arrays_that_are_no_curve_are_refused(times, values):
    with pytest.raises(InputError, match="emotion curve"):
        EmotionCurve(np.array(times), values)


def test_neither_torch_nor_scipy_is_needed_to_read_it():
    code = "import sys; from talkinghead.motion.emotion_curve import read_emotion; read_emotion('happy:0.6'); "
    code += "assert not {'torch', 'scipy'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "text",
    [
        "time;happy;\n0;0;\n1,5;0,6;\n",
        "sep=;\ntime;happy\n0;0\n1.5;0.6\n",
        "# mine\n\ntime\thappy\n0\t0\n1.5\t0.6\n",
        'time,happy\n"0:00,0",0\n"00:00:01,5","0,6"\n',
    ],
)
def test_curves_of_spreadsheets(text, encoding, tmp_path):
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    curve = read_emotion(tmp_path / "a.csv")
    assert curve.times.tolist() == [0, 1.5] and curve.values[1].max() == pytest.approx(0.6)


@pytest.mark.parametrize("name", ["emotion_csv", "emotion_named_csv", "emotion_json"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)


def test_tables_and_objects_of_anything_are_read_or_refused_in_a_line(tmp_path):
    check_made("emotion_csv", tmp_path, tables(("time", "emotion", "intensity", "happy", "sad", "angry")))
    check_made("emotion_json", tmp_path, objects(("keys", "time", "emotion", "intensity", "happy")))
