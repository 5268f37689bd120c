"""Films with and without opacity, animated pictures, frames and stills: what other readers find in them."""

import av
import numpy as np
import pytest
from pictures import WORKING
from PIL import Image

from talkinghead import Animation
from talkinghead.errors import InputError, InputWarning
from talkinghead.rendering import image, render
from talkinghead.rendering.output.opacity import bled, straight

BACKEND = WORKING[0]
SIZE = 64


@pytest.fixture(scope="module")
def motion(head) -> Animation:
    """Six frames in which the jaw opens."""
    coefficients = np.zeros((6, len(head.names)), np.float32)
    coefficients[:, head.index("jawOpen")] = np.linspace(0, 0.6, 6)
    return Animation(coefficients, 30.0, head)


@pytest.fixture(scope="module")
def drawn(motion) -> np.ndarray:
    """(H, W, 4) straight: the first frame as it should be decoded."""
    return straight(image(motion, 0, size=SIZE, backend=BACKEND, background="transparent")).astype(int)


def first_rgba(path, decoder: str | None) -> np.ndarray:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        coder = stream.codec_context
        if decoder:  # FFmpeg's own decoder of VP9 leaves the opacity out
            coder = av.CodecContext.create(decoder, "r")
        for packet in file.demux(stream):
            for frame in coder.decode(packet if packet.size else None):
                return frame.reformat(format="rgba", src_colorspace="ITU709").to_ndarray().astype(int)
    raise AssertionError("no frames")


@pytest.mark.parametrize(("suffix", "decoder", "close"), [(".webm", "libvpx-vp9", 6.0), (".mov", None, 1.5)])
def test_opacity_survives_and_edges_are_neither_dark_nor_light(motion, drawn, tmp_path, suffix, decoder, close):
    path = tmp_path / f"a{suffix}"
    render(motion, path, size=SIZE, backend=BACKEND, background="transparent")
    found = first_rgba(path, decoder)
    assert np.abs(found[..., 3] - drawn[..., 3]).mean() < close / 2
    assert found[0, 0, 3] == 0 and found[SIZE // 2, SIZE // 2, 3] == 255
    edge = (drawn[..., 3] > 60) & (drawn[..., 3] < 200)
    assert edge.sum() > 20
    difference = (found - drawn)[edge][:, :3]
    assert np.abs(difference.mean()) < close and np.abs(difference).mean() < 4 * close
    laid = {}
    for wall in (0, 255):  # the same over black and over white as what was drawn
        share = found[..., 3:] / 255
        laid[wall] = found[..., :3] * share + wall * (1 - share)
        want = drawn[..., :3] * drawn[..., 3:] / 255 + wall * (1 - drawn[..., 3:] / 255)
        assert np.abs(laid[wall] - want).mean() < close


def test_colours_go_on_beyond_the_edge_for_codecs_only():
    picture = np.zeros((5, 5, 4), np.uint8)
    picture[2, 2] = 100, 50, 25, 128  # times opacity
    plain = straight(picture)
    assert plain[2, 2].tolist() == [199, 100, 50, 128] and not plain[0, 0].any()
    assert bled(plain)[0, 0].tolist() == [199, 100, 50, 0]


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_films_of_editors_and_browsers_have_their_sound(motion, tmp_path, suffix):
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3200), 16000)
    render(motion, tmp_path / f"a{suffix}", audio=tmp_path / "a.wav", size=32, backend=BACKEND)
    with av.open(str(tmp_path / f"a{suffix}")) as file:
        assert sum(1 for _ in file.decode(video=0)) == 6
    with av.open(str(tmp_path / f"a{suffix}")) as file:
        heard = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert abs(heard - 0.2) < 0.03


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_a_track_of_subtitles_is_beside_the_pictures(motion, tmp_path, suffix):
    (tmp_path / "a.srt").write_text("1\n00:00:00,050 --> 00:00:00,150\nGrüße\n\n2\n00:00:09,000 --> 00:00:10,000\nlate\n")
    path = tmp_path / f"a{suffix}"
    render(motion, path, subtitle_track=tmp_path / "a.srt", size=32, backend=BACKEND)
    with av.open(str(path)) as file:
        said = [packet for packet in file.demux(file.streams.subtitles[0]) if packet.size > 2]
        assert [bytes(packet).decode(errors="replace")[-5:] for packet in said] == ["Grüße"]
        assert abs(float(said[0].pts * said[0].time_base) - 0.05) < 2e-3
    with av.open(str(path)) as file:
        assert sum(1 for _ in file.decode(video=0)) == 6


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
@pytest.mark.parametrize("background", ["studio", "transparent"])
def test_animated_pictures_repeat_in_time(motion, drawn, tmp_path, suffix, background):
    path = tmp_path / f"a{suffix}"
    render(motion, path, size=SIZE, backend=BACKEND, background=background)
    with Image.open(path) as picture:
        durations, shown = [], []
        for t in range(picture.n_frames):
            picture.seek(t)
            picture.load()
            durations.append(picture.info["duration"])
            shown.append(np.asarray(picture.convert("RGBA")).astype(int))
        assert picture.info["loop"] == 0
    assert len(shown) == 6 and abs(sum(durations) - 200) <= 10
    assert shown[0][0, 0, 3] == (255 if background == "studio" else 0)
    want = image(motion, 0, size=SIZE, backend=BACKEND).astype(int) if background == "studio" else drawn
    inside = drawn[..., 3] > 250
    assert np.abs(shown[0][..., :3] - want[..., :3])[inside].mean() < 8
    assert np.abs(shown[5] - shown[0]).max() > 40


