import numpy as np
import pytest

from talkinghead import Animation, Head
from talkinghead.head.visemes import viseme_matrix
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import Manner, pose
from talkinghead.motion.lip_closure import DOUBT, SURE, close_lips, closure_level


@pytest.fixture(scope="module")
def head():
    return Head.default()


@pytest.fixture(scope="module")
def talking(head):
    """Mouths as open as they get in speech, parted by the lips, by the jaw, and by both."""
    names = ["jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel"]
    return head.scatter_coefficients(np.random.default_rng(0).uniform(0, 0.6, (40, len(names))).astype(np.float32), names)


def aperture(coefficients, head):
    return Animation(coefficients, 50, head).lip_aperture() * 1000


def test_lips_meet_where_a_bilabial_is_heard(head, talking):
    assert aperture(talking, head).min() > 2
    shut = close_lips(talking, closure_level(np.full(40, SURE)), head)
    assert aperture(shut, head).max() < 0.5
    assert shut.min() >= 0 and shut.max() <= 1


def test_elsewhere_they_stay_as_they_are(head, talking):
    np.testing.assert_array_equal(close_lips(talking, closure_level(np.full(40, DOUBT)), head), talking)


def test_the_surer_the_further(head, talking):
    openings = [aperture(close_lips(talking, closure_level(np.full(40, p)), head), head) for p in np.linspace(DOUBT, SURE, 6)]
    assert (np.diff(openings, axis=0) < 0.05).all() and openings[0].mean() > openings[3].mean() + 2


def test_a_head_without_the_shapes_keeps_its_motion(head, talking):
    from dataclasses import replace

    bare = replace(head, landmarks={})
    assert close_lips(talking, closure_level(np.ones(40)), bare) is talking


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_they_meet_under_every_expression(head, talking, emotion):
    """Even where nothing of the expression has given way yet, as if the model had learnt no manners."""
    speech = np.concatenate([viseme_matrix(head), talking])
    curve = np.repeat(np.eye(len(EMOTIONS), dtype=np.float32)[[EMOTIONS.index(emotion)]], len(speech), 0)
    for manner in (Manner(), Manner(1, 1, 1), Manner(-1, -1, -1), Manner(0, 1, -1)):
        felt = speech + pose(curve, head.names, manner) * (1 - speech)
        shut = close_lips(felt, closure_level(np.full(len(felt), SURE)), head)
        assert aperture(shut, head).max() < 0.5
        upper = [k for k, name in enumerate(head.names) if name.startswith(("brow", "eye", "cheek"))]
        np.testing.assert_array_equal(shut[:, upper], felt[:, upper])
        assert shut.min() >= 0 and shut.max() <= 1
