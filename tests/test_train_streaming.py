"""The program that begins a streaming model, on seconds of sound and a small model of random weights."""

from __future__ import annotations

import pytest
from streaming_models import tiny_streaming_network

from talkinghead.audio.load import load_audio
from talkinghead.audio.write import write_audio
from talkinghead.errors import InputError
from talkinghead.models.pretrained import load_model, save_model

LOOKS = ["--left-context", "6", "--right-context", "1", "0", "--prior-lookahead", "2", "--decoder-lookahead", "0"]
SHORT = ["--steps", "1", "--batch", "1", "--seconds", "0.4", "--held-out", "0"]


@pytest.fixture
def program(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "tools/train"))
    import train_streaming_encoder

    return train_streaming_encoder


@pytest.fixture(scope="module")
def speech(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech")
    write_audio(folder / "one.flac", load_audio(sample)[:16000])
    return folder


def test_it_makes_a_model_that_looks_ahead_as_it_was_told(program, speech, tmp_path):
    whole = tiny_streaming_network(streams=False)
    save_model(whole, {}, tmp_path / "whole")
    told = ["--teacher", str(tmp_path / "whole"), "--speech", str(speech), *LOOKS, *SHORT, "--out", str(tmp_path / "out")]
    program.main(told)
    learnt, _ = load_model(tmp_path / "out" / "model")
    assert learnt.config.streams and learnt.audio.right_context == [1, 0] and learnt.audio.config.left_context == 6
    assert learnt.prior.body.sides[0] == (2, 2) and learnt.motion.decoder.body.sides[0] == (4, 0)
    given, own = whole.prior.body.convs[0].weight, learnt.prior.body.convs[0].weight
    assert (own - given).abs().max() < 1e-2  # as many frames on both sides: each tap has the weight that it had
    moved, after = whole.audio.model.encoder.state_dict(), learnt.audio.model.encoder.state_dict()
    assert any((after[name] - moved[name]).abs().max() > 1e-6 for name in moved)


def test_a_teacher_that_streams_is_refused(program, speech, tmp_path):
    save_model(tiny_streaming_network(), {}, tmp_path / "begun")
    with pytest.raises(InputError, match="sees all of a recording"):
        program.main(["--teacher", str(tmp_path / "begun"), "--speech", str(speech), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
