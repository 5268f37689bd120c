"""Films with several sounds, channels that cancel: the one that speaks is heard."""

from __future__ import annotations

import av
import numpy as np
import pytest
from sounds import RATE, wav_bytes

from talkinghead.audio.load import load_audio, stereo_blocks
from talkinghead.errors import InputError, InputWarning

QUIET = np.zeros((2 * RATE, 2), np.float32)


def film(path, *tracks: np.ndarray):
    """Tracks of (n,) or (n, 2) samples at 16 kHz."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("pcm_s16le", rate=RATE, layout="stereo" if t.ndim == 2 else "mono") for t in tracks]
        for stream, samples in zip(streams, tracks, strict=True):
            ints = np.round(samples * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(ints, format="s16", layout=stream.layout.name)
            frame.sample_rate = RATE
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
    return path


@pytest.fixture(scope="module")
def speech(sample):
    return load_audio(sample)[: 2 * RATE]


def heard(wave: np.ndarray, speech: np.ndarray) -> bool:
    return bool(np.abs(wave - speech).max() < 1e-3)


def test_a_silent_default_track_is_passed_over(tmp_path, speech):
    path = film(tmp_path / "a.mkv", QUIET, speech)
    with pytest.warns(
        InputWarning, match=r"has 2 sound tracks: 2 \(1 s of speech\) is used, not 1 \(silent\); --track chooses"
    ):
        assert heard(load_audio(path), speech)
    with pytest.warns(InputWarning, match="has 2 sound tracks"):
        rate, *blocks = stereo_blocks(path)
    assert rate == RATE and heard(np.concatenate(blocks)[:, 0], speech)  # the sound of a video is the same


def test_speech_is_preferred_to_music_in_more_channels(tmp_path, speech):
    noise = np.random.default_rng(0).standard_normal((2 * RATE, 2)).astype(np.float32) * 0.1
    with pytest.warns(InputWarning, match="2 .* is used"):
        assert heard(load_audio(film(tmp_path / "a.mkv", noise, speech)), speech)


def test_the_track_that_is_asked_for(tmp_path, speech):
    path = film(tmp_path / "a.mkv", speech, speech[::-1].copy())
    assert heard(load_audio(path, track=2), speech[::-1]) and heard(load_audio(path, track=1), speech)
    for wrong in (0, 3):
        with pytest.raises(InputError, match=f"has 2 sound tracks; --track {wrong} is none of them"):
            load_audio(path, track=wrong)
    with pytest.raises(InputError, match="track is for files"):
        load_audio(speech, source_rate=RATE, track=1)


def test_silence_everywhere_is_told(tmp_path):
    with pytest.warns(InputWarning, match="has 2 sound tracks, and all of them are silent"):
        assert not load_audio(film(tmp_path / "a.mkv", QUIET, QUIET[:, 0])).any()


def test_channels_that_cancel_are_not_mixed(tmp_path, speech):
    both = np.stack([-0.8 * speech, speech], 1)
    (tmp_path / "a.wav").write_bytes(wav_bytes(both.astype("<f4"), RATE, form=3, bits=32, channels=2))
    for wave in (load_audio(tmp_path / "a.wav"), load_audio(both, source_rate=RATE)):
        assert heard(wave, speech)
    alone = load_audio(np.stack([speech, np.zeros_like(speech)], 1), source_rate=RATE)
    assert heard(2 * alone, speech)  # a silent channel cancels nothing


def test_channels_that_cancel_in_a_part_of_a_recording_only(speech):
    """As in recordings that were joined, one of which had a channel upside down: no part is lost, none is louder."""
    same, turned = np.stack([speech, speech], 1), np.stack([speech, -speech], 1)
    wave = load_audio(np.concatenate([same, turned, same, turned]), source_rate=RATE)
    power = np.square(wave.reshape(4, -1)).mean(1) / np.square(speech).mean()
    assert (np.abs(power - 1) < 0.1).all()


def test_the_channel_that_is_heard_does_not_change_with_every_word(speech):
    """Channels of about the same level that cancel: a change from one to the other would be a click."""
    noise = np.random.default_rng(0).normal(0, 0.05 * speech.std(), (2, len(speech))).astype(np.float32)
    wave = load_audio(np.stack([speech + noise[0], -speech + noise[1]], 1), source_rate=RATE)
    assert np.abs(np.corrcoef(wave, speech)[0, 1]) > 0.99
