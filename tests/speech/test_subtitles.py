"""Subtitles of files and of words with times."""

import pytest

from talkinghead.errors import InputError
from talkinghead.speech.subtitles import Cue, from_words, read_subtitles, shown_at
from talkinghead.speech.written import read_transcript

SRT = "1\n00:00:00,500 --> 00:00:01,250\n<i>Hello</i>\nthere &amp; [music]\n\n2\n00:01:02,000 --> 00:01:03,000\nBye.\n"
VTT = "WEBVTT\n\nintro\n00:00.500 --> 00:01.250 align:start\nHello there\n"


def test_srt_and_vtt(tmp_path):
    (tmp_path / "a.srt").write_text(SRT)
    assert read_subtitles(tmp_path / "a.srt") == [Cue(0.5, 1.25, "Hello there &"), Cue(62.0, 63.0, "Bye.")]
    (tmp_path / "a.vtt").write_text(VTT)
    assert read_subtitles(tmp_path / "a.vtt") == [Cue(0.5, 1.25, "Hello there")]


def test_cues_without_empty_lines_between_them(tmp_path):
    (tmp_path / "a.srt").write_text(SRT.replace("\n\n", "\n"))
    assert read_subtitles(tmp_path / "a.srt") == [Cue(0.5, 1.25, "Hello there &"), Cue(62.0, 63.0, "Bye.")]
    assert read_transcript(str(tmp_path / "a.srt")) == "Hello\nthere &\nBye."


def test_words_become_lines_that_end_with_sentences_and_pauses():
    words = ((0.0, 0.3, "hello"), (0.3, 0.6, "there"), (0.7, 1.0, "how"), (1.0, 1.2, "are"), (3.0, 3.4, "you"))
    cues = from_words(words, "Hello there. How are you?".split())
    assert [cue.text for cue in cues] == ["Hello there.", "How are", "you?"]
    assert cues[0].end == 0.7 and cues[1].end == pytest.approx(1.7)  # until the next, or a little longer
    assert shown_at(cues, 0.65) == "Hello there." and shown_at(cues, 2.5) == ""
    many = tuple((t / 5, t / 5 + 0.2, "word") for t in range(60))
    assert max(len(cue.text) for cue in from_words(many)) <= 70


def test_ctm(tmp_path):
    (tmp_path / "a.ctm").write_text("rec 1 0.5 0.2 world\nrec 1 0.1 0.3 hello\n")
    assert read_subtitles(tmp_path / "a.ctm")[0].text == "hello world"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.srt", "no times", "has no subtitles with times"),
        ("a.txt", "Hello there.", "give the sound with --audio"),
        ("a.doc", "Hello", "subtitles are read from .srt"),
        ("a.ctm", "rec 1 x y word", "line 1"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_subtitles(tmp_path / name)
    with pytest.raises(InputError, match="No such file"):
        read_subtitles(tmp_path / "gone.srt")


@pytest.mark.parametrize(
    ("name", "text"), [("a.ctm", ";; nothing said\n"), ("a.srt", f"1\n{'9' * 5000}:00:00,000 --> 00:00:01,000\nyou\n")]
)
def test_what_has_no_words_is_told_in_a_line(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=rf"{name}: has no subtitles"):
        read_subtitles(tmp_path / name)
