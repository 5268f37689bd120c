"""Transcripts in files of every kind."""

from __future__ import annotations

import pytest
from strangers import check_damaged

from talkinghead.errors import InputError
from talkinghead.speech.written import read_transcript

SRT = """1
00:00:00,000 --> 00:00:01,500
<i>Hello!</i> I am

2
00:00:01,500 --> 00:00:03,000
- a {\\an8}talking head. [MUSIC]
"""
VTT = """WEBVTT

NOTE not said

first
00:00.000 --> 00:01.500 align:start
<v Ann>Hello!</v> I am

00:01.500 --> 00:03.000
Hello! I am
a <00:02.000><c>talking</c> head.
"""
CTM = ";; a comment\nx 1 0.5 0.2 am 0.9\nx 1 0.0 0.4 Hello\nx 1 0.4 0.1 I\nx 1 0.7 0.2 <eps>\n"
HEADER = 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n2\n<exists>\n1\n'
GRID = HEADER + '"IntervalTier"\n"words"\n0\n2\n3\n0\n1\n"Hello"\n1\n1.5\n""\n1.5\n2\n"I"\n'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "Hello! 1st", "Hello! 1st"),
        ("a.srt", SRT, "Hello! I am\na talking head."),
        ("a.SRT", SRT.replace("\n", "\r\n"), "Hello! I am\na talking head."),
        ("b.srt", "2\n00:00:05,0 --> 00:00:06,0\nheard\n\n1\n00:00:01,0 --> 00:00:05,5\nHello\n", "Hello\nheard"),
        ("a.vtt", VTT, "Hello! I am\na talking head."),
        ("a.ctm", CTM, "Hello I am"),
        ("a.TextGrid", GRID, "Hello I"),
        ("b.TextGrid", "".join(f"{c}\0" for c in GRID), "Hello I"),
    ],
)
def test_what_is_said_in_a_file(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content.encode())
    assert read_transcript(str(tmp_path / name)) == said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_accents_survive_every_encoding(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("at the café".encode(encoding))
    assert read_transcript(str(tmp_path / "a.txt")) == "at the café"


@pytest.mark.parametrize("name", ["words.docx", "a b.json", "said.lab"])
def test_other_kinds_are_refused(tmp_path, name):
    (tmp_path / name).write_text("hello")
    with pytest.raises(InputError, match=r"or a file of the kinds \.txt, \.srt, \.vtt, \.textgrid, \.ctm"):
        read_transcript(str(tmp_path / name))


def test_files_without_words_or_of_many_recordings(tmp_path):
    for name, content, told in (
        ("a.srt", "1\n00:00:00,000 --> 00:00:01,500\n[MUSIC]\n", "has no words"),
        ("b.ctm", CTM + "y 1 0 1 other\n", "2 recordings"),
        ("c.ctm", "x 1 zero\n", "c.ctm, line 1"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(InputError, match=told):
            read_transcript(str(tmp_path / name))
    with pytest.raises(InputError, match=r"missing\.vtt: No such file"):
        read_transcript("missing.vtt")


@pytest.mark.parametrize("text", ["Hello. I am a head.", "It costs 3.50", "e.g. this", "word"])
def test_sentences_are_no_files(text):
    assert read_transcript(text) == text


def test_long_files_are_no_transcripts(tmp_path):
    (tmp_path / "long.txt").write_text("a " * (1 << 20))
    with pytest.raises(InputError, match="too large"):
        read_transcript(str(tmp_path / "long.txt"))
    assert read_transcript("just words") == "just words"


@pytest.mark.parametrize("name", ["text", "srt", "ctm", "textgrid", "cues_vtt", "cues_ctm"])
def test_damaged_files_are_read_or_refused_in_a_line(name, tmp_path):
    check_damaged(name, tmp_path)
