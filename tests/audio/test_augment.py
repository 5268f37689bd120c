from __future__ import annotations

import numpy as np
import pytest

from talkinghead.audio.augment import augment, level_changes
from talkinghead.audio.clock import RATE

TEN_SECONDS = 10 * RATE


def decibels(gain):
    return 20 * np.log10(gain)


def test_levels_change_within_a_recording_and_within_bounds():
    drawn = [decibels(level_changes(np.random.default_rng(seed), TEN_SECONDS)) for seed in range(40)]
    assert all(levels.shape == (TEN_SECONDS,) and -26 <= levels.min() <= levels.max() <= 0 for levels in drawn)
    spans = np.array([np.ptp(levels) for levels in drawn])
    assert (spans > 1).mean() > 0.9 and (spans > 15).mean() > 0.5
    loudest = np.array([levels.max() for levels in drawn])
    assert (loudest > -0.1).mean() > 0.7  # the recording's own level comes back


def test_changes_of_level_make_no_clicks():
    for seed in range(20):
        levels = decibels(level_changes(np.random.default_rng(seed), TEN_SECONDS))
        assert np.abs(np.diff(levels)).max() * RATE / 1000 <= 26 / 20 + 1e-6  # dB a millisecond


@pytest.mark.parametrize("samples", [1, 319, 5000])
def test_any_length(samples):
    rng = np.random.default_rng(0)
    assert all(level_changes(rng, samples).shape == (samples,) for _ in range(5))


def test_augmented_recordings_keep_their_length_and_follow_the_seed():
    voice, other = (np.random.default_rng(seed).standard_normal(RATE).astype(np.float32) for seed in (1, 2))
    first, again = (augment(voice, other, np.random.default_rng(5)) for _ in range(2))
    assert first.shape == voice.shape and first.tobytes() == again.tobytes()
    several = [augment(voice, other, np.random.default_rng(seed)) for seed in range(30)]
    assert all(np.isfinite(wave).all() for wave in several) and len({wave.tobytes() for wave in several}) == 30


def test_some_augmented_recordings_have_uneven_levels():
    """A steady tone without anything else: its halves differ only where the level changes."""
    tone = np.sin(2 * np.pi * 440 * np.arange(TEN_SECONDS) / RATE)
    spans = []
    for seed in range(60):
        wave = augment(tone, tone, np.random.default_rng(seed))
        level = decibels(np.sqrt((wave.reshape(100, -1)[5:] ** 2).mean(1)))
        spans.append(np.ptp(level))
    assert 0.1 < np.mean(np.array(spans) > 8) < 0.5
