import numpy as np

from talkinghead.animate.variance import reach, restore_variance

NAMES = ("jawOpen", "browInnerUp", "mouthFunnel")
FPS = 50.0


def talking(frames=600):
    times = np.arange(frames) / FPS
    syllables = 0.3 + 0.2 * np.sin(2 * np.pi * 4 * times)
    return np.stack([syllables, syllables, np.full(frames, 0.4)], 1)


def test_syllables_grow_and_what_is_slow_or_elsewhere_stays():
    before = talking()
    after = restore_variance(before, NAMES, FPS)
    assert 1.3 < after[100:-100, 0].std() / before[100:-100, 0].std() < 1.45
    assert abs(after[100:-100, 0].mean() - before[100:-100, 0].mean()) < 0.01
    np.testing.assert_array_equal(after[:, 1], before[:, 1])
    np.testing.assert_allclose(after[:, 2], before[:, 2], atol=1e-9)


def test_a_shut_mouth_stays_shut_and_weights_stay_weights():
    assert not restore_variance(np.zeros((80, 3)), NAMES, FPS).any()
    steep = np.repeat([[0.0], [1.0], [0.0]], 60, axis=0) * np.ones(3)
    after = restore_variance(steep, NAMES, FPS)
    assert after.min() == 0 and after.max() == 1


def test_a_tremble_does_not_grow():
    before = talking()
    before[:, 0] = 0.01 + 0.003 * np.sin(2 * np.pi * 8 * np.arange(600) / FPS)
    after = restore_variance(before, NAMES, FPS)
    assert after[:, 0].std() < 1.02 * before[:, 0].std()


def test_no_further_than_its_reach():
    whole, part = talking(), slice(200, 300)
    around = slice(part.start - reach(FPS), part.stop + reach(FPS))
    inner = restore_variance(whole[around], NAMES, FPS)[reach(FPS) : -reach(FPS)]
    np.testing.assert_allclose(inner, restore_variance(whole, NAMES, FPS)[part], atol=1e-9)
