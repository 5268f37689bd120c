"""Alignment of the recording that ships, whose words are known, and of what people write."""

import sys

import numpy as np
import pytest

from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.speech import align as aligning
from talkinghead.speech.align import align, pronounce, sounds
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


def test_guesses_are_phonemes():
    assert sounds("shane").split() == ["SH", "AE", "N"]
    assert sounds("phoebe").split()[0] == "F"
    for word in ("xqz", "aaaa", "naïve", "tchaikovsky", "ßø"):
        assert all(name in PHONES for name in sounds(word).split())


@pytest.mark.parametrize(
    ("wave", "text", "told"),
    [(1.0, "?!", "no words"), (700.0, "hello", "700 seconds in one piece; with a transcript at most 600 are taken")],
)
def test_what_cannot_be_aligned_is_told(wave, text, told):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(InputError, match=told):
        align(np.zeros(int(wave * 16000), np.float32), text)


def test_accents_are_no_new_words():
    dictionary = {"cafe": "K AH F EY", "naïve": "N AY IY V", "james": "JH EY M Z"}.get
    assert pronounce("café", dictionary) == ("K AH F EY", True) and pronounce("naïve", dictionary)[0] == "N AY IY V"
    assert pronounce("cafés", dictionary)[1] is False and pronounce("james's", dictionary) == ("JH EY M Z IH Z", True)


def test_words_beyond_the_latin_alphabet_are_told():
    pytest.importorskip("pocketsphinx")
    with pytest.raises(InputError, match="'мир', whose letters are not Latin"):
        align(np.ones(16000, np.float32), "hello мир")


def test_half_a_transcript_leaves_the_other_half_open(sample, found):
    first, second = align(load_audio(sample), TEXT[:28]), align(load_audio(sample), TEXT[28:])
    (start, end), (begin, stop) = *first.unwritten, *second.unwritten
    assert start == pytest.approx(2.2, abs=0.2) and end > 5.4 and begin == 0 and stop == pytest.approx(2.2, abs=0.2)
    assert first.words == found.words[: len(first.words)] and len(first.words) + len(second.words) == len(found.words)
    assert found.unwritten == () and found.unheard == ()


def test_words_that_the_sound_has_not_are_named(sample, found):
    odd = align(load_audio(sample), TEXT.replace("talking head", "purple elephant"))
    assert odd.unheard == ("purple", "elephant")
    ((start, end),) = odd.unwritten
    assert all(name == "SIL" for a, b, name in odd.phones if a >= start and b <= end)
    assert odd.words[-1] == found.words[-1]
    assert "friends" in align(load_audio(sample), TEXT + " And goodbye my dear friends").unheard


@pytest.mark.parametrize("text", ["The weather is very nice in the mountains today", "I like apples and bananas very much"])
def test_a_wrong_sentence_is_refused(sample, text):
    pytest.importorskip("pocketsphinx")
    with pytest.raises(InputError, match="does not fit the sound"):
        align(load_audio(sample), text)


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
