"""Long recordings: the same motion in pieces as in one, in memory that hardly grows, and nothing is left of an interruption."""

from __future__ import annotations

import tempfile
import tracemalloc

import numpy as np
import pytest

from talkinghead import blocks
from talkinghead.animate import compose
from talkinghead.audio import waveform
from talkinghead.blocks import spans
from talkinghead.models import audio_encoder
from talkinghead.models.runtime import windows


def noise(seconds):
    return np.random.default_rng(0).standard_normal(int(seconds * 16000)).astype(np.float32) * 0.05


@pytest.fixture
def in_pieces(monkeypatch, tmp_path):
    """Everything is done a little at a time, and what has to be whole is on the disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for module, name, value in [(blocks, "KEPT", 0), (compose, "BLOCK", 17), (waveform, "BLOCK", 4800)]:
        monkeypatch.setattr(module, name, value)
    real = audio_encoder.AudioEncoder.stream

    def stream(self, recording):
        for rows in real(self, recording):
            yield from (rows[span] for span in spans(len(rows), 11))

    monkeypatch.setattr(audio_encoder.AudioEncoder, "stream", stream)
    return tmp_path


SETTINGS = {
    "neutral": {},
    "emotion": {"emotion": [{"time": 0.5, "emotion": "sad"}, {"time": 2, "emotion": "happy"}], "fps": 25},
    "heard": {"emotion": "auto", "fps": 50},
    "sampled": {"temperature": 1.0, "top_p": 0.9, "seed": 4},
}


@pytest.fixture(scope="module")
def whole(tiny_talker):
    return {name: tiny_talker.animate(noise(3), **settings) for name, settings in SETTINGS.items()}


@pytest.mark.parametrize("name", SETTINGS)
def test_in_pieces_as_in_one(tiny_talker, whole, in_pieces, name):
    pieces = tiny_talker.animate(noise(3), **SETTINGS[name])
    assert pieces.meta == whole[name].meta
    for part in ("coefficients", "rotation", "gaze"):
        np.testing.assert_allclose(getattr(pieces, part), getattr(whole[name], part), atol=2e-5, err_msg=part)


def test_memory_grows_with_the_motion_and_not_with_the_sound(tiny_talker, in_pieces, monkeypatch):
    """A second of motion is 6 kB, of sound 64 kB, of what the shipped encoder hears 300 kB."""
    monkeypatch.setattr(windows, "WINDOW", 50)
    monkeypatch.setattr(windows, "CONTEXT", 10)

    def peak(seconds):
        wave = waveform.Waveform(np.zeros(round(seconds * 16000), np.float32))
        tracemalloc.start()
        tiny_talker.animate(wave, idle=0)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    short, long = peak(4), peak(24)
    assert (long - short) / 20 < 25_000


def test_an_interruption_leaves_nothing(tiny_talker, in_pieces, monkeypatch):
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*_)

    real = tiny_talker.network.decode
    monkeypatch.setattr(tiny_talker.network, "decode", stop)
    with pytest.raises(KeyboardInterrupt):
        tiny_talker.animate(noise(3))
    assert len(calls) == 3 and not list(in_pieces.iterdir())
