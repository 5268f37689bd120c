"""VRM's expressions out of ARKit's shapes."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.transfer.shape_sets import shape_set
from talkinghead.motion.transfer.vrm_expressions import BROWS, EXPRESSIONS, vrm_expressions

RECIPES = shape_set("vrm", ARKIT)[1]


def test_each_expression_is_itself():
    assert np.allclose(vrm_expressions(0.7 * RECIPES), 0.7 * np.eye(len(EXPRESSIONS)), atol=5e-3)


@pytest.mark.parametrize("emotion", ["happy", "sad", "angry", "surprised"])
@pytest.mark.parametrize("vowel", ["aa", "ih", "ou"])
def test_a_vowel_that_is_said_with_an_emotion_is_both(emotion, vowel):
    mixed = 0.6 * RECIPES[EXPRESSIONS.index(emotion)] + 0.5 * RECIPES[EXPRESSIONS.index(vowel)]
    found = dict(zip(EXPRESSIONS, vrm_expressions(mixed[None])[0], strict=True))
    assert found.pop(emotion) == pytest.approx(0.6, abs=0.01) and found.pop(vowel) == pytest.approx(0.5, abs=0.01)
    assert max(found.values()) < 0.01


def test_brows_that_go_with_speech_are_no_emotion():
    weights = np.zeros((2, len(ARKIT)))
    for row, names in enumerate((BROWS[:3], BROWS[3:])):
        weights[row, [ARKIT.index(name) for name in names]] = 0.5
    assert vrm_expressions(weights).max() < 0.05
