import json

import numpy as np
import pytest
from layouts_parameters import BEAT_NAMES, beat_json, curves, textgrid, write_wav

from talkinghead.data.adapters import beat, parameter_sets
from talkinghead.data.manifest import read_manifest
from talkinghead.data.motion_file import read_animation
from talkinghead.data.preparation import prepare
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT


def only(found):
    (take,), dropped = found
    assert not dropped
    return take


def test_the_orders_are_all_of_arkit_but_the_tongue():
    for order in beat.ORDERS.values():
        assert sorted(order) == [name for name in ARKIT if name != "tongueOut"]
    assert beat.APPLE[:3] == ("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft") and beat.APPLE[-1] == "noseSneerRight"
    assert beat.APPLE[14:18] == ("jawForward", "jawLeft", "jawRight", "jawOpen")
    assert beat.APPLE[21:23] == ("mouthLeft", "mouthRight")


def test_a_short_recording(tmp_path):
    path = beat_json(tmp_path / "1")
    take = only(beat.takes([tmp_path]))
    assert (take.id, take.speaker, take.emotion, take.intensity) == ("1_wayne_0_66_66", "1_wayne", "happy", None)
    recording = beat.read(take)
    assert recording.fps == 60 and recording.coefficients.shape == (120, 51) and len(recording.wave) == 32000
    assert recording.names == tuple(BEAT_NAMES) and recording.missing is None
    weights = [row["weights"] for row in json.loads(path.read_text())["frames"]]
    np.testing.assert_allclose(recording.coefficients, weights, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "emotion"),
    [
        ("1_wayne_0_1_8", "neutral"),
        ("1_wayne_0_64_64", "neutral"),
        ("1_wayne_0_65_65", "happy"),
        ("1_wayne_0_73_a", "angry"),
        ("22_luqi_2_86_86", "sad"),
        ("22_luqi_2_87_87", "contempt"),
        ("1_wayne_0_102_102", "surprised"),
        ("1_wayne_0_103_103", "fearful"),
        ("1_wayne_0_118_118", "disgusted"),
        ("1_wayne_0_119_119", None),
        ("1_wayne_1_118_118", "neutral"),  # a conversation
        ("something", None),
    ],
)
def test_emotion_by_index(name, emotion):
    assert beat.emotion_of(name) == emotion


def test_names_decide_the_order(tmp_path):
    beat_json(tmp_path, names=["JawOpen", *[n for n in BEAT_NAMES if n != "jawOpen"]])
    assert beat.read(only(beat.takes([tmp_path]))).names[:2] == ("jawOpen", "eyeBlinkLeft")


def test_without_names(tmp_path):
    beat_json(tmp_path, named=False)
    assert beat.read(only(beat.takes([tmp_path]))).names == beat.APPLE
    names = beat.read(only(beat.takes([tmp_path], order="alphabetical"))).names
    assert names[0] == "browDownLeft" and names[24] == "jawOpen"
    with pytest.raises(InputError, match="order 'random' is not known"):
        beat.takes([tmp_path], order="random")


def test_an_order_in_which_the_eyes_do_not_blink_together_is_told(tmp_path):
    path = beat_json(tmp_path, named=False)
    content = json.loads(path.read_text())
    for t, row in enumerate(content["frames"]):
        row["weights"] = [0.1 * (1 + np.sin(t * (1 + i))) for i in range(51)]
        row["weights"][8:10] = [0.9 * (t % 40 < 9)] * 2  # the blinks, by the alphabet
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="order were alphabetical: give --order alphabetical"):
        beat.read(only(beat.takes([tmp_path])))
    assert beat.read(only(beat.takes([tmp_path], order="alphabetical"))).names[8] == "eyeBlinkLeft"
    assert beat.read(only(beat.takes([tmp_path], order="apple"))).names == beat.APPLE  # who says so is believed


def test_dropped_frames_are_filled(tmp_path):
    beat_json(tmp_path, drop=(40, 41, 90))
    recording = beat.read(only(beat.takes([tmp_path])))
    assert len(recording.coefficients) == 120
    np.testing.assert_array_equal(np.flatnonzero(recording.missing), [40, 41, 90])
    np.testing.assert_allclose(recording.coefficients, curves(120, 51), atol=0.05)


def test_the_times_decide_the_rate(tmp_path):
    beat_json(tmp_path, fps=30)
    assert beat.read(only(beat.takes([tmp_path]))).fps == 30
    beat_json(tmp_path, fps=59.94)
    assert beat.read(only(beat.takes([tmp_path]))).fps == 60
    beat_json(tmp_path, times=False)
    assert beat.read(only(beat.takes([tmp_path]))).fps == 60


