"""`animate --transcript`: whoever knows the words needs no model."""

import subprocess
import sys

import numpy as np
import pytest

from talkinghead.animation import Animation
from talkinghead.cli import main
from talkinghead.errors import InputError
from talkinghead.face.head import Head
from talkinghead.transcript import animate_transcript, read_transcript

TEXT = "Hello! I am a talking head. Play me a voice, and watch my mouth move as you speak."


@pytest.fixture(scope="module")
def spoken(sample):
    pytest.importorskip("pocketsphinx")
    return animate_transcript(sample, TEXT, fps=50)


def test_lips_shut_where_the_words_say(spoken, sample):
    aperture = spoken.lip_aperture()
    found = [(start, end) for start, end, name in spoken.meta["phones"] if name in ("M", "P", "B")]
    assert len(found) == 7  # am, play, me, my, mouth, move, speak
    for start, end in found:
        assert aperture[np.abs(spoken.times - (start + end) / 2) < 0.02].min() < 1e-3
    assert aperture.max() > 5e-3


def test_eyes_live_and_lips_stay_as_they_are(spoken, sample):
    still = animate_transcript(sample, TEXT, fps=50, idle=0)
    assert still.rotation is None and spoken.rotation is not None
    assert np.abs(still.lip_aperture() - spoken.lip_aperture()).max() < 1e-6
    assert not np.array_equal(animate_transcript(sample, TEXT, fps=50, seed=1).rotation, spoken.rotation)


def test_any_head(sample):
    pytest.importorskip("pocketsphinx")
    head = Head.default(age=60, gender="female")
    assert animate_transcript(sample, TEXT, head=head).head is head


def test_the_command_line_takes_words_or_a_file(sample, tmp_path, monkeypatch, capsys):
    pytest.importorskip("pocketsphinx")
    (tmp_path / "said.txt").write_text(TEXT)
    for name, text in (("a", TEXT), ("b", str(tmp_path / "said.txt"))):
        argv = ["talkinghead", "animate", str(sample), "--transcript", text, "-o", str(tmp_path / f"{name}.npz")]
        monkeypatch.setattr(sys, "argv", argv)
        assert not main()
    a, b = (Animation.load(tmp_path / f"{name}.npz") for name in "ab")
    assert np.array_equal(a.coefficients, b.coefficients) and a.fps == 30
    assert a.meta["synthesised"] is True


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--transcript", "hello", "--style", "a"], "--style is the model's"),
        (["--transcript", "!"], "no words"),
        (["--transcript", "missing.txt"], "missing.txt: No such file"),
    ],
)
def test_what_does_not_go_together_is_told(sample, tmp_path, monkeypatch, capsys, more, told):
    pytest.importorskip("pocketsphinx")
    monkeypatch.setattr(sys, "argv", ["talkinghead", "animate", str(sample), *more, "-o", str(tmp_path / "x.npz")])
    assert main() == 2
    assert told in capsys.readouterr().err and not (tmp_path / "x.npz").exists()


def test_no_model_and_no_torch_is_loaded(sample):
    pytest.importorskip("pocketsphinx")
    code = f"import sys; from talkinghead.transcript import animate_transcript as a; a({str(sample)!r}, {TEXT!r}); "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)


def test_long_files_are_no_transcripts(tmp_path):
    (tmp_path / "long.txt").write_text("a " * (1 << 20))
    with pytest.raises(InputError, match="too large"):
        read_transcript(str(tmp_path / "long.txt"))
    assert read_transcript("just words") == "just words"
