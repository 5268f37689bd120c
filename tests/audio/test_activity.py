import numpy as np

from talkinghead.audio.activity import quiet_frames, runs, speaking_moments, without_short_runs
from talkinghead.audio.clock import MOMENTS


def test_runs_and_short_runs():
    mask = np.array([0, 1, 1, 0, 1, 0, 0, 0, 1, 0], bool)
    np.testing.assert_array_equal(runs(mask), [[1, 3], [4, 5], [8, 9]])
    np.testing.assert_array_equal(runs(without_short_runs(mask, 2, 2)), [[1, 5]])


def test_quiet_frames_leave_out_the_ends_of_a_silence():
    rate, fps = 16000, 50
    wave = np.random.default_rng(0).standard_normal(3 * rate) * 0.1
    wave[rate : 2 * rate] = 0
    quiet = quiet_frames(wave, rate, 150, fps)
    assert quiet[56:94].all() and not quiet[:54].any() and not quiet[96:].any()


def test_speech_needs_a_voice_that_is_louder_than_the_room():
    level = np.full(10 * MOMENTS, -50.0)
    level[300:500] = -20.0
    pitch = np.where(np.arange(len(level)) // 25 % 2, 120.0, 0.0)
    spoken = runs(speaking_moments(pitch, level))
    assert spoken.tolist() == [[300, 500]]
    assert not speaking_moments(np.zeros(len(level)), level).any(), "noise has no voice"
    assert not speaking_moments(np.full(len(level), 100.0), np.full(len(level), -20.0)).any(), (
        "a hum is never louder than itself"
    )


def test_silence_is_found_without_its_edges():
    rate, fps = 16000, 50.0
    wave = 0.5 * np.sin(np.arange(3 * rate) * 0.3)
    wave[rate : 2 * rate] *= 0.001  # 60 dB below, from 1 s to 2 s
    quiet = np.flatnonzero(quiet_frames(wave.astype(np.float32), rate, 150, fps))
    assert 1.08 < (quiet[0] + 0.5) / fps < 1.16 and 1.84 < (quiet[-1] + 0.5) / fps < 1.92
    assert len(quiet) == quiet[-1] - quiet[0] + 1
    wave[:] = 0.5
    assert not quiet_frames(wave, rate, 150, fps).any()
