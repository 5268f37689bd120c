"""Who speaks, by synthetic voices: pulses through the resonances of a tube."""

import numpy as np
import pytest
from scipy.signal import lfilter

from talkinghead.audio.clock import RATE
from talkinghead.audio.prosody import prosody
from talkinghead.audio.speaker import SOUND, Speaker, speaker, vocal_tract


def voice(hertz: float, metres: float, seconds: float = 3.0, seed: int = 0) -> np.ndarray:
    """Syllables of pulses with a wavering pitch, through five resonances of an even tube of that length."""
    rng, count = np.random.default_rng(seed), round(seconds * RATE)
    times = np.arange(count) / RATE
    pitch = hertz * 2 ** (np.sin(2 * np.pi * 1.3 * times) / 12)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) + 1e-3 * rng.normal(size=count)
    for number in range(1, 6):
        pole = np.exp((-60 - 20 * number) * np.pi / RATE + 2j * np.pi * (2 * number - 1) * SOUND / (4 * metres) / RATE)
        pulses = lfilter([1], np.poly([pole, pole.conj()]).real, pulses)
    syllables = np.clip(1.4 * np.sin(2 * np.pi * 2 * times), 0, 1)
    return (0.3 * pulses * syllables / np.abs(pulses).max()).astype(np.float32)


@pytest.mark.parametrize("metres", [0.135, 0.15, 0.17])
def test_the_tube_is_found_by_its_resonances(metres):
    wave = voice(110.0, metres)
    assert vocal_tract(wave, prosody(wave)) == pytest.approx(metres, rel=0.05)


@pytest.fixture(scope="module")
def people():
    return {"man": speaker(voice(112, 0.168)), "woman": speaker(voice(205, 0.149)), "child": speaker(voice(260, 0.128))}


def test_men_and_women_are_told_apart_and_in_between_it_says_that_it_is_not_sure(people):
    assert people["man"].male > 0.95 and people["woman"].male < 0.1
    assert (people["man"].gender, people["woman"].gender) == (1.0, 0.0)
    between = [speaker(voice(hertz, 0.157)).male for hertz in (120, 150, 180)]
    assert between[0] > between[1] > between[2]
    assert "man (9" in people["man"].summary() and "woman (9" in people["woman"].summary()


def test_ages_are_wide_but_for_children(people):
    assert people["child"].age < people["woman"].age - 5
    low, high = people["man"].ages
    assert high - low > 25 and low < people["man"].age < high


def test_what_has_no_voice_tells_nothing():
    for wave in (np.zeros(2 * RATE, np.float32), voice(120, 0.16, seconds=0.6)):
        found = speaker(wave)
        assert found.pitch is None and found.male == pytest.approx(0.5) and "tell nothing of who speaks" in found.summary()


def test_it_is_the_same_for_the_same_sound_and_louder_or_softer():
    wave = voice(130, 0.16)
    soft, again = speaker(0.3 * wave), speaker(wave)
    assert speaker(wave) == again
    assert isinstance(soft, Speaker) and soft.male == pytest.approx(again.male, abs=0.05)
