"""Alignment of the recording that ships, whose words are known, and of what people write."""

import sys

import numpy as np
import pytest

from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.speech import align as aligning
from talkinghead.speech.align import align, number, sounds, spoken
from talkinghead.speech.phonemes import PHONES, arpabet

TEXT = "Hello! I am a talking head. Play me a voice, and watch my mouth move as you speak."


@pytest.fixture(scope="module")
def found(sample):
    pytest.importorskip("pocketsphinx")
    return align(load_audio(sample), TEXT)


def test_words_are_found_in_order(found):
    assert [word for _, _, word in found.words] == [w.strip("!.,").lower() for w in TEXT.split()]
    assert found.guessed == ()


def test_phonemes_have_no_gaps_and_known_names(found, sample):
    ends = [end for _, end, _ in found.phones]
    assert [start for start, _, _ in found.phones][1:] == ends[:-1]
    assert found.phones[0][0] == 0.0 and ends[-1] == pytest.approx(len(load_audio(sample)) / 16000, abs=1e-3)
    assert all(arpabet(name) in PHONES for _, _, name in found.phones)


def test_pauses_are_where_it_is_quiet(found, sample):
    wave = load_audio(sample)

    def power(silent: bool) -> float:
        parts = [wave[int(a * 16000) : int(b * 16000)] for a, b, name in found.phones if (name == "SIL") == silent]
        return float(np.mean(np.concatenate(parts) ** 2))

    assert sum(name == "SIL" for _, _, name in found.phones) >= 4
    assert power(True) < 0.02 * power(False)


def test_known_times_of_a_shifted_recording(found, sample):
    """Half a second later in, half a second later out."""
    wave = load_audio(sample)
    later = align(np.concatenate([np.zeros(8000, np.float32), wave]), TEXT)
    shift = [b[0] - a[0] for a, b in zip(found.words, later.words, strict=True)]
    assert np.abs(np.array(shift) - 0.5).max() < 0.03


def test_what_was_aligned_before_changes_nothing(found, sample):
    wave = load_audio(sample)
    align(wave[: 3 * 16000] * 0.1, "Hello! I am a talking head.")
    assert align(wave, TEXT) == found


def test_a_word_that_no_dictionary_has(sample):
    pytest.importorskip("pocketsphinx")
    found = align(load_audio(sample), TEXT.replace("Hello", "Hellohzz"))
    assert found.guessed == ("hellohzz",) and found.words[0][2] == "hellohzz"


def test_what_people_write():
    assert spoken("Dr. Smith’s 21 cats, 1,984 & 5% more!") == (
        "doctor smith's twenty one cats one thousand nine hundred eighty four and five percent more".split()
    )
    assert spoken("12345678901234") == "one two three four five six seven eight nine zero one two three four".split()
    assert spoken("你好 ... !") == []
    assert number(0) == ["zero"] and number(1_000_000) == ["one", "million"] and number(115) == ["one", "hundred", "fifteen"]


def test_guesses_are_phonemes():
    assert sounds("shane").split() == ["SH", "AE", "N"]
    assert sounds("phoebe").split()[0] == "F"
    for word in ("xqz", "aaaa", "naïve", "tchaikovsky", "ßø"):
        assert all(name in PHONES for name in sounds(word).split())


@pytest.mark.parametrize(("wave", "text", "told"), [(1.0, "?!", "no words"), (700.0, "hello", "at most 600")])
def test_what_cannot_be_aligned_is_told(wave, text, told):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(InputError, match=told):
        align(np.zeros(int(wave * 16000), np.float32), text)


def test_words_that_were_not_said(sample):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(InputError, match="does not fit the sound"):
        align(load_audio(sample)[:8000], TEXT * 3)


def test_without_the_aligner(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setattr(aligning, "find_spec", lambda name: None)
    monkeypatch.setattr(aligning.ctc_align, "forced_align", lambda: None)
    with pytest.raises(InputError, match=r"talkinghead\[align\]"):
        align(np.ones(16000, np.float32), "hello")
