"""Lengths in headers: made up, too small, too large."""

from __future__ import annotations

import struct
import time
import warnings

import numpy as np
import pytest
from sounds import RATE, voice, wav_bytes, write_media

from talkinghead.audio.containers.riff import made_up
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError, InputWarning

SAMPLES = np.round(voice(1.0) * 32767).astype("<i2")
LISTED = b"LIST" + struct.pack("<I", 14) + b"INFOISFT\x02\0\0\0ab"


def wav(promised: int | None = None, more: bytes = b"", whole: int | None = None) -> bytes:
    data = wav_bytes(SAMPLES, RATE, form=1, bits=16, promised=promised) + more
    whole = (promised + 36 if promised is not None else len(data) - 8) if whole is None else whole
    return data[:4] + struct.pack("<I", whole & 0xFFFFFFFF) + data[8:]


@pytest.mark.parametrize("promised", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF, 0x7FFFFFFF - 44, 0x80000000])
def test_lengths_of_programs_that_stream(tmp_path, promised):
    (tmp_path / "a.wav").write_bytes(wav(promised))
    assert np.abs(load_audio(tmp_path / "a.wav") - SAMPLES / 32768).max() < 1e-6


@pytest.mark.parametrize("promised", [2_000_000_000, 1_000_000_000, 100_000_000, 1 << 30, (1 << 24) - 36, 1_500_000_001])
def test_other_made_up_lengths_are_told(tmp_path, promised):
    (tmp_path / "a.wav").write_bytes(wav(promised))
    with pytest.warns(InputWarning, match=f"made-up length, {promised} bytes of sound; the 1.00 s that are there are used"):
        assert len(load_audio(tmp_path / "a.wav")) == RATE


@pytest.mark.parametrize("promised", [33000, 64000, 9_600_044])
def test_what_a_recorder_counted_is_missed(tmp_path, promised):
    (tmp_path / "a.wav").write_bytes(wav(promised)[:-1000])
    with pytest.raises(InputError, match=f"promises {promised} bytes of sound, 31000 are there; copy it again"):
        load_audio(tmp_path / "a.wav")


def test_a_file_as_long_as_its_first_length_is_whole(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(64000, whole=36 + 32000))
    with pytest.warns(InputWarning, match="made-up"):
        assert len(load_audio(tmp_path / "a.wav")) == RATE


def test_sound_beyond_the_length_is_used_and_told(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(more=SAMPLES.tobytes()))
    with pytest.warns(InputWarning, match="promises 32000 bytes of sound, 64000 are there; all of it is used"):
        assert len(load_audio(tmp_path / "a.wav")) == 2 * RATE


@pytest.mark.parametrize("more", [LISTED, LISTED * 200, b"ID3" + bytes(2000), b"TAG" + bytes(125), bytes(5000)])
def test_what_is_no_sound_is_left_out(tmp_path, more):
    (tmp_path / "a.wav").write_bytes(wav(more=more))
    assert len(load_audio(tmp_path / "a.wav")) == RATE


@pytest.mark.parametrize(("name", "codec"), [("a.aiff", "pcm_s16be"), ("a.aiff", "pcm_s24be")])
def test_aiff_has_the_same_faults(tmp_path, name, codec):
    path = write_media(tmp_path / name, voice(1.0), RATE, codec)
    data = path.read_bytes()
    at = data.index(b"SSND") + 4
    path.write_bytes(data + data[at + 12 :])
    with pytest.warns(InputWarning, match="all of it is used"):
        assert len(load_audio(path)) == 2 * RATE
    path.write_bytes(data[:4] + b"\x7f\xff\xff\xff" + data[8:at] + b"\x7f\xff\xff\xd8" + data[at + 4 :])
    assert len(load_audio(path)) == RATE


@pytest.mark.parametrize(
    ("name", "codec", "before", "order", "half", "said", "made_up"),
    [
        ("a.caf", "pcm_s16be", 4, "big", 16004, "16004 bytes of sound, 32004", (1 << 62,)),
        ("a.w64", "pcm_s16le", 16, "little", 16024, "16000 bytes of sound, 32000", (0, (1 << 63) - 1)),
    ],
)
def test_caf_and_w64_have_the_same_faults(tmp_path, name, codec, before, order, half, said, made_up):
    path = write_media(tmp_path / name, voice(1.0), RATE, codec)
    data = path.read_bytes()
    at = data.index(b"data") + before
    path.write_bytes(data[:at] + half.to_bytes(8, order) + data[at + 8 :])
    with pytest.warns(InputWarning, match=f"promises {said} are there; all of it is used"):
        assert len(load_audio(path)) == RATE
    for size in made_up:
        path.write_bytes(data[:at] + size.to_bytes(8, order) + data[at + 8 :])
        assert len(load_audio(path)) == RATE


