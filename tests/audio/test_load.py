"""Sound of every kind comes in whole, at its true time; whatever is broken is refused in one line."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from sounds import BAD_SOUNDS, RATE, voice, wav_bytes, write_media
from strangers import SOUNDS, check_damaged

from talkinghead.audio.clock import frame_count, frame_times
from talkinghead.audio.decode import sound_blocks
from talkinghead.audio.load import load_audio, open_audio
from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError

CLICK = 1.5  # seconds
MEDIA = [  # name, codec, rate, with pictures
    ("click.mp3", "libmp3lame", 44100, False),
    ("click_24k.mp3", "libmp3lame", 24000, False),
    ("click.m4a", "aac", 44100, False),
    ("click_16k.m4a", "aac", 16000, False),
    ("click.aac", "aac", 44100, False),
    ("click_16k.aac", "aac", 16000, False),
    ("click.opus", "libopus", 48000, False),
    ("click.flac", "flac", 96000, False),
    ("click.mp4", "aac", 44100, True),
    ("click_mp3.mp4", "libmp3lame", 44100, True),
    ("click.mov", "aac", 48000, True),
    ("click.webm", "libopus", 48000, True),
    ("click.mkv", "aac", 44100, True),
    ("click.ts", "aac", 44100, True),
]


def click(rate: int, at: float = CLICK, seconds: float = 3.0) -> np.ndarray:
    """(n,) silence with a hump of 4 ms centred on `at`."""
    wave = np.zeros(round(seconds * rate), np.float32)
    middle, half = round(at * rate), rate // 500
    wave[middle - half : middle + half + 1] = 0.8 * np.hanning(2 * half + 1)
    return wave


def centre(wave: np.ndarray, rate: int = RATE) -> float:
    """Seconds at which the energy of a click lies."""
    peak = int(np.abs(wave).argmax())
    window = np.arange(max(0, peak - 100), min(len(wave), peak + 100))
    energy = wave[window].astype(np.float64) ** 2
    return float((window * energy).sum() / energy.sum() / rate)


@pytest.mark.parametrize(("name", "codec", "rate", "picture"), MEDIA)
def test_a_click_is_heard_at_its_true_time(tmp_path, name, codec, rate, picture):
    wave = load_audio(write_media(tmp_path / name, click(rate), rate, codec, picture=picture))
    assert wave.dtype == np.float32 and wave.ndim == 1
    assert abs(centre(wave) - CLICK) < 0.001
    assert abs(len(wave) / RATE - 3.0) < 0.025  # a container without edit lists keeps one packet of padding


@pytest.mark.parametrize(("subtype", "ending"), [("VORBIS", "ogg"), ("OPUS", "ogg"), ("MPEG_LAYER_III", "mp3")])
def test_another_encoder_gives_the_same_time(tmp_path, subtype, ending):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"click.{ending}"
    soundfile.write(path, click(48000), 48000, subtype=subtype)
    wave = load_audio(path)
    assert abs(centre(wave) - CLICK) < 0.001 and abs(len(wave) - 3 * RATE) < 0.01 * RATE


def test_sound_that_starts_after_the_picture_keeps_its_place(tmp_path):
    path = write_media(tmp_path / "late.mkv", click(48000), 48000, "libopus", picture=True, late=0.5)
    wave = load_audio(path)
    assert abs(centre(wave) - (CLICK + 0.5)) < 0.002  # Matroska rounds time stamps to milliseconds
    assert np.abs(wave[: RATE // 4]).max() < 1e-3


@pytest.mark.parametrize("codec", ["u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw"])
def test_wav_of_every_sample_format(tmp_path, codec):
    wave = voice(0.5)
    heard = load_audio(write_media(tmp_path / "a.wav", wave, RATE, f"pcm_{codec}"))
    assert heard.shape == wave.shape
    assert np.abs(heard - wave).max() < {"u8": 0.01, "alaw": 0.02, "mulaw": 0.02}.get(codec, 1e-4)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 192000])
def test_any_rate_keeps_pitch_length_and_level(tmp_path, rate):
    time = np.arange(rate) / rate
    tone = np.round(0.5 * np.sin(2 * np.pi * 1000 * time) * 32767).astype("<i2")
    (tmp_path / "tone.wav").write_bytes(wav_bytes(tone, rate, form=1, bits=16))
    wave = load_audio(tmp_path / "tone.wav")
    assert len(wave) == RATE
    inside = slice(RATE // 10, -RATE // 10)
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    assert np.abs(wave - expected)[inside].max() < 2e-3


def test_nothing_above_the_new_band_folds_back(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 12000 * np.arange(48000) / 48000)
    assert np.abs(load_audio(tone, source_rate=48000)[800:-800]).max() < 1e-4


def test_channels_are_averaged(tmp_path):
    left, right = voice(0.5), np.zeros(8000, np.float32)
    both = np.stack([left, right], 1)
    (tmp_path / "stereo.wav").write_bytes(wav_bytes(both.astype("<f4"), RATE, form=3, bits=32, channels=2))
    surround = np.zeros((8000, 6), np.float32)
    surround[:, 2] = left
    (tmp_path / "three.wav").write_bytes(wav_bytes(surround[:, :3].astype("<f4"), RATE, form=3, bits=32, channels=3))
    assert np.allclose(load_audio(tmp_path / "stereo.wav"), left / 2, atol=1e-6)
    assert np.allclose(load_audio(tmp_path / "three.wav"), left / 3, atol=1e-6)
    assert np.abs(load_audio(write_media(tmp_path / "surround.flac", surround, RATE, "flac")) - left / 6).max() < 1e-4


@pytest.mark.parametrize(("name", "codec"), [("many.opus", "libopus"), ("many.mka", "flac"), ("many.wav", "pcm_s16le")])
def test_eight_channels(tmp_path, name, codec):
    wave = voice(1.0, 48000)
    channels = np.zeros((48000, 8), np.float32)
    channels[:, :4] = wave[:, None]
    heard = load_audio(write_media(tmp_path / name, channels, 48000, codec))
    assert np.corrcoef(heard[:RATE], load_audio(wave, source_rate=48000))[0, 1] > 0.99
    assert abs(heard.std() / (wave.std() / 2) - 1) < 0.05


def test_arrays_of_any_layout_and_type():
    wave = voice(0.5)
    both = np.stack([wave, wave])
    for samples in (wave, wave[:, None], wave[None], both, both.T, wave.astype(np.float64)):
        assert np.allclose(load_audio(samples, source_rate=RATE), wave, atol=1e-6)
    for kind in (np.int16, np.int32):
        samples = np.round(wave * np.iinfo(kind).max).astype(kind)
        assert np.abs(load_audio(samples, source_rate=RATE) - wave).max() < 1e-4
    assert np.abs(load_audio(np.round(wave * 127 + 128).astype(np.uint8), source_rate=RATE) - wave).max() < 0.01
    assert len(load_audio(voice(1.0, 44100), source_rate=44100)) == RATE
    assert len(load_audio(wave[:1], source_rate=RATE)) == 1


@pytest.mark.parametrize(
    ("samples", "rate", "word"),
    [
        (np.zeros(10, np.float32), None, "source_rate"),
        (np.zeros(0, np.float32), RATE, "no samples"),
        (np.zeros((2, 0), np.float32), RATE, "no samples"),
        (np.zeros((4, 4, 4), np.float32), RATE, "shape"),
        (np.zeros((100, 100), np.float32), RATE, "channels"),
        (np.zeros(10, np.int64), RATE, "int64"),
        (np.zeros(10, bool), RATE, "bool"),
        (np.array(["a"]), RATE, "samples"),
        (np.full(10, np.nan), RATE, "finite"),
        (np.full(10, 1e300), RATE, "finite"),
        (np.zeros(10, np.float32), 0, "0 Hz"),
        (np.zeros(10, np.float32), -1, "Hz"),
        (np.zeros(10, np.float32), float("nan"), "Hz"),
        (np.zeros(10, np.float32), 1e9, "Hz"),
    ],
)
def test_arrays_that_are_no_sound(samples, rate, word):
    with pytest.raises(InputError, match=word) as caught:
        load_audio(samples, source_rate=rate)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*BAD_SOUNDS, "silent_film.mp4", "folder.wav", "missing.wav"])
def test_files_that_are_no_sound(bad_folder, name, capfd):
    with pytest.raises(InputError) as caught:
        load_audio(bad_folder / name)
    line = str(caught.value)
    assert "\n" not in line and name in line
    assert capfd.readouterr() == ("", "")  # FFmpeg's own messages are not shown


def test_what_is_wrong_is_said(bad_folder):
    said = {
        "missing.wav": "no such file",
        "folder.wav": "folder",
        "empty.wav": "empty",
        "zero_samples.wav": "no samples",
        "truncated.wav": "promises 32000 bytes of sound, 15978 are there",
        "text.wav": "not a sound",
        "playlist.wav": "not a sound",
        "nan.wav": "sample 8000 .0.50 s.",
        "silent_film.mp4": "no sound",
    }
    for name, words in said.items():
        with pytest.raises(InputError, match=words):
            load_audio(bad_folder / name)


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac"), ("a.m4a", "aac")])
def test_a_file_cut_short_is_refused(tmp_path, name, codec):
    whole = write_media(tmp_path / name, voice(4.0, 44100), 44100, codec)
    assert abs(len(load_audio(whole)) / RATE - 4) < 0.001
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    with pytest.raises(InputError, match="cut short"):
        load_audio(whole)


def test_wav_of_unknown_length_is_read_to_its_end(tmp_path):
    samples = np.round(voice(1.0) * 32767).astype("<i2")
    for promised in (0xFFFFFFFF, 0x7FFFF000):  # what programs write that stream to a pipe
        (tmp_path / "piped.wav").write_bytes(wav_bytes(samples, RATE, form=1, bits=16, promised=promised))
        assert len(load_audio(tmp_path / "piped.wav")) == RATE


def test_a_recording_that_never_ends_is_refused(tmp_path):
    with pytest.raises(InputError, match="4 hours"):
        load_audio(np.zeros(5 * 3600 * 4000, np.float32), source_rate=4000)


@pytest.mark.parametrize(
    ("magic", "speech", "noise"),
    [(b"#!AMR\n", b"\x3c" + bytes(31), b"\x44" + bytes(5)), (b"#!AMR-WB\n", b"\x44" + bytes(60), b"")],
)
def test_pauses_of_amr_are_no_damage(tmp_path, magic, speech, noise):
    """Frames of comfort noise and of nothing, as phones write them where nobody speaks."""
    (tmp_path / "a.amr").write_bytes(magic + speech * 25 + (noise + b"\x7c" * (8 - bool(noise))) * 5 + speech * 10)
    assert abs(len(load_audio(tmp_path / "a.amr")) / RATE - (25 + 40 + 10) * 0.02) < 0.03


def test_source_rate_with_a_file_is_a_mistake(sample):
    with pytest.raises(InputError, match="source_rate"):
        load_audio(sample, source_rate=8000)


def test_hash_tells_sounds_apart(sample):
    wave, whole = load_audio(sample), open_audio(sample)
    assert whole.fingerprint() == Waveform(wave).fingerprint() != Waveform(wave * 0.9).fingerprint()
    assert len(whole.fingerprint()) == 16


def test_the_frame_clock():
    assert [frame_count(s, 25) for s in (0.001, 0.04, 0.0401, 1.0, 2.0)] == [1, 1, 2, 25, 50]
    assert np.allclose(frame_times(3, 10), [0.05, 0.15, 0.25])


@pytest.mark.parametrize(
    "name", ["10:22:33.wav", "-x.wav", "#1.wav", "100%.wav", "%03d.wav", "pipe:0.wav", "file:a.wav", "a?b=c&d.wav", "é.wav"]
)
def test_a_recording_may_be_called_anything(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a relative path with a colon looks like an address to FFmpeg
    Path(name).write_bytes(wav_bytes(np.round(voice(0.1) * 32767).astype("<i2"), RATE, form=1, bits=16))
    assert len(load_audio(name)) == 1600


@pytest.mark.parametrize("name", SOUNDS)
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path, 8)


def test_hours_between_two_time_stamps_take_no_memory(tmp_path):
    """Of a film of some kilobytes: the pause is made a second at a time."""
    path = write_media(tmp_path / "late.mkv", np.stack([voice(0.3, 48000)] * 2, 1), 48000, "flac", picture=True, late=900.0)
    blocks = sound_blocks(path, 0)
    next(blocks)
    sizes = [len(block) for block in blocks]
    assert path.stat().st_size < 100_000 and sum(sizes) > 899 * 48000 and max(sizes) <= 48000


def test_a_few_bytes_do_not_become_hours(tmp_path):
    """Two packets an hour apart, and a file of nothing but silence, as small as a codec can make it."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for at in (0, 3600 * RATE):
            frame = av.AudioFrame.from_ndarray(np.full((1, 160), 99, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(stream.encode(frame))
    assert path.stat().st_size < 2000
    with pytest.raises(InputError, match="bytes would be 60 minutes or more of sound, nearly all of it silence"):
        load_audio(path)


def test_a_muted_quarter_of_an_hour_is_read(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for at in (0, 900 * RATE):
            frame = av.AudioFrame.from_ndarray(np.full((1, RATE), 99, np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(stream.encode(frame))
    assert len(load_audio(path)) == 901 * RATE
