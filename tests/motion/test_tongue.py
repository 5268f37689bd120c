import numpy as np
import pytest

from talkinghead import Animation, Head
from talkinghead.motion.tongue import heard_tongue, put_out_tongue, raise_tongue, tongue_goals, tongue_tip

PHONES = ("AA", "K", "L", "TH", "SIL")


@pytest.fixture(scope="module")
def head():
    return Head.default()


def spoken(name, head, jaw=0.2):
    """Half a second of a sound, with a jaw that is open."""
    posteriors = np.repeat(np.eye(len(PHONES))[[PHONES.index(name)]], 25, 0)
    weights = head.scatter_coefficients(np.full((25, 1), jaw, np.float32), ("jawOpen",))
    goals = tongue_goals(heard_tongue(posteriors, PHONES), 50.0)
    weights = put_out_tongue(weights, goals, head)
    return Animation(weights, 50, head, tongue=raise_tongue(weights, goals, head, tongue_tip(head)))


def tip_height(animation):
    """Millimetres above rest."""
    tip = tongue_tip(animation.head)
    return 1000 * (animation.vertices()[12, tip, 1] - animation.head.template[tip, 1])


def test_the_tip_is_up_at_l_however_low_the_jaw_is_and_down_in_an_open_vowel(head):
    high = [tip_height(spoken("L", head, jaw)) for jaw in (0.05, 0.2, 0.3)]
    assert min(high) > 7 and np.ptp(high) < 3
    assert tip_height(spoken("AA", head)) < -4 < 0


def test_the_body_is_up_at_k_and_the_tip_is_not(head):
    k = spoken("K", head)
    assert k.tongue[12, 1] > k.tongue[12, 0] + 0.002
    assert tip_height(k) < tip_height(spoken("L", head)) - 5


def test_the_tongue_comes_between_parted_teeth_at_th(head):
    th = spoken("TH", head, jaw=0.0)
    assert th.coefficients[12, head.index("tongueOut")] > 0.4 and th.coefficients[12, head.index("jawOpen")] > 0.1


def test_in_a_pause_it_lies_in_the_jaw(head):
    pause = spoken("SIL", head)
    np.testing.assert_array_equal(pause.tongue, 0)


def test_it_moves_nothing_but_the_tongue_and_is_kept_in_files(head, tmp_path):
    still = head.regions["tongue"] == 0
    spoke = spoken("L", head)
    np.testing.assert_allclose(
        spoke.vertices()[:, still], Animation(spoke.coefficients, 50, head).vertices()[:, still], atol=1e-7
    )
    from talkinghead.export import npz

    npz.write(spoke, tmp_path / "a.npz")
    np.testing.assert_array_equal(npz.read(tmp_path / "a.npz").tongue, spoke.tongue)


def test_a_head_without_a_tongue_has_none():
    bare = Head("bare", np.zeros((3, 3), np.float32), np.array([[0, 1, 2]]), np.zeros((1, 3, 3), np.float32), ("jawOpen",))
    assert tongue_tip(bare) is None


def test_as_shapes_it_moves_the_same_vertices_as_by_itself(head):
    for name in ("L", "K", "AA"):
        spoke = spoken(name, head, jaw=0.1)
        shaped = spoke.with_tongue_as_shapes()
        assert shaped.head.names[:52] == head.names and len(shaped.head.names) == 56 and shaped.tongue is None
        assert shaped.coefficients.min() >= 0 and shaped.coefficients[:, 52:].any()
        np.testing.assert_allclose(shaped.vertices(), spoke.vertices(), atol=1e-6)


def test_a_tongue_that_nothing_raises_adds_no_shapes(head):
    assert spoken("SIL", head).with_tongue_as_shapes().head is head