@pytest.mark.parametrize("settled", [True, False])
def test_long_recordings_are_cut(settled, tmp_path):
    seconds = 50.0
    beat_json(tmp_path, seconds=seconds)
    words = [(t + 0.1, t + 0.9, f"w{t}") for t in range(50) if t not in (12, 13, 33)]
    if settled:
        textgrid(tmp_path / "1_wayne_0_66_66.TextGrid", words, seconds)
    found, dropped = beat.takes([tmp_path])
    assert not dropped and [take.id for take in found] == [f"1_wayne_0_66_66_{i:03d}" for i in range(3)]
    recordings = [beat.read(take) for take in found]
    assert sum(len(r.coefficients) for r in recordings) == 3000
    np.testing.assert_allclose(np.concatenate([r.coefficients for r in recordings]), curves(3000, 51), atol=1e-5)
    for take, recording in zip(found, recordings, strict=True):
        assert len(recording.coefficients) <= 20 * 60
        assert abs(len(recording.wave) / 16000 - len(recording.coefficients) / 60) < 0.001
        if settled:
            for cut in (take.details["start"], take.details["stop"]):
                assert cut in (0, seconds) or not any(a < cut < b for a, b, _ in words)
            first = int(take.words[0][2][1:])
            assert take.words[0][0] == pytest.approx(first + 0.1 - take.details["start"], abs=1e-3)
            assert take.transcript.split()[0] == f"w{first}" and take.phonemes[0][2] == "W"
    if settled:
        assert sum(len(take.words) for take in found) == len(words)
        assert 12 <= found[1].details["start"] <= 18.2  # ideally at 16.7, moved into a pause
        with_sound = recordings[1].wave
        assert np.array_equal(
            with_sound[:100],
            parameter_sets.wave_of(found[1].files[1])[round(len(recordings[0].coefficients) / 60 * 16000) :][:100],
        )


def test_lengths_that_differ(tmp_path):
    beat_json(tmp_path, seconds=30.0)
    write_wav(tmp_path / "1_wayne_0_66_66.wav", 31.0)
    found, _ = beat.takes([tmp_path])
    assert len(found) == 2 and len(beat.read(found[1]).wave) / 16000 == pytest.approx(
        len(beat.read(found[1]).coefficients) / 60
    )
    write_wav(tmp_path / "1_wayne_0_66_66.wav", 36.0)
    with pytest.raises(InputError, match=r"30.0 s of motion, 36.0 s of sound"):
        beat.read(beat.takes([tmp_path])[0][0])


def test_sound_and_words_elsewhere_under_the_path(tmp_path):
    path = beat_json(tmp_path / "json")
    (tmp_path / "wav").mkdir()
    path.with_suffix(".wav").rename(tmp_path / "wav" / "1_wayne_0_66_66.wav")
    textgrid(tmp_path / "grid" / "1_wayne_0_66_66.TextGrid", [(0.2, 0.6, 'say "hi"'), (0.7, 1.0, "there")], 2.0)
    take = only(beat.takes([tmp_path]))
    assert take.transcript == 'say "hi" there' and take.words[1] == (0.7, 1.0, "there")
    (tmp_path / "wav" / "1_wayne_0_66_66.wav").unlink()
    assert beat.takes([tmp_path]) == ([], {"1_wayne_0_66_66": "no 1_wayne_0_66_66.wav"})


@pytest.mark.parametrize(
    "row",
    [{"weights": [0.1] * 50, "time": 2}, {"weights": "no", "time": 2}, {"time": 2}, 3, {"weights": [0.1] * 51, "time": 0}],
)
def test_what_is_no_recording(row, tmp_path):
    path = beat_json(tmp_path)
    content = json.loads(path.read_text())
    content["frames"].append(row)
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="frames") as caught:
        beat.read(only(beat.takes([tmp_path])))
    assert "\n" not in str(caught.value)


def test_names_that_do_not_fit(tmp_path):
    beat_json(tmp_path, names=["jawOpen"])
    with pytest.raises(InputError, match="names do not fit 51"):
        beat.read(only(beat.takes([tmp_path])))
    beat_json(tmp_path, names=["wings", *BEAT_NAMES[1:]])
    with pytest.raises(InputError, match="'wings' is no ARKit"):
        beat.read(only(beat.takes([tmp_path])))


def test_json_cut_short(tmp_path):
    path = beat_json(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="cut short"):
        beat.read(only(beat.takes([tmp_path])))


def test_nothing_there(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="ID_NAME_TYPE_START_END"):
        beat.takes([tmp_path])


def test_prepared(tmp_path):
    beat_json(tmp_path / "in", seconds=26.0)
    textgrid(tmp_path / "in" / "1_wayne_0_66_66.TextGrid", [(t, t + 0.6, "la") for t in range(26)], 26.0)
    beat_json(tmp_path / "in", "2_scott_1_3_3", named=False)
    beat_json(tmp_path / "in", "2_scott_0_3_3", frames=[{"weights": [float("nan")] * 51, "time": t / 60} for t in range(120)])
    percent = [{"weights": [50 + 49 * (t % 2)] * 51, "time": t / 60} for t in range(120)]
    beat_json(tmp_path / "in", "2_scott_0_4_4", frames=percent)
    write_wav(beat_json(tmp_path / "in", "2_scott_0_5_5").with_suffix(".wav"), 2.6)
    report = prepare("beat", [tmp_path / "in"], tmp_path / "out", progress=False)
    clips = {clip.id: clip for clip in read_manifest(tmp_path / "out")}
    assert set(clips) == {"1_wayne_0_66_66_000", "1_wayne_0_66_66_001", "2_scott_1_3_3"}
    first = clips["1_wayne_0_66_66_000"]
    assert first.emotion == "happy" and first.annotation == "arkit" and first.words[0] == (0.0, 0.6, "la") and first.phonemes
    assert clips["2_scott_1_3_3"].emotion == "neutral"
    assert read_animation(tmp_path / "out", first).lip_aperture().max() > 0
    reasons = {drop["id"]: drop["reason"] for drop in report["dropped"]}
    assert "not finite" in reasons["2_scott_0_3_3"] and "percent" in reasons["2_scott_0_4_4"]
    assert "2.60 s of sound" in reasons["2_scott_0_5_5"]
