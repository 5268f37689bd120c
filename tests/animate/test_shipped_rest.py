"""Lips of the model that ships, where nobody speaks, and at other levels."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead.animate.talker import Talker

RATE = 16000
TIMES = np.arange(3 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal(len(TIMES))
SOUNDS = {
    "silence": 0 * NOISE,
    **{f"noise at {level} dB": NOISE * 10 ** (level / 20) for level in (-80, -60, -45, -30)},
    "brown noise": np.cumsum(NOISE) / 5000,
    "hum": 0.03 * sum(np.sin(2 * np.pi * 50 * k * TIMES) / k for k in (1, 2, 3, 5, 7)),
    "chords": 0.1
    * sum(np.sign(np.sin(2 * np.pi * f * TIMES)) for f in (220, 277.18, 329.63))
    * (0.6 + 0.4 * np.sin(4 * TIMES)),
    "clicks": NOISE * (np.sin(2 * np.pi * 5 * TIMES) > 0.97),
    "telephone": 0.2 * np.sin(2 * np.pi * np.where(np.sin(40 * TIMES) > 0, 440, 480) * TIMES),
    "fan": 0.05 * np.convolve(NOISE, np.ones(24) / 24, "same") * (1 + 0.2 * np.sin(2 * np.pi * 11 * TIMES)),
}


@pytest.fixture(scope="module")
def talker():
    return Talker.from_pretrained()


@pytest.mark.parametrize("name", SOUNDS)
def test_lips_rest_and_do_not_jitter(talker, name):
    animation = talker.animate(SOUNDS[name].astype(np.float32), fps=50)  # with brows, blinks and head
    lips = animation.head.regions["lips"] > 0.5
    moved = np.einsum("tk,kvx->tvx", animation.coefficients, animation.head.basis[:, lips]) * 1000
    assert animation.lip_aperture().max() * 1000 < 0.5
    assert np.linalg.norm(moved, axis=-1).max() < 1.0  # mm, where lips of speakers go 10 and more
    assert np.linalg.norm(np.diff(moved, axis=0), axis=-1).mean() * 50 < 0.5  # mm a second, where those of speakers do 20 to 60


def test_lips_come_to_rest_after_a_word(talker, sample):
    from talkinghead.audio.load import load_audio

    wave = load_audio(sample)[: 2 * RATE]
    quiet = np.concatenate([wave, np.zeros(2 * RATE, np.float32)])
    aperture = talker.animate(quiet, fps=50).lip_aperture() * 1000
    assert aperture[:100].max() > 2
    assert aperture[125:].max() < 0.5


def test_pauses_around_speech_do_not_change_its_lips(talker, sample):
    """Once the same words with zeros around them gave motion that agreed with r = 0.75."""
    from talkinghead.audio.load import load_audio

    wave = load_audio(sample)
    alone = talker.animate(wave, fps=50, idle=0).lip_aperture()
    padded = talker.animate(np.pad(wave, RATE), fps=50, idle=0).lip_aperture()[50 : 50 + len(alone)]
    voice = slice(8, None)  # its first sound is at 0.16 s; lips part earlier before it if there is a pause
    assert np.corrcoef(alone[voice], padded[voice])[0, 1] > 0.99


def test_loudness_does_not_change_the_lips(talker, sample):
    from talkinghead.audio.load import load_audio

    wave = load_audio(sample)
    loud, quiet = (talker.animate(gain * wave, fps=50, idle=0).lip_aperture() for gain in (0.9, 0.02))
    assert np.corrcoef(loud, quiet)[0, 1] > 0.99


def test_lips_move_as_far_for_a_softer_second_speaker(talker, sample):
    """With one gain for the recording a second speaker who was 20 dB softer opened the mouth 0.17 as far."""
    from talkinghead.audio.load import load_audio

    wave = load_audio(sample)
    alone = talker.animate(wave, fps=50, idle=0).lip_aperture()
    both = talker.animate(np.concatenate([wave, wave / 10]), fps=50, idle=0).lip_aperture()
    assert both[-len(alone) :].mean() > 0.8 * alone.mean()
    assert np.corrcoef(both[: len(alone) - 50], alone[:-50])[0, 1] > 0.95


def test_the_mouth_rests_in_pauses_and_only_there(talker, sample):
    """In the room noise around and between two sentences."""
    from talkinghead.audio.load import load_audio
    from talkinghead.motion.pauses import rest_level
    from talkinghead.speech.phonemes import SILENCE

    speech = load_audio(sample)
    pause = np.zeros(2 * RATE, np.float32)
    wave = np.concatenate([pause, speech, pause, speech, pause])
    wave += 1e-3 * np.random.default_rng(0).standard_normal(len(wave)).astype(np.float32)
    rest = rest_level(np.exp(talker.phoneme_posteriors(wave)[:, talker.config.phones.index(SILENCE)]), 50)
    aperture, voice = talker.animate(wave, fps=50, idle=0).lip_aperture() * 1000, len(speech) * 50 // RATE
    for start in (100, 200 + voice):
        assert not rest[start : start + voice].any() and aperture[start : start + voice].max() > 5
    for start, end in ((0, 60), (100 + voice + 40, 200 + voice - 40), (200 + 2 * voice + 40, None)):
        assert rest[start:end].min() > 0.9 and aperture[start:end].max() < 0.3
