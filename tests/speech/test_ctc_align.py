"""Alignment on a network's posteriors: made-up posteriors whose times are known."""

from types import SimpleNamespace

import naive_align
import numpy as np
import pytest

from talkinghead.errors import InputError
from talkinghead.speech import align as aligning
from talkinghead.speech import ctc_align
from talkinghead.speech.fit import fitting, judged
from talkinghead.speech.phonemes import PHONES

SAID = (
    ("SIL", 10),
    ("HH", 4),
    ("AY", 8),
    ("SIL", 5),
    ("B", 3),
    ("AA", 6),
    ("B", 3),
    ("SIL", 1),
    ("B", 4),
    ("IY", 6),
    ("SIL", 8),
)


def made(said=SAID, rate: float = 50.0) -> np.ndarray:
    """(T, P) log-probabilities that tell what is said, with doubt."""
    rng, labels = np.random.default_rng(0), [PHONES.index(name) for name, count in said for _ in range(count)]
    scores = rng.normal(0, 0.5, (len(labels), len(PHONES)))
    scores[np.arange(len(labels)), labels] += 5
    return np.log(np.exp(scores) / np.exp(scores).sum(1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def aligner(monkeypatch):
    if ctc_align.forced_align() is None:  # no torchaudio for this torch
        monkeypatch.setattr(ctc_align, "forced_align", lambda: naive_align.forced_align)


WORDS = {"hi": ["HH", "AY"], "bob": ["B", "AA", "B"], "bee": ["B", "IY"], "zoo": ["Z", "UW"], "fish": ["F", "IH", "SH"]}


def placed(text, posteriors=None):
    words = text.split()
    return ctc_align.place(made() if posteriors is None else posteriors, PHONES, words, [WORDS[word] for word in words])


def judge(text, posteriors=None):
    return judged(fitting(placed(text, posteriors), ctc_align.LIMITS), ctc_align.LIMITS, 58 / 50)


def test_phonemes_are_found_where_they_are():
    words, phones, unheard, unwritten = judge("hi bob bee")
    assert [w for _, _, w in words] == ["hi", "bob", "bee"] and unheard == unwritten == ()
    assert [p for _, _, p in phones] == ["SIL", "HH", "AY", "SIL", "B", "AA", "B", "B", "IY", "SIL"]
    expected = np.array([0, 10, 14, 22, 27, 30, 36, 39, 44, 50, 58]) / 50
    assert np.abs([start for start, _, _ in phones] - expected[:-1]).max() <= 0.0201
    assert [end for _, end, _ in phones][:-1] == [start for start, _, _ in phones][1:]
    assert words[1][0] == pytest.approx(27 / 50, abs=0.021) and words[2][1] == pytest.approx(1.0, abs=0.021)


def test_words_that_were_not_said_do_not_fit():
    with pytest.raises(InputError, match="does not fit"):
        judge("zoo zoo zoo")
    with pytest.raises(InputError, match="does not fit"):
        judge("hi " * 9, made()[:5])
    with pytest.raises(InputError, match="lack"):
        ctc_align.place(made(), [p for p in PHONES if p != "HH"], ["hi"], [["HH", "AY"]])


def test_words_and_sound_that_miss_each_other_are_told():
    words, _, unheard, unwritten = judge("hi fish bee")
    assert [w for _, _, w in words] == ["hi", "bee"] and unheard == ("fish",) and unwritten == ()
    words, phones, unheard, unwritten = judge("hi")
    assert len(words) == 1 and unheard == ()
    assert np.abs(np.array(unwritten) - [[0.44, 1.16]]).max() < 0.021 and phones[-1] == (*unwritten[0], "SIL")


def test_a_model_that_knows_phonemes_aligns():
    """As `align` is asked: the network is any object with posteriors and names."""
    pytest.importorskip("pocketsphinx")
    recogniser = SimpleNamespace(phones=list(PHONES), posteriors=lambda wave: made())
    found = aligning.align(np.zeros(58 * 320, np.float32), "Hi! Bob, bee.", find_recogniser=lambda: recogniser)
    assert [w for _, _, w in found.words] == ["hi", "bob", "bee"] and found.guessed == ()
    assert found.phones[1][0] == pytest.approx(0.2, abs=0.021) and found.phones[-1][1] == pytest.approx(58 / 50)


def test_short_silences_belong_to_what_follows():
    """Closures of stops, and what keeps two alike apart; between words longer ones are pauses."""
    parts = placed("hi bob bee")
    assert [part.text for part in parts] == ["", "hi", "", "bob", "bee", ""]
    assert parts[4].phones[0][:2] == pytest.approx((39 / 50, 44 / 50))


def test_long_recordings_are_heard_in_pieces():
    """Posteriors of a recording of 70 s are those of its pieces, in their places."""
    heard = []

    def posteriors(wave):
        heard.append(len(wave) / 16000)
        return wave[160::320, None]

    wave = np.arange(70 * 16000, dtype=np.float32)
    found = ctc_align.posteriors(SimpleNamespace(posteriors=posteriors), wave)
    assert np.array_equal(found[:, 0], wave[160::320]) and max(heard) <= ctc_align.PIECE + 2 * ctc_align.MARGIN


def test_engines(monkeypatch):
    with pytest.raises(InputError, match="'kaldi' is not known; choose auto, pocketsphinx or model"):
        aligning.choose_engine("kaldi")
    monkeypatch.setattr(ctc_align, "forced_align", lambda: None)
    with pytest.raises(InputError, match="torchaudio"):
        aligning.align(np.ones(16000, np.float32), "hello", "model")
