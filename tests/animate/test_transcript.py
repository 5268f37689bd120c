"""`animate --transcript`: whoever knows the words needs no model."""

import subprocess
import sys

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.animate import transcript
from talkinghead.animate.transcript import animate_transcript
from talkinghead.audio.load import load_audio
from talkinghead.cli import main
from talkinghead.errors import InputError, InputWarning
from talkinghead.head.head import Head
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.speech import align

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


def test_the_tongue_is_up_at_l_and_down_in_open_vowels(spoken):
    def tip(*names):
        spans = [(start, end) for start, end, name in spoken.meta["phones"] if name in names]
        return np.mean([spoken.tongue[np.abs(spoken.times - (start + end) / 2) < 0.02, 0].mean() for start, end in spans])

    assert tip("L", "T", "D", "N") > tip("AA", "AE", "AY", "AW") + 0.004  # metres


def test_the_model_speaks_where_there_are_no_words(spoken, sample):
    with pytest.warns(InputWarning, match=r"no words for the sound at 2\.\d to 5\.\d s, where the model speaks"):
        half = animate_transcript(sample, TEXT[:28], fps=50, idle=0)
    early, late = half.times < 1.8, half.times > 2.6
    assert np.abs(half.lip_aperture() - spoken.lip_aperture())[early].max() < 1e-3
    assert half.lip_aperture()[late].max() > 5e-3  # metres
    assert np.corrcoef(half.lip_aperture()[late], spoken.lip_aperture()[late])[0, 1] > 0.5


def test_eyes_live_and_lips_stay_as_they_are(spoken, sample):
    still = animate_transcript(sample, TEXT, fps=50, idle=0)
    assert still.rotation is None and spoken.rotation is not None
    assert np.abs(still.lip_aperture() - spoken.lip_aperture()).max() < 1e-6
    assert not np.array_equal(animate_transcript(sample, TEXT, fps=50, seed=1).rotation, spoken.rotation)


@pytest.fixture(scope="module")
def aligned(sample):
    pytest.importorskip("pocketsphinx")
    return align.align(load_audio(sample), TEXT)


@pytest.fixture
def feeling(sample, aligned, monkeypatch):
    """Says the text at 50 frames a second, still."""
    monkeypatch.setattr(transcript, "align", lambda wave, text, **how: aligned)
    return lambda **how: animate_transcript(sample, TEXT, fps=50, **{"idle": 0, **how})


@pytest.mark.parametrize("emotion", EMOTIONS[1:])
def test_lips_shut_under_every_emotion(feeling, emotion):
    neutral, shown = feeling(), feeling(emotion=emotion)
    moved = np.abs(shown.coefficients - neutral.coefficients)
    names = shown.head.names
    assert moved[:, [name.startswith(("brow", "eye", "cheek", "nose")) for name in names]].max() > 0.1
    for how in ({}, {"expressiveness": 3}, {"articulation": 1.5, "lower_face": 1.5}):
        motion = feeling(emotion=emotion, **how)
        aperture = 1000 * motion.lip_aperture()
        for start, end, name in motion.meta["phones"]:
            if name in ("M", "P", "B"):
                assert aperture[(motion.times > start) & (motion.times < end)].min() < 0.1, (how, start)
        assert 0 <= motion.coefficients.min() and motion.coefficients.max() <= 1
    assert np.corrcoef(shown.lip_aperture(), neutral.lip_aperture())[0, 1] > 0.9
    half = np.abs(feeling(emotion=emotion, intensity=0.5).coefficients - neutral.coefficients).sum()
    assert 0 < half < moved.sum()


def test_no_intensity_is_neutral_and_dials_scale_their_part(feeling):
    neutral, sad = feeling().coefficients, feeling(emotion="sad").coefficients
    assert np.array_equal(feeling(emotion="sad", intensity=0).coefficients, neutral)
    assert np.array_equal(feeling(emotion="sad", upper_face=0, lower_face=0).coefficients, np.zeros_like(neutral))
    assert np.abs(feeling(emotion="sad", seed=5).coefficients - sad).max() > 1e-3  # another manner
    assert feeling(articulation=0.5).lip_aperture().mean() < 0.8 * feeling().lip_aperture().mean()
    curve = feeling(emotion=[{"time": 2, "emotion": "neutral"}, {"time": 3, "emotion": "sad"}])
    assert np.abs(curve.coefficients[:95] - neutral[:95]).max() < 1e-6
    assert np.abs(curve.coefficients[160:] - sad[160:]).max() < 1e-6
    assert curve.meta["emotion"]["keys"][1]["time"] == 3
    with pytest.raises(InputError, match="articulation is 4"):
        feeling(articulation=4)


def test_head_and_eyes_go_with_the_emotion(feeling):
    neutral, sad, still = feeling(idle=1), feeling(idle=1, emotion="sad"), feeling(idle=1, emotion="sad", expressiveness=0)
    assert np.abs(sad.rotation - neutral.rotation).max() > 0.01 and np.abs(sad.gaze - neutral.gaze).max() > 0.01
    assert still.rotation is None


def test_the_voice_tells_here_as_well(feeling):
    told = feeling(emotion="auto", intensity=0.5).meta["emotion"]
    assert told["found"] and told["spec"] == "auto" and told["intensity"] == 0.5


def test_any_head(sample):
    pytest.importorskip("pocketsphinx")
    head = Head.default(age=60, gender="female")
    assert animate_transcript(sample, TEXT, head=head).head is head


def test_the_command_line_takes_words_or_a_file(sample, tmp_path, monkeypatch, capsys):
    pytest.importorskip("pocketsphinx")
    (tmp_path / "said.txt").write_text(TEXT)
    for name, text in (("a", TEXT), ("b", str(tmp_path / "said.txt"))):
        argv = ["talkinghead", "animate", str(sample), "--transcript", text, "-o", str(tmp_path / f"{name}.npz")]
        argv += ["--emotion", "happy", "--intensity", "0.7", "--expressiveness", "1.2"]
        monkeypatch.setattr(sys, "argv", argv)
        assert not main()
    a, b = (Animation.load(tmp_path / f"{name}.npz") for name in "ab")
    assert np.array_equal(a.coefficients, b.coefficients) and a.fps == 30
    assert a.meta["synthesised"] is True
    assert a.meta["emotion"] == {"spec": "happy", "intensity": 0.7} and a.meta["expressiveness"] == 1.2
    smile = a.coefficients[:, a.head.index("mouthSmileLeft")]
    assert smile.mean() > 0.15


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
    code = f"import sys; from talkinghead.animate.transcript import animate_transcript as a; a({str(sample)!r}, {TEXT!r}); "
    subprocess.run([sys.executable, "-c", code + "assert 'torch' not in sys.modules"], check=True)