@pytest.mark.parametrize("samples", [(1 << 36) - 1, 1_000_000_000])
def test_hours_that_no_such_file_holds_are_made_up(tmp_path, samples):
    path = write_media(tmp_path / "a.flac", voice(1.0), RATE, "flac")
    data = bytearray(path.read_bytes())
    data[21] = data[21] & 0xF0 | samples >> 32
    data[22:26] = (samples & 0xFFFFFFFF).to_bytes(4, "big")  # STREAMINFO, RFC 9639, section 8.2
    path.write_bytes(data)
    with pytest.warns(InputWarning, match="made-up length, .* hours; what is there is used"):
        assert len(load_audio(path)) == RATE


def test_a_long_length_of_rf64_counts(tmp_path):
    path = write_media(tmp_path / "a.wav", voice(1.0), RATE, "pcm_s16le")
    fields = path.read_bytes()[path.read_bytes().index(b"fmt ") :][:24]
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 36 + 64002, 64002, 16000, 0)
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + sizes + fields + b"data\xff\xff\xff\xff" + SAMPLES.tobytes())
    with pytest.raises(InputError, match="promises 64002 bytes"):
        load_audio(path)


@pytest.mark.parametrize("promised", [0, 1000, 16_000_000, 123_456_789, 1 << 30, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize(("name", "codec"), [("a.au", "pcm_s16be"), ("a.aiff", "pcm_s16be")])
def test_aiff_and_au_have_the_same_faults(tmp_path, name, codec, promised):
    """AIFF says the length twice, in bytes and in frames."""
    path = write_media(tmp_path / name, voice(1.0), RATE, codec)
    data = bytearray(path.read_bytes())
    places = [(8, promised)]
    if name == "a.aiff":
        places = [(data.index(b"SSND") + 4, promised), (data.index(b"COMM") + 10, promised // 2)]
    for at, value in places:
        data[at : at + 4] = value.to_bytes(4, "big")
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if 0 < promised < 0x7FFF0000 else "error")
        assert np.abs(load_audio(path) - SAMPLES / 32768).max() < 1e-4


def test_an_au_that_is_cut_short_is_told(tmp_path):
    path = write_media(tmp_path / "a.au", voice(1.0), RATE, "pcm_s16be")
    path.write_bytes(path.read_bytes()[:-8000])
    with pytest.raises(InputError, match="promises 32000 bytes of sound, 24000 are there"):
        load_audio(path)


@pytest.mark.parametrize(("width", "bits"), [(4, 24), (2, 24), (3, 16), (4, 16)])
def test_bytes_of_a_sample_go_before_bits_that_contradict_them(tmp_path, width, bits):
    data = b"".join((value << 8 * (width - 2)).to_bytes(width, "little", signed=True) for value in map(int, SAMPLES[:8000]))
    fields = struct.pack("<HHIIHH", 1, 1, RATE, RATE * width, width, bits)
    body = b"WAVEfmt " + struct.pack("<I", 16) + fields + b"data" + struct.pack("<I", len(data)) + data
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert np.abs(load_audio(tmp_path / "a.wav") - SAMPLES[:8000] / 32768).max() < 1e-6


def test_round_numbers_are_made_up_and_counted_ones_are_not():
    assert made_up(2_000_000_000, 4, 192_000) and made_up(6_000_000, 6, 288_000) and made_up((1 << 26) - 36, 2, 32000)
    assert not made_up(5_760_044, 4, 192_000) and not made_up(960_000, 2, 96_000)


def test_a_file_of_empty_chunks_is_given_up(tmp_path):
    for head, chunk in ((b"RIFF\xff\xff\xff\x7fWAVE", b"abcd" + bytes(4)), (b"caff" + bytes(4), b"abcd" + bytes(8))):
        (tmp_path / "a.wav").write_bytes(head + chunk * 100_000)
        start = time.process_time()
        with pytest.raises(InputError, match=r"a\.wav"):
            load_audio(tmp_path / "a.wav")
        assert time.process_time() - start < 5
