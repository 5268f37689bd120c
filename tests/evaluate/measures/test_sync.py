"""Sync in mesh space, on motion whose lag is known: that of the model that ships, shifted against its sound."""

from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Talker, load_audio
from talkinghead.evaluate.measures.sync import likeness
from talkinghead.metrics.lips import LAGS, sync_confidence, sync_lag, sync_likeness


@pytest.fixture(scope="module")
def spoken(sample):
    wave = load_audio(sample)
    return wave, Talker.from_pretrained().animate(wave, fps=50, idle=0)


def test_the_lag_of_lips_is_found(spoken):
    wave, motion = spoken
    own = np.array(likeness(motion, wave))
    assert own.shape == LAGS.shape and abs(sync_lag(own)) <= 60
    assert sync_likeness(own) > 0.15 and sync_confidence(own) > 0.1
    for frames in (-5, 5):
        shifted = replace(motion, coefficients=np.roll(motion.coefficients, frames, axis=0))
        found = np.array(likeness(shifted, wave))
        assert sync_lag(found) - sync_lag(own) == pytest.approx(20 * frames, abs=41)
    backwards = np.array(likeness(motion, np.ascontiguousarray(wave[::-1])))
    assert sync_likeness(own) > 1.5 * sync_likeness(backwards), "other speech does not fit as well at any lag"


def test_it_is_the_same_at_other_frame_rates_and_head_poses(spoken):
    wave, motion = spoken
    own = np.array(likeness(motion, wave))
    turned = replace(motion, rotation=np.full((len(motion), 3), 0.2, np.float32))
    np.testing.assert_allclose(likeness(turned, wave), own, atol=1e-4)
    np.testing.assert_allclose(likeness(motion.resample(25), wave), own, atol=0.08)


def test_where_there_is_nothing_to_say(spoken):
    wave, motion = spoken
    assert likeness(motion, wave * 0) is None, "no speech"
    assert likeness(motion, wave[:6000]) is None, "too little of it"
    assert likeness(replace(motion, head=replace(motion.head, landmarks={})), wave) is None
    still = replace(motion, coefficients=np.zeros_like(motion.coefficients))
    assert sync_confidence(np.array(likeness(still, wave))) < 0.1
