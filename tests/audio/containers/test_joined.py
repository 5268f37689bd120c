"""Recordings put one after the other in one file are all heard, whatever container they are in."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, voice, wav_bytes, write_media

from talkinghead.audio.containers.joined import recordings
from talkinghead.audio.load import load_audio, stereo_blocks
from talkinghead.errors import InputError

JOINED = [  # name, codec, with pictures
    ("a.wav", "pcm_s16le", False),
    ("a.aiff", "pcm_s16be", False),
    ("a.caf", "pcm_s16be", False),
    ("a.au", "pcm_s16be", False),
    ("a.w64", "pcm_s16le", False),
    ("a.flac", "flac", False),
    ("a.wv", "wavpack", False),
    ("a.tta", "tta", False),
    ("a.opus", "libopus", False),
    ("a.oga", "flac", False),
    ("a.mp3", "libmp3lame", False),
    ("a.aac", "aac", False),
    ("a.m4a", "aac", False),
    ("a.mka", "libopus", False),
    ("a.webm", "libopus", True),
    ("a.mkv", "aac", True),
    ("a.mp4", "aac", True),
    ("a.ts", "aac", True),
    ("a.avi", "pcm_s16le", True),
    ("a.flv", "aac", True),
]


def burst(rate: int, seconds: float = 3.0) -> np.ndarray:
    """(n,) silence with a tone from 1 to 1.2 s."""
    time = np.arange(round(seconds * rate)) / rate
    return np.where((time > 1) & (time < 1.2), 0.5 * np.sin(2 * np.pi * 300 * time), 0).astype(np.float32)


def beginnings(wave: np.ndarray) -> np.ndarray:
    """Seconds at which tones begin."""
    level = np.sqrt(np.convolve(wave**2, np.full(160, 1 / 160), "same")) > 0.1
    return np.flatnonzero(np.diff(level.astype(int)) == 1) / RATE


@pytest.mark.parametrize(("name", "codec", "picture"), JOINED)
def test_every_recording_of_a_joined_file_is_heard(tmp_path, name, codec, picture):
    path = write_media(tmp_path / name, burst(44100), 44100 if codec != "libopus" else 48000, codec, picture=picture)
    alone = load_audio(path)
    path.write_bytes(path.read_bytes() * 3)
    wave = load_audio(path)
    assert abs(len(wave) / len(alone) - 3) < 0.05
    starts = beginnings(wave)
    assert len(starts) == 3 and np.abs(np.diff(starts) - len(alone) / RATE).max() < 0.12  # encoders' padding at the joins


@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.oga", "flac"), ("a.flac", "flac"), ("a.mp3", "libmp3lame")]
)
def test_rates_and_channels_may_change_at_a_join(tmp_path, name, codec):
    first = write_media(tmp_path / f"1{name}", burst(16000), 16000, codec)
    second = write_media(tmp_path / f"2{name}", np.stack([burst(44100)] * 2, 1), 44100, codec)
    (tmp_path / name).write_bytes(first.read_bytes() + second.read_bytes())
    starts = beginnings(load_audio(tmp_path / name))
    assert len(starts) == 2 and abs(np.diff(starts)[0] - 3) < 0.12
    rate, *blocks = stereo_blocks(tmp_path / name)
    assert {block.shape[1] for block in blocks} == {1, 2}
    assert abs(sum(map(len, blocks)) / rate - 6) < 0.12  # one clock for the sound of a video, too


@pytest.mark.parametrize(
    ("codecs", "pictures"), [(("aac", "mp2", "ac3"), (False, False, False)), (("mp2", "aac", "aac"), (False, True, False))]
)
@pytest.mark.parametrize("bytes_lost", [0, 100])
def test_codecs_and_tracks_of_a_transport_stream_may_change(tmp_path, codecs, pictures, bytes_lost):
    """FFmpeg keeps the decoder of the beginning, and takes the rest for damage."""
    parts = [
        write_media(tmp_path / f"{i}.ts", burst(44100), 44100, codec, picture=picture).read_bytes()
        for i, (codec, picture) in enumerate(zip(codecs, pictures, strict=True))
    ]
    (tmp_path / "a.ts").write_bytes(b"".join(part[: len(part) - bytes_lost] for part in parts))
    wave = load_audio(tmp_path / "a.ts")
    assert len(beginnings(wave)) == 3 and abs(len(wave) / RATE - 9) < 0.3


def test_a_transport_stream_that_stays_what_it_is_is_one_recording(tmp_path):
    path = write_media(tmp_path / "a.ts", burst(44100), 44100, "aac", picture=True)
    path.write_bytes(path.read_bytes() * 2)
    assert recordings(path) == [(0, path.stat().st_size)]


def test_fragments_of_an_mp4_may_begin_anew(tmp_path):
    how = {"movflags": "empty_moov+default_base_moof+frag_keyframe", "frag_duration": "500000"}
    path = write_media(tmp_path / "a.mp4", burst(16000), 16000, "aac", **how)
    alone, data = load_audio(path), path.read_bytes()
    fragments = data[data.index(b"moof") - 4 : data.index(b"mfra") - 4]
    path.write_bytes(data[: data.index(b"moof") - 4] + fragments * 3)
    wave = load_audio(path)
    assert abs(len(wave) - 3 * len(alone)) < 0.1 * RATE and np.abs(np.diff(beginnings(wave)) - 3).max() < 0.12


def test_the_second_of_two_is_cut_short(tmp_path):
    whole = wav_bytes(np.round(voice(1.0) * 32767).astype("<i2"), RATE, form=1, bits=16)
    (tmp_path / "a.wav").write_bytes(whole + whole[:20000])
    with pytest.raises(InputError, match="cut short"):
        load_audio(tmp_path / "a.wav")


def test_a_clock_that_jumps_ahead_leaves_no_hours_of_silence(tmp_path):
    parts = [write_media(tmp_path / f"{i}.ts", burst(44100), 44100, "aac", late=late) for i, late in enumerate((0.0, 5000.0))]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert abs(len(load_audio(tmp_path / "a.ts")) / RATE - 6) < 0.2


def test_streams_side_by_side_are_one_recording(tmp_path):
    path = write_media(tmp_path / "film.mkv", burst(48000), 48000, "libopus", picture=True)
    assert recordings(path) == [(0, path.stat().st_size)]
    ogg = write_media(tmp_path / "a.oga", burst(48000), 48000, "flac").read_bytes()
    end = 27 + ogg[26] + sum(ogg[27 : 27 + ogg[26]])
    other = bytearray(ogg[:end])
    other[14] ^= 1  # the first page of another stream, next to the first
    (tmp_path / "b.ogg").write_bytes(ogg[:end] + other + ogg[end:])
    assert len(recordings(tmp_path / "b.ogg")) == 1


def test_a_length_guessed_from_the_bit_rate_is_no_promise(tmp_path):
    """Soft, then loud: the first packets of a variable bit rate are small, and the guess is too long."""
    wave = voice(8.0, 24000) * np.where(np.arange(8 * 24000) < 24000, 1e-3, 1)
    path = write_media(tmp_path / "a.mp3", wave, 24000, "libmp3lame")
    data = path.read_bytes()
    path.write_bytes(data[data.index(b"\xff", data.index(b"Info") if b"Info" in data else data.index(b"Xing")) :])
    assert abs(len(load_audio(path)) / RATE - 8) < 0.1


@pytest.mark.parametrize("second", ["a.flac", "a.aiff", "a.opus", "a.caf"])
def test_recordings_of_other_kinds_behind_samples_are_no_noise(tmp_path, second):
    """Bytes of a compressed file are noise to whoever takes them for samples."""
    codec = {"a.flac": "flac", "a.aiff": "pcm_s16be", "a.opus": "libopus", "a.caf": "pcm_s16be"}[second]
    other = write_media(tmp_path / second, burst(48000), 48000, codec)
    path = write_media(tmp_path / "a.wav", burst(RATE), RATE, "pcm_s16le")
    path.write_bytes(path.read_bytes() + other.read_bytes())
    wave = load_audio(path)
    assert len(beginnings(wave)) == 2 and abs(len(wave) / RATE - 6) < 0.1 and np.abs(wave).max() < 0.6


def test_which_of_joined_recordings_is_cut_short_is_told(tmp_path):
    data = wav_bytes(np.round(voice(1.0) * 32767).astype("<i2"), RATE, form=1, bits=16)
    (tmp_path / "a.wav").write_bytes(data + data[:-9000])
    with pytest.raises(InputError, match="recording 2 of the 2 in it: is cut short"):
        load_audio(tmp_path / "a.wav")
