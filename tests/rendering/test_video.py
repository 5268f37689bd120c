"""Films: what a player finds in the file, and that sound and picture belong together."""

import signal
import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise

import av
import chores
import numpy as np
import pytest
import soundfile
from pictures import WORKING

from talkinghead import Animation
from talkinghead.audio.clock import frame_count
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.rendering import video
from talkinghead.rendering.film.composition import Film
from talkinghead.rendering.output import movies
from talkinghead.rendering.output.pipeline import QUEUE_SIZE
from talkinghead.rendering.video import render, write_pictures

BACKEND = WORKING[0]
TALK = """
import sys, numpy as np
from talkinghead import Animation, Head
Animation(np.zeros((3000, 52)), 30.0, Head.default()).render(sys.argv[1], size=64)
"""


@pytest.fixture
def motion(head):
    """frames, fps, open -> an animation whose jaw is open in the frames `open`."""

    def make(frames: int, fps: float, wide=slice(0, 0)) -> Animation:
        coefficients = np.zeros((frames, len(head.names)), np.float32)
        coefficients[wide, head.index("jawOpen")] = 0.8
        return Animation(coefficients, fps, head)

    return make


@pytest.fixture
def recording(tmp_path):
    """seconds, rate, channels -> path of noise in which a burst begins at `burst` seconds."""

    def make(seconds: float, rate: int = 48000, channels: int = 1, burst: float | None = None, name: str = "speech.wav"):
        wave = np.random.default_rng(0).normal(0, 1e-3, (round(seconds * rate), channels))
        if burst is not None:
            tone = 0.5 * np.sin(2 * np.pi * 1000 / rate * np.arange(round(0.02 * rate)))
            wave[round(burst * rate) :][: len(tone)] += tone[:, None]
        soundfile.write(tmp_path / name, wave, rate)
        return tmp_path / name

    return make


def read(path) -> tuple[av.VideoStream, av.AudioStream | None, list[np.ndarray], list[Fraction]]:
    """Both streams, the pictures and the times at which they are shown."""
    container = av.open(str(path))
    pictures, times = [], []
    for frame in container.decode(video=0):
        pictures.append(frame.to_ndarray(format="rgb24"))
        times.append(frame.pts * frame.time_base)
    return container.streams.video[0], next(iter(container.streams.audio), None), pictures, times


@pytest.mark.parametrize(("fps", "rate"), [(25.0, 25), (30.0, 30), (60.0, 60), (29.97, Fraction(30000, 1001)), (12.5, 12.5)])
def test_frames_are_on_the_clock_and_as_long_as_the_sound(motion, recording, tmp_path, fps, rate):
    sound = recording(1.03)
    count = frame_count(1.03, fps)
    render(motion(count, fps), tmp_path / "a.mp4", audio=sound, size=64, backend=BACKEND)
    picture, heard, pictures, times = read(tmp_path / "a.mp4")
    assert picture.codec_context.name == "h264" and picture.codec_context.pix_fmt == "yuv420p"
    assert picture.average_rate == Fraction(rate)
    assert heard.codec_context.name == "aac" and heard.rate == 48000
    assert len(pictures) == count
    assert times == [t / Fraction(rate) for t in range(count)]
    assert abs(float(picture.duration * picture.time_base) - 1.03) <= 1 / fps
    assert abs(len(load_audio(tmp_path / "a.mp4")) / 16000 - 1.03) < 0.03


@pytest.mark.parametrize(
    ("fps", "rate"),
    [
        (5.0, "5"),
        (1.5, "3/2"),
        (23.98, "24000/1001"),
        (47.952, "48000/1001"),
        (119.88, "120000/1001"),
        (16.667, "50/3"),
        (15.79, "1579/100"),
        (24.9997, "249997/10000"),
    ],
)
def test_any_rate_is_exact_in_the_container(tmp_path, fps, rate):
    write_pictures([np.full((16, 16, 3), 20 * t, np.uint8) for t in range(9)], tmp_path / "a.mp4", fps)
    picture, _, _, times = read(tmp_path / "a.mp4")
    assert picture.average_rate == picture.base_rate == Fraction(rate)
    assert times == [t / Fraction(rate) for t in range(9)]


