from __future__ import annotations

import numpy as np
import pytest

from talkinghead.animate.compose import SpeechMotion, compose
from talkinghead.animate.settings import AnimateSettings


@pytest.fixture
def open_mouth(default_head):
    """Two seconds of an open jaw; the second one is to rest."""
    neutral = np.zeros((100, len(default_head.names)), np.float32)
    neutral[:, default_head.index("jawOpen")] = 0.5
    return SpeechMotion(neutral, np.zeros_like(neutral), None, np.repeat([0.0, 1.0], 50), 50.0)


def aperture(speech, head, **changes):
    settings = AnimateSettings(idle=0, fps=50, **changes)
    return compose(speech, head, settings, settings.curve, None, 2.0, {}).lip_aperture() * 1000


def test_a_mouth_without_emotion_rests_in_pauses(open_mouth, default_head):
    opened = aperture(open_mouth, default_head)
    assert opened[:49].min() > 5 and opened[51:].max() < 0.5


def test_with_an_emotion_it_may_stand_open(open_mouth, default_head):
    full = aperture(open_mouth, default_head, emotion="surprised")
    assert full[51:].min() > 5
    by_intensity = [aperture(open_mouth, default_head, emotion="surprised", intensity=x)[51:].mean() for x in (0, 0.3, 0.6, 1)]
    assert np.all(np.diff(by_intensity) > 0.2) and by_intensity[0] < 0.5
    assert aperture(open_mouth, default_head, emotion="surprised", expressiveness=0)[51:].max() < 0.5


def test_it_rests_where_a_curve_has_no_emotion(open_mouth, default_head):
    keys = [{"time": 0.5, "emotion": "surprised"}, {"time": 1.2, "emotion": "neutral"}]
    opened = aperture(open_mouth, default_head, emotion=keys)
    assert opened[30:45].min() > 5 and opened[65:].max() < 0.5
