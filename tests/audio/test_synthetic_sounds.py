from __future__ import annotations

import numpy as np
import pytest

from talkinghead.audio.clock import RATE
from talkinghead.audio.synthetic_sounds import SHARES, SOUNDS, background
from talkinghead.data.loading import feature_cache
from talkinghead.data.loading.feature_cache import heard_window, room_noise
from talkinghead.errors import InputError
from talkinghead.io.safetensors_slice import ByteRange


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sound_is_finite_seeded_and_of_unit_size(name):
    first, again, other = (SOUNDS[name](np.random.default_rng(seed), 2 * RATE) for seed in (3, 3, 4))
    assert first.shape == (2 * RATE,) and np.isfinite(first).all()
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("samples", [1, 319, 5000])
def test_any_length(samples):
    for seed in range(12):
        wave = background(np.random.default_rng(seed), samples)
        assert wave.shape == (samples,) and np.isfinite(wave).all()


def test_music_is_made_of_tones():
    def flatness(wave):
        power = np.abs(np.fft.rfft(wave)) ** 2 + 1e-12
        return np.exp(np.log(power).mean()) / power.mean()

    tonal = [flatness(SOUNDS["music"](np.random.default_rng(seed), 4 * RATE)) for seed in range(4)]
    assert max(tonal) < 0.1 < 0.4 < flatness(np.random.default_rng(0).standard_normal(4 * RATE))


def test_all_kinds_come():
    assert SHARES.keys() == SOUNDS.keys() and sum(SHARES.values()) == pytest.approx(1)


def test_room_noise_has_noise_and_other_sounds_at_levels_of_rooms():
    waves = [room_noise(np.random.default_rng([1, seed]), RATE) for seed in range(60)]
    assert all(wave.dtype == np.float32 and np.isfinite(wave).all() for wave in waves)
    levels = np.array([20 * np.log10(wave.std() + 1e-12) for wave in waves])
    assert levels.min() < -70 and -30 < levels.max() < -5
    kurtosis = np.array([((wave / wave.std()) ** 4).mean() for wave in waves])
    assert (np.abs(kurtosis - 3) < 0.3).mean() > 0.2  # plain noise is Gaussian
    assert (kurtosis > 4).mean() > 0.1  # clicks are not


def test_behind_a_voice_is_a_sound_or_another_voice(sample, tmp_path, monkeypatch):
    mine, nobody = ByteRange(sample), ByteRange(tmp_path / "none.flac")
    monkeypatch.setattr(feature_cache, "BEDS", 1.0)
    waves = [heard_window(mine, nobody, 0, 50, 1.0, "clip", np.random.default_rng(seed))[0] for seed in range(4)]
    assert all(np.isfinite(wave).all() for wave in waves)
    monkeypatch.setattr(feature_cache, "BEDS", 0.0)
    with pytest.raises(InputError):
        heard_window(mine, nobody, 0, 50, 1.0, "clip", np.random.default_rng(0))