def test_frames_of_a_rounded_rate_do_not_drift_from_the_sound(motion):
    long = motion(10000, 23.98, slice(9990, 9991))  # seven minutes, after which a frame would be late by two
    film = video._at_rate(long, video.exact_rate(long.fps))
    opens = [float(m.times[m.coefficients.max(1).argmax()]) for m in (long, film)]
    assert abs(opens[1] - opens[0]) < 0.5 / film.fps
    short = motion(30, 29.97)
    assert len(video._at_rate(short, video.exact_rate(29.97))) == 30


def test_the_file_plays_while_it_loads_and_says_its_colours(motion, tmp_path):
    render(motion(3, 30.0), tmp_path / "a.mp4", size=(80, 64), backend=BACKEND)
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    picture, heard, pictures, _ = read(tmp_path / "a.mp4")
    coder = picture.codec_context
    assert (coder.width, coder.height, heard) == (80, 64, None)
    assert (coder.colorspace, coder.color_primaries, coder.color_trc, coder.color_range) == (1, 1, 1, 1)
    assert pictures[0].shape == (64, 80, 3)


def test_the_film_shows_what_was_drawn(motion, tmp_path):
    from talkinghead.rendering import image

    render(motion(3, 30.0), tmp_path / "a.mp4", size=256, backend=BACKEND)
    shown = read(tmp_path / "a.mp4")[2][1].astype(int)
    drawn = image(motion(1, 30.0), size=256, backend=BACKEND).astype(int)
    assert np.abs(shown - drawn).mean() < 3
    assert np.abs((shown - drawn).mean((0, 1))).max() < 1.5  # the right colour matrix, both ways


@pytest.mark.parametrize("fps", [25.0, 30.0, 29.97])
def test_the_mouth_opens_when_the_burst_is_heard(motion, recording, tmp_path, fps):
    sound = recording(1.5, 44100, burst=0.8)
    count, at = frame_count(1.5, fps), int(0.8 * fps)
    render(motion(count, fps, slice(at, at + 3)), tmp_path / "a.mp4", audio=sound, size=128, backend=BACKEND)
    _, _, pictures, times = read(tmp_path / "a.mp4")
    change = [np.abs(b.astype(int) - a).mean() for a, b in pairwise(pictures)]
    seen = times[int(np.argmax(change[: at + 2])) + 1]
    wave = load_audio(tmp_path / "a.mp4")
    heard = np.argmax(np.abs(wave) > 0.1) / 16000
    assert abs(heard - 0.8) < 0.003
    assert float(seen) <= 0.8 + 1e-6 and heard - float(seen) <= 1 / fps + 0.003


@pytest.mark.parametrize(
    ("rate", "channels", "aac"), [(8000, 1, 8000), (16000, 1, 16000), (44100, 2, 44100), (37800, 1, 44100), (192000, 2, 96000)]
)
def test_sound_keeps_its_rate_and_channels_where_aac_has_them(motion, recording, tmp_path, rate, channels, aac):
    sound = recording(0.5, rate, channels, burst=0.25)
    render(motion(15, 30.0), tmp_path / "a.mp4", audio=sound, size=32, backend=BACKEND)
    _, heard, _, _ = read(tmp_path / "a.mp4")
    assert (heard.rate, heard.channels) == (aac, channels)
    wave = load_audio(tmp_path / "a.mp4")
    assert abs(np.argmax(np.abs(wave) > 0.1) / 16000 - 0.25) < 0.004
    assert abs(len(wave) / 16000 - 0.5) < 0.03


def test_the_sound_may_come_from_a_film(motion, recording, tmp_path):
    render(motion(15, 30.0), tmp_path / "a.mp4", audio=recording(0.5, burst=0.2), size=32, backend=BACKEND)
    render(motion(15, 30.0), tmp_path / "b.mp4", audio=tmp_path / "a.mp4", size=32, backend=BACKEND)
    assert abs(np.argmax(np.abs(load_audio(tmp_path / "b.mp4")) > 0.1) / 16000 - 0.2) < 0.004


@pytest.mark.parametrize(("frames", "seconds"), [(30, 0.8), (30, 1.2), (1, 0.2)])
def test_the_film_is_as_long_as_the_sound_when_the_motion_is_not(motion, recording, tmp_path, frames, seconds):
    render(motion(frames, 30.0, slice(-1, None)), tmp_path / "a.mp4", audio=recording(seconds), size=64, backend=BACKEND)
    pictures = read(tmp_path / "a.mp4")[2]
    assert len(pictures) == frame_count(seconds, 30.0)
    if len(pictures) > frames + 1:  # the last one is held
        assert np.abs(pictures[-1].astype(int) - pictures[frames]).mean() < 1.5


