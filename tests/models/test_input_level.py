"""How loud the encoder hears a recording, in decibels of unit RMS."""

from __future__ import annotations

import pytest
import torch

from talkinghead.audio.load import load_audio
from talkinghead.audio.waveform import Waveform
from talkinghead.models.input_level import normalise_level
from talkinghead.models.runtime.level_track import LevelTrack

RATE = 16000


@pytest.fixture(scope="module")
def speech(sample):
    return torch.from_numpy(load_audio(sample))[None]


def decibels(wave):
    return 10 * wave.square().mean().log10().item()


def noise(level, samples=3 * RATE):
    return torch.randn(1, samples, generator=torch.Generator().manual_seed(0)) * 10 ** (level / 20)


@pytest.mark.parametrize("softer", [10, 20, 30])
def test_a_second_speaker_who_is_softer_is_heard_like_the_first(speech, softer):
    n = speech.shape[1]
    heard = normalise_level(torch.cat([speech, speech * 10 ** (-softer / 20)], 1))
    first, second = heard[:, : n - RATE], heard[:, n + RATE :]  # without the second in which the level changes
    alone = normalise_level(speech)
    assert abs(decibels(first) - decibels(alone[:, : n - RATE])) < 1
    assert abs(decibels(second) - decibels(alone[:, RATE:])) < 2


def test_a_voice_that_fades_is_heard_to_its_end(speech):
    fade = 10 ** (torch.linspace(0, -30, speech.shape[1]) / 20)
    faded, whole = normalise_level(speech * fade), normalise_level(speech)
    assert abs(decibels(faded[:, -RATE:]) - decibels(whole[:, -RATE:])) < 4  # where one gain loses 25 dB


def test_steady_faint_noise_is_not_amplified_to_speech(speech):
    """The first 1.2 s of noise that follows digital silence could be a soft voice; from then on it is noise."""
    n = speech.shape[1]
    room = torch.nn.functional.pad(speech, (0, 3 * RATE)) + noise(-50, n + 3 * RATE)
    for recording in (room, torch.cat([speech, noise(-50, 4 * RATE)], 1)):
        heard = normalise_level(recording)
        assert decibels(heard[:, -2 * RATE :]) < -18
        assert abs(decibels(heard[:, : n - RATE]) - decibels(normalise_level(speech)[:, : n - RATE])) < 1


@pytest.mark.parametrize("level", [-80, -100, -200])
def test_silence_stays_silent(level):
    assert decibels(normalise_level(noise(level))) < -15
    assert normalise_level(torch.zeros(1, RATE)).abs().max() == 0


def test_the_gain_of_the_recording_does_not_matter(speech):
    torch.testing.assert_close(normalise_level(speech * 0.02), normalise_level(speech), atol=1e-3, rtol=1e-3)


def test_pauses_around_speech_do_not_change_its_level(speech):
    padded = normalise_level(torch.nn.functional.pad(speech, (RATE // 2, 2 * RATE)))
    assert abs(decibels(padded[:, RATE // 2 : -2 * RATE]) - decibels(normalise_level(speech))) < 1


def test_the_gain_has_no_steps(speech):
    uneven = torch.cat([speech, speech * 0.1], 1)
    gain = 20 * (normalise_level(uneven) / (uneven - uneven.mean())).abs().log10()
    frames = gain[:, 160::320]
    assert frames.diff().abs().max() < 1.2  # dB in 20 ms


def test_recordings_of_a_batch_do_not_hear_each_other(speech):
    batch = torch.cat([speech, speech.flip(1) * 0.05, noise(-50, speech.shape[1])])
    each = torch.cat([normalise_level(row[None]) for row in batch])
    torch.testing.assert_close(normalise_level(batch), each)


@pytest.mark.parametrize("samples", [1, 319, 320, 321, 1000])
def test_any_length(samples):
    assert torch.isfinite(normalise_level(noise(-20, samples))).all()


def test_parts_of_a_recording_are_those_of_the_whole(speech):
    wave = speech[0]
    track, whole = LevelTrack(Waveform(wave.numpy())), normalise_level(wave[None])[0]
    for start, stop in [(0, len(wave)), (-440, 5000), (4001, 9999), (len(wave) - 3000, len(wave) + 700)]:
        part = torch.from_numpy(track.part(start, stop))
        inside = slice(max(0, start), min(stop, len(wave)))
        torch.testing.assert_close(part[inside.start - start : inside.stop - start], whole[inside], atol=1e-5, rtol=1e-5)
        assert not part[: inside.start - start].any() and not part[inside.stop - start :].any()