def test_a_gif_is_no_faster_than_browsers_show(head, tmp_path):
    motion = Animation(np.zeros((12, len(head.names)), np.float32), 60.0, head)
    render(motion, tmp_path / "a.gif", size=16, backend=BACKEND)
    with av.open(str(tmp_path / "a.gif")) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert len(times) == 10 and min(np.diff(times)) > 0.0199


def test_frames_are_a_folder_of_their_own(motion, tmp_path):
    render(motion, tmp_path / "f" / "%03d.png", size=32, backend=BACKEND, background="transparent")
    assert sorted(p.name for p in (tmp_path / "f").iterdir()) == [f"{t:03d}.png" for t in range(6)]
    with Image.open(tmp_path / "f" / "000.png") as picture:
        assert picture.mode == "RGBA"
    render(motion, tmp_path / "f" / "%03d.png", size=16, backend=BACKEND)  # ours are replaced
    (tmp_path / "f" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"a folder with other files, such as mine\.txt"):
        render(motion, tmp_path / "f" / "%03d.png", size=16, backend=BACKEND)


def test_a_still_shows_its_moment(motion, tmp_path):
    render(motion, tmp_path / "a.png", at=0.19, size=SIZE, backend=BACKEND)
    shown = np.asarray(Image.open(tmp_path / "a.png"))
    assert (shown == image(motion, 5, size=SIZE, backend=BACKEND)).all()
    render(motion, tmp_path / "a.jpg", at=0.0, size=SIZE, backend=BACKEND)
    assert (
        np.abs(np.asarray(Image.open(tmp_path / "a.jpg")).astype(int) - image(motion, 0, size=SIZE, backend=BACKEND)).mean() < 3
    )


def test_a_sheet_has_as_many_pictures_as_asked_for(motion, tmp_path):
    render(motion, tmp_path / "a.png", sheet="4", size=32, backend=BACKEND)
    assert np.multiply(*Image.open(tmp_path / "a.png").size) >= 4 * 32 * 32
    from dataclasses import replace

    said = replace(motion, meta={"phones": [[0, 0.05, "AH0"], [0.05, 0.2, "M"], [0.2, 0.3, "OW1"]]})
    render(said, tmp_path / "b.png", sheet="phonemes", size=32, backend=BACKEND)
    assert Image.open(tmp_path / "b.png").size == (64, 32)  # the third is not said before the end


def test_the_camera_goes_round(motion, tmp_path):
    render(motion, tmp_path / "f" / "%d.png", size=SIZE, backend=BACKEND, turntable=0.5)  # 15 frames a turn
    shown = np.asarray(Image.open(tmp_path / "f" / "5.png")).astype(int)
    aside = image(motion, 5, size=SIZE, backend=BACKEND, camera="front,yaw=120").astype(int)
    assert np.abs(shown - aside).mean() < 0.1


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.mp4", {"background": "transparent"}, ".mp4 cannot be transparent; write .mov .webm .gif .webp .png"),
        ("a.jpg", {"background": "transparent"}, ".jpg cannot be transparent"),
        ("a.mp4", {"at": 1.0}, "--at is for one picture"),
        ("a.png", {"at": 9.0}, "nothing at 9 s: the animation lasts 0.20 s"),
        ("a.png", {"at": 0.1, "sheet": "3"}, "leave one of them out"),
        ("a.png", {"sheet": "0"}, "sheet '0'"),
        ("a.png", {"sheet": "phonemes"}, "keeps no phonemes"),
        ("a.mp4", {"background": "bluish"}, "background 'bluish': write a colour"),
        ("a.mp4", {"background": "none.png"}, "none.png: no such file"),
        ("a.mp4", {"lights": "studoi"}, "did you mean 'studio'"),
        ("a.mp4", {"look": "oil"}, "choose one of shaded, clay"),
        ("a.mp4", {"turntable": 0.0}, "turntable is 0"),
        ("a.mp4", {"camera": "front,zoom=2"}, "no setting of a camera 'zoom'"),
        ("a.mp4", {"camera": "yaw=left"}, "yaw is 'left'"),
        ("a.gif", {"subtitle_track": "auto"}, "--subtitle-track is for films"),
        ("a.mp4", {"subtitles": "auto"}, "keeps no words"),
        ("a.mp4", {"subtitles": "none.srt"}, "none.srt"),
        ("%04d.png", {}, "frames have a folder to themselves"),
    ],
)
def test_wrong_wishes_are_one_line_and_no_file(motion, tmp_path, monkeypatch, name, options, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        render(motion, name, size=16, backend=BACKEND, **options)
    assert words in str(error.value) and "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_gif_says_that_it_has_no_sound(motion, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 3200), 16000)
    with pytest.warns(InputWarning, match=r"\.gif has no sound"):
        render(motion, tmp_path / "a.gif", audio=tmp_path / "a.wav", size=16, backend=BACKEND)


def test_how_long_it_takes_is_told_once(monkeypatch):
    import io

    from rich.console import Console

    from talkinghead.rendering.output import pace

    clock = iter(np.arange(0, 1000, 0.5))
    monkeypatch.setattr(pace.time, "monotonic", lambda: float(next(clock)))
    log, screen = (Console(file=io.StringIO(), force_terminal=terminal, width=40) for terminal in (False, True))
    for console, count in ((log, 300), (log, 30), (screen, 30)):
        assert len(list(pace.timed([np.zeros(1)] * count, count, "a.mp4", console))) == count
    assert log.file.getvalue() == "talkinghead: a.mp4: 300 frames, about 2 min to go (2 a second)\n"
    assert screen.file.getvalue() == "talkinghead: a.mp4: 30 frames, about 12 s to go (2 a second)\n"
    assert [pace.in_words(s) for s in (20.4, 200, 7800)] == ["about 20 s", "about 3 min", "about 2 h 10 min"]
