"""What the mouth does where the encoder hears silence. 50 frames a second."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.motion.animation import Animation
from talkinghead.motion.pauses import AFTER, BEFORE, SURE, rest_level, rest_mouth

FPS = 50


def silence(*parts):
    """(T,) probability: seconds of silence and of voice in turn, silence first."""
    return np.concatenate([np.full(round(seconds * FPS), (0.99, 0.1)[i % 2]) for i, seconds in enumerate(parts)])


def level(*parts):
    return rest_level(silence(*parts), FPS)


def test_the_mouth_rests_before_between_and_after_voices_and_never_while_one_speaks():
    rest = level(2, 1, 3, 1, 2)
    voices = np.r_[100:150, 300:350]
    assert not rest[voices].any()
    for start, end in ((0.0, 2 - BEFORE - 0.2), (3 + AFTER + 0.25, 6 - BEFORE - 0.2), (7 + AFTER + 0.25, 9.0)):
        assert rest[round(start * FPS) : round(end * FPS)].min() > 0.98
    assert not rest[150 : round((3 + AFTER) * FPS)].any()  # lips finish the last sound
    assert np.abs(np.diff(rest)).max() < 0.35  # and do not snap


def test_pauses_between_words_are_no_rest():
    assert not level(0, 1, 0.9, 1).any()
    assert level(0, 1, 1.6, 1).max() > 0.9


def test_a_recording_that_begins_just_before_the_voice_begins_at_rest():
    rest = level(0.16, 1)
    assert rest[:5].min() > 0.98, "lips part with the voice"
    assert not rest[11:].any()
    assert not level(0.04, 1).any()  # too short to be sure


def test_the_first_and_last_moments_of_a_long_silence_may_be_missed():
    assert level(0, 0.06, 2, 1)[:60].min() > 0.98 and level(0, 1, 2, 0.06)[-60:].min() > 0.98
    assert not level(0, 0.06, 0.5, 1).any()  # a word may begin so


def test_doubtful_and_total_silence_change_nothing():
    assert not rest_level(np.full(200, SURE), FPS).any()
    assert not level(4).any()
    assert rest_level(np.zeros(0), FPS).shape == (0,)


@pytest.mark.parametrize("fps", [50, 25, 30])
def test_seconds_are_seconds_at_any_rate(fps):
    probability = np.concatenate([np.full(2 * fps, 0.99), np.full(fps, 0.1)])
    rest = rest_level(probability, fps)
    assert rest[: round(1.65 * fps)].min() > 0.98 and not rest[round(1.85 * fps) :].any()


def test_a_mouth_at_rest_is_shut_and_the_upper_face_stays(default_head):
    weights = np.random.default_rng(0).uniform(0, 0.6, (20, len(default_head.names))).astype(np.float32)
    shut = rest_mouth(weights, np.ones(20), default_head)
    assert Animation(shut, FPS, default_head).lip_aperture().max() < 5e-4
    upper = [k for k, name in enumerate(default_head.names) if name.startswith(("brow", "eye", "cheek"))]
    np.testing.assert_array_equal(shut[:, upper], weights[:, upper])
    assert not shut[:, default_head.index("jawOpen")].any() and 0 <= shut.min() <= shut.max() <= 1
    np.testing.assert_array_equal(rest_mouth(weights, np.zeros(20), default_head), weights)
