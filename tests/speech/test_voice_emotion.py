from __future__ import annotations

import json
import time

import numpy as np
import pytest

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.speech.voice_emotion import CUES, PROFILES, _expected, emotion_of_voice

COLUMN = {name: i for i, name in enumerate(EMOTIONS)}


@pytest.fixture(scope="module")
def plainly(sample) -> np.ndarray:
    """A few sentences, read without emotion."""
    return load_audio(sample)


def tilted(wave: np.ndarray, decibels: float) -> np.ndarray:
    """`decibels` more above 1 kHz than below: what vocal effort does to a voice's spectrum."""
    spectrum, hertz = np.fft.rfft(wave), np.fft.rfftfreq(len(wave), 1 / RATE)
    shelf = np.clip(np.log2(np.maximum(hertz, 1) / 500), 0, 1)
    return np.fft.irfft(spectrum * 10 ** (decibels * shelf / 20), len(wave)).astype(np.float32)


def spoken(wave: np.ndarray, speed: float = 1, tilt: float = 0, gain: float = 0) -> np.ndarray:
    """Played at another speed, higher and faster or lower and slower; with more effort; louder by `gain` decibels."""
    import soxr

    played = soxr.resample(wave, RATE, RATE / speed)
    return (tilted(played, tilt) * 10 ** (gain / 20)).astype(np.float32)


def ranged(wave: np.ndarray, factor: float) -> np.ndarray:
    """The pitch goes `factor` times as far up and down, by reading faster where it is high and slower where it is low."""
    from talkinghead.audio.curves import smooth
    from talkinghead.audio.prosody import prosody

    voice = prosody(wave)
    speed = 2 ** ((factor - 1) * smooth(voice.rise, 8) / 12)
    steps = np.interp(np.arange(len(wave)) / RATE, voice.times, speed)
    when = np.interp(np.arange(0, np.sum(1 / steps)), np.cumsum(1 / steps), np.arange(len(wave)))
    return np.interp(when, np.arange(len(wave)), wave).astype(np.float32)


@pytest.fixture(scope="module")
def shouted(plainly) -> np.ndarray:
    return spoken(plainly, 1.5, 9, 9)


def heard(wave: np.ndarray) -> dict:
    return emotion_of_voice(wave).meta["found"]


def test_who_reads_plainly_is_neutral(plainly):
    curve = emotion_of_voice(plainly)
    assert curve.values.sum(1).max() < 0.3
    found = json.loads(json.dumps(curve.meta["found"]))
    assert found["emotions"]["neutral"] > 0.8 and abs(found["arousal"]) < 0.15
    assert set(found["cues"]) == set(CUES) and found["voiced"] > 1


def test_a_shout_in_a_calm_talk_is_angry(plainly, shouted):
    curve = emotion_of_voice(np.concatenate([plainly, shouted]))
    late = curve.values[curve.times > len(plainly) / RATE]
    assert EMOTIONS[late.mean(0).argmax()] == "angry" and late[:, COLUMN["angry"]].max() > 0.25
    assert curve.meta["found"]["arousal"] > heard(plainly)["arousal"] + 0.03


def test_low_slow_dull_and_flat_is_sad(plainly):
    found = heard(spoken(ranged(plainly, 0.3), 0.8, -10))
    assert found["strongest"] == "sad" and found["emotions"]["sad"] > 0.15
    assert found["arousal"] < 0 and found["valence"] < 0


def test_high_and_lively_is_happy_or_surprised(plainly):
    lively = spoken(ranged(plainly, 2.2), 1.4, 3, 3)
    for wave in (lively, np.concatenate([plainly, lively])):
        found = heard(wave)
        assert found["strongest"] in ("happy", "surprised") and found["valence"] > 0.02
        assert found["cues"]["span"] > heard(plainly)["cues"]["span"] + 0.7


def test_the_curve_follows_who_starts_to_shout(plainly, shouted):
    both = np.concatenate([plainly, shouted])
    curve = emotion_of_voice(both)
    change = len(plainly) / RATE
    angry = curve.values[:, COLUMN["angry"]]
    before, after = angry[curve.times < change - 1.5], angry[curve.times > change + 1.5]
    assert before.max() < 0.05 and after.max() > 0.25
    assert np.abs(np.diff(curve.at(np.arange(0, len(both) / RATE, 1 / 30)), axis=0)).max() < 0.05


@pytest.mark.parametrize("gain", [0.1, 3.0])
def test_the_level_of_the_recording_does_not_matter(plainly, shouted, gain):
    both = np.concatenate([plainly, shouted])
    np.testing.assert_allclose(emotion_of_voice(both * gain).values, emotion_of_voice(both).values, atol=0.05)


def test_noise_does_not_make_a_reader_angry(plainly):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(len(plainly)) * np.sqrt(np.mean(plainly**2)) * 10 ** (-20 / 20)
    assert heard((plainly + noise).astype(np.float32))["emotions"]["neutral"] > 0.75


def test_what_has_no_voice_is_neutral(plainly):
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(5 * RATE).astype(np.float32)
    envelope = np.sqrt(np.convolve(plainly**2, np.ones(400) / 400, "same"))
    for silent in (np.zeros(5 * RATE, np.float32), 0.1 * noise, rng.standard_normal(len(plainly)) * envelope):
        curve = emotion_of_voice(silent.astype(np.float32))
        assert curve.values.sum(1).max() < 0.05
        assert curve.meta["found"]["voiced"] < 0.2


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0, 2.6])
def test_short_recordings(plainly, seconds):
    curve = emotion_of_voice(plainly[RATE : RATE + int(seconds * RATE)])
    assert len(curve.times) == max(1, round(seconds * 2)) and curve.values.sum(1).max() < 0.4


def test_the_same_twice_and_quickly(shouted):
    long = np.tile(shouted, int(60 * RATE / len(shouted)))
    start = time.process_time()
    first = emotion_of_voice(long)
    assert time.process_time() - start < 6
    np.testing.assert_array_equal(first.values, emotion_of_voice(long).values)


@pytest.mark.parametrize("name", PROFILES)
def test_each_profile_is_heard_as_itself_and_grows(name):
    steps = np.linspace(0, 1.2, 13)[:, None] * np.array(PROFILES[name])
    values = _expected(np.stack([steps, steps]), np.full((2, len(steps)), 0.5))
    assert EMOTIONS[values[-1].argmax()] == name
    assert (np.diff(values[:, COLUMN[name]]) > 0).all()
    assert values[0].sum() < 0.15 and values.sum(1).max() <= 1


@pytest.mark.shared
def test_readers_that_were_left_out_are_nearly_neutral(shared):
    clips = sorted((shared / "data/librispeech").glob("*.opus"))[-20:]
    found = [heard(load_audio(path)) for path in clips[::2]]
    assert np.median([1 - one["emotions"]["neutral"] for one in found]) < 0.15
    assert max(1 - one["emotions"]["neutral"] for one in found) < 0.4
