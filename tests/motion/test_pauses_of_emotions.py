"""What anger and sadness do in the pauses of a voice."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.audio.clock import frame_times
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.pauses import pressing, show_pauses, sigh_rotation, sighs

FPS = 50.0
PHRASES = np.array([[1.0 + 4 * i, 3.0 + 4 * i, 0.0] for i in range(20)])
TIMES = frame_times(round(81 * FPS), FPS)
SPEAKS = (TIMES % 4 > 1) & (TIMES % 4 < 3)


def only(emotion: str, intensity: float = 1.0) -> np.ndarray:
    curve = np.zeros((len(TIMES), len(EMOTIONS)))
    curve[:, EMOTIONS.index(emotion)] = intensity
    return curve


@pytest.fixture
def open_mouth(default_head) -> np.ndarray:
    weights = np.zeros((len(TIMES), len(default_head.names)), np.float32)
    weights[:, default_head.index("jawOpen")] = 0.2
    return weights


def test_anger_presses_the_lips_in_pauses_and_leaves_words_alone(open_mouth, default_head):
    press, none = pressing(only("angry"), TIMES, PHRASES), np.zeros((len(TIMES), 2))
    shown = show_pauses(open_mouth, press, none, default_head)
    np.testing.assert_array_equal(shown[SPEAKS], open_mouth[SPEAKS])
    inside = (TIMES % 4 > 3.4) | (TIMES % 4 < 0.6)
    assert shown[inside][:, default_head.index("mouthRollLower")].min() > 0.5
    assert Animation(shown[inside], FPS, default_head).lip_aperture().max() < 1e-3  # metres
    assert np.abs(np.diff(shown, axis=0)).max() < 0.15
    half = show_pauses(open_mouth, pressing(only("angry", 0.5), TIMES, PHRASES), none, default_head)
    assert 0.25 < half[inside][:, default_head.index("mouthRollLower")].max() < 0.35


def test_short_pauses_are_left_alone():
    close = PHRASES.copy()
    close[:, 1] = close[:, 0] + 3.6
    assert not pressing(only("angry"), TIMES, close)[(TIMES > 1) & (TIMES < 80)].any()
    assert not sighs(only("sad"), TIMES, close, 0).any()


def test_sadness_sighs_in_pauses(open_mouth, default_head):
    sigh = sighs(only("sad"), TIMES, PHRASES, 3)
    assert not sigh[SPEAKS].any()
    drawn, out = (np.flatnonzero((column[1:] > 0.2) & (column[:-1] <= 0.2)) for column in sigh.T)
    assert 8 < len(drawn) == len(out) < 20 and (out > drawn).all()
    down = np.degrees(sigh_rotation(sigh)[:, 0])
    assert down.min() < -0.7 and down.max() > 1.2  # the head rises with the breath, and sinks
    shut = np.zeros_like(open_mouth)
    aperture = Animation(show_pauses(shut, 0 * TIMES, sigh, default_head), FPS, default_head).lip_aperture() * 1000
    assert 1 < aperture.max() < 6 and aperture[SPEAKS].max() < 0.1
    assert (sighs(only("sad"), TIMES, PHRASES, 3) == sigh).all() and (sighs(only("sad"), TIMES, PHRASES, 4) != sigh).any()


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e not in ("angry", "sad")])
def test_others_do_neither(emotion, open_mouth, default_head):
    press, sigh = pressing(only(emotion), TIMES, PHRASES), sighs(only(emotion), TIMES, PHRASES, 0)
    np.testing.assert_array_equal(show_pauses(open_mouth, press, sigh, default_head), open_mouth)
