"""Files, and pipes with and without a header."""

from __future__ import annotations

import os
import select
import threading
import time

import numpy as np
import pytest
import soundfile

from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.live.clock import Clock
from talkinghead.live.sources import File, Pipe
from talkinghead.live.wav import Layout

RATE = 16000
WAVE = np.sin(np.arange(4000) / 7).astype(np.float32) * 0.5


def started(source):
    source.start(Clock())
    return source


def everything(source) -> np.ndarray:
    """All that comes from a source that has started."""
    blocks = []
    while not source.ended:
        if (block := source.next(5.0)) is not None:
            assert len(block.samples) <= round(source.rate / 100)
            blocks.append(block.samples)
    source.close()
    return np.concatenate(blocks)


def piped(content: bytes, layout: Layout, piece: int = 1 << 20) -> Pipe:
    """A pipe into which somebody writes."""
    reading, writing = os.pipe()

    def write() -> None:
        for start in range(0, len(content), piece):
            os.write(writing, content[start : start + piece])
        os.close(writing)

    threading.Thread(target=write, daemon=True).start()
    return started(Pipe(reading, layout, paced=False))


def test_a_file_is_heard_whole(sample, tmp_path):
    heard = everything(started(File(sample, paced=False)))
    assert np.allclose(heard, load_audio(sample, rate=soundfile.info(sample).samplerate), atol=1e-6)


def test_stereo_of_another_rate_is_one_sound(tmp_path):
    path = tmp_path / "stereo.flac"
    soundfile.write(path, np.stack([WAVE, 0 * WAVE], 1), 44100)
    source = started(File(path, paced=False))
    assert source.rate == 44100 and np.allclose(everything(source), WAVE / 2, atol=1e-4)


@pytest.mark.parametrize("kind", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wavs_in_a_pipe(tmp_path, kind, form):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.stack([WAVE, WAVE], 1), 22050, kind, format=form)
    source = piped(path.read_bytes(), Layout(8000), 777)
    assert source.rate == 22050
    assert np.allclose(everything(source), WAVE, atol=0.01 if kind == "PCM_U8" else 1e-4)


def test_a_wav_of_unknown_length_is_heard_to_the_end_and_what_follows_a_known_one_is_no_sound(tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, WAVE, RATE)
    content = path.read_bytes()
    assert content[36:40] == b"data"
    streamed = content[:40] + b"\xff" * 4 + content[44:]
    assert len(everything(piped(streamed, Layout(8000)))) == len(WAVE)
    assert len(everything(piped(content + b"LIST\x04\x00\x00\x00abcd", Layout(8000)))) == len(WAVE)


@pytest.mark.parametrize(("encoding", "kind", "scale"), [("s16le", "<i2", 32768), ("f32le", "<f4", 1)])
def test_samples_without_a_header(encoding, kind, scale):
    content = (np.stack([WAVE, WAVE], 1) * scale).astype(kind).tobytes()
    heard = everything(piped(content + b"\x01", Layout(RATE, encoding, 2), 1001))
    assert np.allclose(heard, WAVE, atol=1e-4)


def test_what_is_no_number_is_silence():
    values = np.array([0.5, np.nan, np.inf, -0.5], "<f4")
    assert everything(piped(values.tobytes(), Layout(RATE, "f32le"))).tolist() == [0.5, 0, 0, -0.5]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "ends before its sound"),
        (
            b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + b"\x55\x00\x01\x00" + bytes(12) + b"data\x00\x00\x00\x00",
            "format 85",
        ),
    ],
)
def test_pipes_that_are_no_sound(content, told):
    with pytest.raises(InputError, match=told):
        piped(content, Layout(RATE))


def test_a_pipe_that_waits_gives_nothing_yet():
    reading, writing = os.pipe()
    os.write(writing, bytes(8))
    source = started(Pipe(reading, Layout(RATE), paced=False))
    assert source.next(0.01) is None and not source.ended
    os.close(writing)
    assert len(everything(source)) == 4


@pytest.mark.parametrize(("pause", "left"), [(0.02, 0.05), (0.0, 0.2)])
def test_what_a_recorder_sent_before_the_start_is_left_out_and_what_a_program_sent_is_not(pause, left):
    """20 ms of sound, time and again: in real time by a recorder, at once by a program."""
    reading, writing = os.pipe()
    os.write(writing, bytes(640))
    source = Pipe(reading, Layout(RATE))
    for i in range(1, 10):
        time.sleep(pause)
        os.write(writing, np.full(320, i, "<i2").tobytes())
    while source._chunks.empty() or _unread(reading):
        time.sleep(0.001)
    time.sleep(0.01)  # what was read is put into the queue
    started(source)
    os.close(writing)
    heard = everything(source)
    assert len(heard) == round(left * RATE) and source.lost == pytest.approx(0.2 - left)
    assert heard[-1] == np.float32(9 / 32768)


def _unread(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        File(tmp_path / "missing.wav")
