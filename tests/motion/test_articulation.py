import numpy as np
import pytest

from talkinghead import Animation, Head
from talkinghead.head.teeth import incisal_edge
from talkinghead.motion.articulation import bite_level, bite_lip, heard_rounding, round_lips, rounding
from talkinghead.motion.lip_closure import SURE

PHONES = ("AA", "SH", "UW", "SIL")
PARTING = ("jawOpen", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel")


@pytest.fixture(scope="module", params=[None, 7])
def head(request):
    return Head.default(seed=request.param)


@pytest.fixture(scope="module")
def talking(head):
    """Mouths as open as they get in speech."""
    return head.scatter_coefficients(np.random.default_rng(0).uniform(0, 0.5, (30, len(PARTING))).astype(np.float32), PARTING)


def lip_below_teeth(coefficients, head):
    """Millimetres."""
    return 1000 * (incisal_edge(head)[1] - Animation(coefficients, 50, head).landmark("lip_lower_inner")[:, 1])


def test_the_lower_lip_reaches_the_teeth_at_f_and_v(head, talking):
    assert np.median(lip_below_teeth(talking, head)) > 3
    bitten = bite_lip(talking, bite_level(np.full(30, SURE)), head)
    assert lip_below_teeth(bitten, head).max() < 0.1
    assert bitten.min() >= 0 and bitten.max() <= 1
    assert np.median(Animation(bitten, 50, head).lip_aperture()) > 0.001  # the edge of the teeth is seen


def test_elsewhere_the_lip_stays_where_it_is(head, talking):
    np.testing.assert_array_equal(bite_lip(talking, np.zeros(30), head), talking)
    np.testing.assert_array_equal(round_lips(talking, np.zeros((30, 2)), head), talking)


def heard(name, frames=slice(40, 50)):
    """Two seconds of silence with a sound in them."""
    posteriors = np.zeros((100, len(PHONES)))
    posteriors[:, PHONES.index("SIL")] = 1
    posteriors[frames] = np.eye(len(PHONES))[PHONES.index(name)]
    return rounding(heard_rounding(posteriors, PHONES), 50.0)


def test_lips_are_round_before_the_sound_and_without_a_jump():
    goals = heard("UW")
    assert goals[40:50, 0].min() > 0.15 and goals[36, 0] > 0.05 and goals[:30].max() == 0 == goals[62:].max()
    assert np.argmax(goals[:, 0] > 0.05) < 40 - (np.argmax(goals[::-1, 0] > 0.05) - 50)  # earlier than later
    assert np.abs(np.diff(goals, axis=0)).max() < 0.12
    assert heard("AA").max() == 0 and heard("SH")[45, 1] > heard("UW")[45, 1]


def test_round_lips_are_narrow_and_forward_and_as_far_apart(head, talking):
    plain, round_ = (Animation(w, 50, head) for w in (talking, round_lips(talking, np.repeat(heard("SH")[45:46], 30, 0), head)))
    assert (round_.lip_width() < plain.lip_width()).all()
    forward = (round_.landmark("lip_upper_outer") - plain.landmark("lip_upper_outer"))[:, 2]
    assert np.median(forward) > 0.0004
    opened = 1000 * (round_.lip_aperture() - plain.lip_aperture())
    assert np.median(np.abs(opened)) < 0.1
