from itertools import pairwise

import numpy as np
import pytest

from talkinghead.data.convert.segment import pieces, quietest, settle


def test_short_recordings_stay_whole():
    assert pieces(19.5) == [(0.0, 19.5, True)]


@pytest.mark.parametrize("duration", [20.1, 34.0, 34.1, 100.0, 601.7])
@pytest.mark.parametrize("spoken", [False, True])
def test_no_piece_is_too_long_and_nothing_is_lost(duration, spoken):
    rng = np.random.default_rng(0)
    words = tuple((t, t + rng.uniform(0.2, 0.99), "w") for t in np.arange(0, duration - 1, 1.0)) if spoken else None
    found = pieces(duration, words)
    assert found[0][0] == 0 and found[-1][1] == pytest.approx(duration, abs=1e-3)
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert all(5 < stop - start <= 20.001 for start, stop, _ in found)
    assert {settled for _, _, settled in found} == {spoken}
    if spoken:
        assert not any(a < cut < b for _, cut, _ in found[:-1] for a, b, _ in words)


def test_the_longest_pause_in_reach_wins():
    words = ((0.0, 9.6, "a"), (9.8, 10.4, "b"), (11.0, 25.0, "c"))
    assert pieces(22.0, words)[0][1] == pytest.approx(10.7)  # 11 is the middle; the pauses are of 0.2 and 0.6 s
    assert pieces(22.0, ((0.0, 22.0, "endless"),))[0][1] == 11.0


def test_without_words_the_quietest_place_wins():
    wave = np.random.default_rng(0).normal(0, 0.1, 22 * 16000).astype(np.float32)
    wave[round(11.6 * 16000) : round(11.9 * 16000)] *= 0.01
    first, second = pieces(22.0)
    end = settle(wave, *first[:2], 22.0)[1]
    assert 11.6 < end < 11.9 and settle(wave, *second[:2], 22.0) == (end, 22.0)
    assert quietest(np.zeros(16000 * 22, np.float32), 11.0, 1.5) == pytest.approx(11.0)  # all alike: the nearest
    assert quietest(wave[:100], 11.0, 1.5) == 11.0