def test_a_film_that_does_not_fit_its_sound_is_made_with_a_warning(motion, recording, tmp_path):
    with pytest.warns(UserWarning, match=r"lasts 2\.00 s but the animation 1\.00 s"):
        render(motion(30, 30.0), tmp_path / "a.mp4", audio=recording(2.0), size=32, backend=BACKEND)
    assert len(read(tmp_path / "a.mp4")[2]) == 60


def test_frames_are_drawn_when_they_are_needed(motion, tmp_path, monkeypatch):
    """A long film must not lie in memory: the encoder is never more than a few frames behind."""
    drawn, encoded, furthest = 0, 0, 0

    def counted(film):
        nonlocal drawn
        for _ in range(film.count):
            drawn += 1
            yield np.zeros((16, 16, 3), np.uint8)

    real = av.VideoFrame.from_ndarray

    class Slow:
        @staticmethod
        def from_ndarray(*arguments, **options):
            nonlocal encoded, furthest
            time.sleep(0.005)
            encoded += 1
            furthest = max(furthest, drawn - encoded)
            return real(*arguments, **options)

    monkeypatch.setattr(Film, "pictures", counted)
    monkeypatch.setattr(av, "VideoFrame", Slow)
    render(motion(60, 30.0), tmp_path / "a.mp4", size=32, backend=BACKEND)
    assert encoded == 60 and 1 <= furthest <= QUEUE_SIZE + 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing_behind(motion, recording, tmp_path, monkeypatch, error):
    def broken(film):
        for t in range(film.count):
            if t == 12:
                raise error
            yield np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr(Film, "pictures", broken)
    sound = recording(1.0)
    with pytest.raises(error):
        render(motion(30, 30.0), tmp_path / "a.mp4", audio=sound, size=32, backend=BACKEND)
    assert [p.name for p in tmp_path.iterdir()] == [sound.name]


def test_a_broken_encoder_ends_the_drawing(motion, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    (tmp_path / "a.mp4").write_bytes(b"before")
    monkeypatch.setattr(movies.av, "open", fail)
    with pytest.raises(InputError, match=r"a\.mp4: cannot be written \(No space left on device\)"):
        render(motion(300, 30.0), tmp_path / "a.mp4", size=32, backend=BACKEND)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mp4", b"before")]


def test_ctrl_c_leaves_nothing_behind(root, tmp_path):
    command = [sys.executable, "-c", TALK, str(tmp_path / "a.mp4")]
    process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, preexec_fn=chores.heed_interruptions)
    for _ in range(600):
        if any(p.stat().st_size for p in tmp_path.iterdir()):
            break
        time.sleep(0.05)
    assert list(tmp_path.iterdir())
    err = b""
    for _ in range(3):  # Python loses an interruption that comes while it runs a finaliser; people press again
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
            break
        except subprocess.TimeoutExpired:
            continue
    assert process.returncode and b"KeyboardInterrupt" in err
    assert not list(tmp_path.iterdir())


def test_bad_arguments_are_one_line_and_no_file(motion, recording, tmp_path, bad_folder):
    one = motion(3, 30.0)
    wrong = [
        ("a.avi", {}, "a.avi: pictures and films are written as .mp4"),
        ("a.mp4", {"audio": tmp_path / "none.wav"}, "none.wav: no such file"),
        ("a.mp4", {"audio": bad_folder / "silent_film.mp4"}, "has no sound"),
        ("a.mp4", {"size": 9}, "size 9x9"),
        ("a.mp4", {"camera": "back"}, "no camera 'back'"),
        ("a.mp4", {"backend": "glide"}, "no renderer 'glide'"),
    ]
    broken = ("empty.wav", "text.wav", "truncated.wav", "nan.wav")
    wrong += [("a.mp4", {"audio": bad_folder / name}, name) for name in broken]
    for name, options, words in wrong:
        with pytest.raises(InputError) as error:
            render(one, tmp_path / name, **options)
        assert words in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_the_bar_is_on_stderr(motion, tmp_path, capsys):
    render(motion(3, 30.0), tmp_path / "a.mp4", size=32, backend=BACKEND, progress=True)
    assert not capsys.readouterr().out
