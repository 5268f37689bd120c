from __future__ import annotations

import numpy as np
import pytest

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.audio.prosody import prosody


def glide(hertz: np.ndarray, rng=None, noise: float = 0.0) -> np.ndarray:
    """A buzz with formants' slope, whose pitch is (n,) `hertz`."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    wave = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 9))
    return (wave if rng is None else wave + noise * rng.standard_normal(len(wave))).astype(np.float32)


@pytest.mark.parametrize("hertz", [75.0, 110.0, 220.0, 390.0])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_pitch_of_a_tone(hertz, noise):
    found = prosody(glide(np.full(RATE, hertz), np.random.default_rng(0), noise)).pitch[5:-5]
    assert (found > 0).mean() > 0.95
    np.testing.assert_allclose(found[found > 0], hertz, rtol=0.015)


def test_pitch_follows_a_glide_on_the_frame_clock():
    time = np.arange(3 * RATE) / RATE
    curve = 150 * 2 ** (np.sin(2 * np.pi * 0.7 * time) / 3)
    found = prosody(glide(curve))
    heard = (found.pitch > 0) & (np.abs(found.times - 1.5) < 1.4)
    assert heard.mean() > 0.85
    error = 12 * np.log2(found.pitch[heard] / np.interp(found.times[heard], time, curve))
    assert np.abs(error).max() < 0.3


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1])
def test_silence_and_noise_have_no_voice(level):
    found = prosody((level * np.random.default_rng(0).standard_normal(3 * RATE)).astype(np.float32))
    assert (found.pitch > 0).mean() < 0.03
    assert found.speaking.mean() < 0.05 and len(found.accents) == 0


def spoken(accents, seconds: float = 8.0) -> np.ndarray:
    """Two phrases, 1 to 3.5 s and 4.5 s to the end but one, with peaks of pitch and loudness at (seconds, semitones)."""
    time = np.arange(int(seconds * RATE)) / RATE
    shape = [(size, np.exp(-(((time - at) / 0.09) ** 2))) for at, size in accents]
    pitch = 120 * 2 ** (sum(size * bump for size, bump in shape) / 12)
    on = ((time > 1) & (time < 3.5)) | ((time > 4.5) & (time < seconds - 1))
    loud = 0.5 + sum(0.5 * bump for _, bump in shape)
    return glide(pitch) * (on * loud).astype(np.float32) + 1e-4 * np.random.default_rng(0).standard_normal(len(time)).astype(
        "f4"
    )


def test_accents_and_phrases():
    accents = [(1.6, 5.0), (2.7, 7.0), (5.2, 6.0)]
    found = prosody(spoken(accents))
    np.testing.assert_allclose(found.phrases[:, :2], [[1, 3.5], [4.5, 7]], atol=0.08)
    assert not found.phrases[:, 2].any()
    strong = found.accents[found.accents[:, 1] > 0.5]
    np.testing.assert_allclose(strong[:, 0], [at for at, _ in accents], atol=0.06)
    assert found.speaking[150:330].min() > 0.9 and found.speaking[385:420].max() < 0.05


def test_a_voice_that_rises_at_the_end_asks():
    time = np.arange(4 * RATE) / RATE
    pitch = 120 * 2 ** (np.interp(time, [0, 2.2, 2.9, 4], [0, 0, 7, 7]) / 12)
    found = prosody(glide(pitch) * ((time > 0.5) & (time < 3)))
    assert found.phrases[:, 2].tolist() == [1.0]


def test_a_longer_recording_begins_like_a_shorter_one(sample):
    wave = load_audio(sample)
    long, short = prosody(wave), prosody(wave[: len(wave) * 3 // 4])
    same = max(1, len(short.times) - 550)  # all is judged within 5 seconds
    np.testing.assert_allclose(long.pitch[: same // 2], short.pitch[: same // 2], atol=1e-3)


def test_a_recorded_voice(sample):
    found = prosody(load_audio(sample))
    heard = found.pitch[found.pitch > 0]
    assert 0.2 < (found.pitch > 0).mean() < 0.9
    low, high = np.percentile(heard, [5, 95])
    assert 60 < low < high < 400 and 12 * np.log2(high / low) < 24
    jumps = np.abs(np.diff(12 * np.log2(np.where(found.pitch > 0, found.pitch, np.nan))))
    assert np.nanmean(jumps > 6) < 0.01  # octave errors
    assert 0.3 < len(found.accents) / found.times[-1] < 4  # a second
    assert len(found.phrases) >= 1


@pytest.mark.parametrize("samples", [1, 100, 3000])
def test_any_length(samples):
    found = prosody(np.zeros(samples, np.float32) + 0.1)
    assert len(found.times) == -(-samples // 160) and np.isfinite(found.level).all()
