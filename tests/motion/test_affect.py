"""Posture, eyes and blinks under emotion, in degrees and blinks a minute."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.audio.clock import frame_times
from talkinghead.audio.prosody import Prosody
from talkinghead.errors import InputError
from talkinghead.motion.affect import MOST, fluctuate, fluctuation, onset
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.nonverbal import add_nonverbal_motion, nonverbal_motion

FPS = 30.0


def only(emotion: str, frames: int, intensity: float = 1.0) -> np.ndarray:
    curve = np.zeros((frames, len(EMOTIONS)))
    curve[:, EMOTIONS.index(emotion)] = intensity
    return curve


def voice(seconds: int) -> Prosody:
    """An accent every 0.8 s, phrases of 3 s with pauses of 1 s."""
    times = frame_times(100 * seconds, 100)
    accents = np.arange(0.5, seconds, 0.8)
    starts = np.arange(0, seconds, 4.0)
    zero = np.zeros(len(times))
    phrases = np.stack([starts, starts + 3, 0 * starts], 1)
    sizes = np.stack([accents, 0.3 + 0.7 * (accents % 1)], 1)
    return Prosody(times, zero, zero, (times % 4 < 3).astype(float), zero, zero, sizes, phrases)


@pytest.fixture(scope="module")
def talking(default_head) -> Animation:
    weights = np.zeros((150, len(default_head.names)), np.float32)
    weights[:, default_head.index("jawOpen")] = 0.2 + 0.2 * np.sin(np.arange(150))
    return Animation(weights, FPS, default_head)


def life(emotion: str, seed: int, seconds: int = 60, intensity: float = 1.0, **dials) -> dict[str, np.ndarray]:
    frames = round(seconds * FPS)
    return nonverbal_motion(frames, FPS, seed, emotion=only(emotion, frames, intensity), voice=voice(seconds), **dials)


def test_nothing_felt_is_the_life_as_it_was(talking):
    without = add_nonverbal_motion(talking, 3, voice=voice(5))
    for curve in (np.zeros((150, 8)), only("neutral", 150)):
        felt = add_nonverbal_motion(talking, 3, voice=voice(5), emotion=curve)
        for name in ("coefficients", "rotation", "gaze"):
            assert getattr(felt, name).tobytes() == getattr(without, name).tobytes()


def test_heads_are_held_as_people_hold_them():
    def down(emotion: str) -> float:
        return float(np.mean([np.degrees(life(emotion, seed)["rotation"][:, 0]).mean() for seed in range(4)]))

    held = {emotion: down(emotion) for emotion in EMOTIONS}
    assert held["sad"] > held["neutral"] + 4 and held["angry"] > held["neutral"] + 2
    for emotion in ("happy", "surprised", "fearful", "contempt"):
        assert held[emotion] < held["neutral"] - 1
    aside = [np.degrees(life("disgusted", s)["rotation"][:, 1] - life("neutral", s)["rotation"][:, 1]).mean() for s in range(8)]
    assert np.abs(aside).min() > 3 and min(aside) < 0 < max(aside)  # each person to a side of their own


def test_eyes_of_the_sad_are_lowered_and_those_of_the_afraid_dart():
    looks = {e: life(e, 1, gaze=1.0, head=0.0)["gaze"][:, 0] for e in ("neutral", "sad", "fearful", "angry")}
    assert np.degrees(looks["sad"][:, 1].mean() - looks["neutral"][:, 1].mean()) < -7
    quick = {e: (np.degrees(np.linalg.norm(np.diff(v, axis=0), axis=1)) > 1.5).sum() for e, v in looks.items()}
    assert quick["fearful"] > 1.8 * quick["neutral"]
    glare = life("angry", 1)
    at_viewer = glare["gaze"][:, 0] + glare["rotation"][:, [1, 0]] * [1, -1]  # from under the brows
    np.testing.assert_allclose(at_viewer, looks["angry"], atol=1e-5)


def test_blinks_come_as_often_and_last_as_long_as_they_should():
    def shut(emotion: str) -> tuple[int, float]:
        closed = np.concatenate([life(emotion, seed, 150)["blinks"][:, 0] for seed in range(4)])
        starts = ((closed[1:] > 0.5) & (closed[:-1] <= 0.5)).sum()
        return int(starts), float((closed > 0.05).sum() / starts)

    found = {emotion: shut(emotion) for emotion in ("neutral", "fearful", "angry", "sad")}
    assert found["fearful"][0] > 1.3 * found["neutral"][0]
    assert found["angry"][0] < 0.75 * found["neutral"][0]
    assert found["sad"][1] > 1.2 * found["neutral"][1]


def test_heads_move_more_in_joy_and_less_in_sorrow():
    def moves(emotion: str) -> float:
        return float(np.mean([np.linalg.norm(np.diff(life(emotion, s)["rotation"], axis=0), axis=1).mean() for s in range(4)]))

    assert moves("happy") > 1.15 * moves("neutral") > 1.4 * moves("sad")


def test_half_felt_is_half_held_and_the_dials_hold_here_too():
    base, half, whole = (np.degrees(life("sad", 2, intensity=i)["rotation"]).mean(0)[0] for i in (0, 0.5, 1))
    assert 0.3 < (half - base) / (whole - base) < 0.7
    assert not life("sad", 2, head=0)["rotation"].any()
    assert not life("fearful", 2, gaze=0)["gaze"].any()
    assert not life("fearful", 2, blinks=0)["blinks"].any()


def test_a_longer_clip_begins_like_a_shorter_one():
    short, long = (life("fearful", 4, seconds) for seconds in (40, 60))
    for name, values in short.items():
        np.testing.assert_allclose(long[name][: 30 * 30], values[: 30 * 30], atol=1e-5, err_msg=name)


def test_lips_are_left_alone(talking):
    mask = talking.head.regions["lips"] > 0
    lips = np.einsum("tk,kvx->tvx", talking.coefficients, talking.head.basis[:, mask])
    for emotion in EMOTIONS[1:]:
        after = add_nonverbal_motion(talking, 1, voice=voice(5), emotion=only(emotion, 150))
        np.testing.assert_array_equal(np.einsum("tk,kvx->tvx", after.coefficients, after.head.basis[:, mask]), lips)
        assert (after.rotation != add_nonverbal_motion(talking, 1, voice=voice(5)).rotation).any()


def test_a_curve_of_another_shape_is_told(talking):
    with pytest.raises(InputError, match="emotion has shape"):
        add_nonverbal_motion(talking, 1, emotion=np.zeros((10, 8)))


def test_held_emotions_live():
    times, heard = frame_times(900, FPS), voice(30)
    steady, factor = only("happy", 900, 0.6), fluctuation(times, heard, 3)
    lively = fluctuate(steady, factor)
    np.testing.assert_array_equal(factor, fluctuation(times, heard, 3))
    assert (factor != fluctuation(times, heard, 4)).any()
    change = lively[:, 1] / 0.6 - 1
    assert 0.03 < change.std() and np.abs(change).max() <= MOST + 1e-9
    assert np.abs(np.diff(change)).max() < 0.03  # it comes and goes, and does not flicker
    assert not fluctuate(np.zeros((900, 8)), factor).any()
    levels = [fluctuate(only("happy", 900, i), factor)[:, 1] for i in np.linspace(0, 1, 11)]
    assert (np.diff(levels, axis=0) >= 0).all() and levels[-1].max() <= 1 and levels[-1].std() > 0.02
    blend = 0.5 * only("happy", 900) + 0.5 * only("sad", 900)
    assert fluctuate(blend, fluctuation(times, None, 3)).sum(1).max() <= 1 + 1e-9
    accented = replace(heard, accents=np.zeros((0, 2)))
    assert lively[:, 1].mean() > fluctuate(steady, fluctuation(times, accented, 3))[:, 1].mean()


def test_a_held_emotion_comes_with_the_first_words():
    times = frame_times(300, FPS)
    factor = onset(times, replace(voice(10), phrases=np.array([[2.0, 5.0, 0.0], [6.0, 9.0, 0.0]])))
    assert 0.5 < factor[times < 1.7].max() < 0.7 and factor[times > 2.5].min() == 1
    assert (np.diff(factor) >= 0).all()
    assert (onset(times, replace(voice(10), phrases=np.zeros((0, 3)))) == 1).all()
