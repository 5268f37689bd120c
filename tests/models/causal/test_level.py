"""How loud a causal encoder hears speech, in decibels of unit RMS."""

from __future__ import annotations

import pytest
import torch

from talkinghead.audio.load import load_audio
from talkinghead.models.causal.level import first_state, follow_level
from talkinghead.models.input_level import normalise_level

RATE, FRAME = 16000, 320


@pytest.fixture(scope="module")
def speech(sample):
    wave = torch.from_numpy(load_audio(sample))[None]
    return wave[:, : wave.shape[1] // FRAME * FRAME]


def heard(wave):
    return follow_level(wave, first_state(len(wave)))[0]


def decibels(wave):
    return 10 * wave.square().mean().log10().item()


def test_speech_is_heard_about_as_loud_as_by_an_encoder_that_knows_the_rest(speech):
    assert abs(decibels(heard(speech)[:, RATE:]) - decibels(normalise_level(speech)[:, RATE:])) < 5


@pytest.mark.parametrize("gain", [-25, -12, 8])
def test_after_some_seconds_every_level_is_heard_alike(speech, gain):
    long = torch.cat([speech, speech], 1)
    later = slice(speech.shape[1], None)
    assert abs(decibels(heard(long * 10 ** (gain / 20))[:, later]) - decibels(heard(long)[:, later])) < 1


def test_steady_faint_noise_is_not_amplified_to_speech():
    noise = torch.randn(1, 6 * RATE, generator=torch.Generator().manual_seed(0)) * 10 ** (-45 / 20)
    assert decibels(heard(noise)[:, 3 * RATE :]) < -18


def test_an_offset_of_the_microphone_is_taken_away(speech):
    clean, shifted = heard(speech), heard(speech + 0.2)
    assert (shifted - clean)[:, 3 * RATE // 2 :].abs().max() < 0.1


def test_digital_silence_stays_silent():
    assert heard(torch.zeros(1, 10 * FRAME)).abs().max() == 0


def test_pieces_are_heard_as_the_whole(speech):
    state, pieces = first_state(1), []
    for piece in speech.split(7 * FRAME, 1):
        out, state = follow_level(piece, state)
        pieces.append(out)
    torch.testing.assert_close(torch.cat(pieces, 1), heard(speech), atol=1e-6, rtol=0)


def test_nothing_is_known_of_what_comes(speech):
    changed = speech.clone()
    changed[:, RATE:] *= 5
    same = heard(changed)[0, :RATE] == heard(speech)[0, :RATE]
    assert same.all()
