"""Files with what is said in one recording -> its words as text: plain text, subtitles, times of words."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.inputs import check_plain
from talkinghead.io.files import encoding_of
from talkinghead.speech.textgrid import PAUSES, read_textgrid, words_and_phonemes

LONGEST = 1 << 20  # bytes of a transcript
NAMED = re.compile(r"\S+\.[A-Za-z][A-Za-z0-9]{1,8}")  # what looks like a file's name and not like a sentence
CLOCK = re.compile(r"\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})")
TIMES = re.compile(r"^.*-->.*$")  # a cue of .srt and .vtt: its times, then its text up to an empty line
MOST = r"{0,400}"  # characters in brackets: without a bound, brackets that do not end take a time that grows with their square
MARKUP = re.compile(
    rf"<[^>]{MOST}>|\{{\\[^}}]{MOST}\}}|\[[^\]]{MOST}\]|\([^)]{MOST}\)|[♪♫]+|^\s*(?:-|>>+)\s*|^[A-Z][A-Z .]+:\s", re.MULTILINE
)


def read_transcript(text: str) -> str:
    """What is said: the words of the file that `text` names, or the text itself.

    Raises InputError for a file that is not there, too large, not of a kind in READERS, or that has no words.
    """
    suffix = Path(text).suffix.lower() if "\n" not in text else ""
    if suffix not in READERS:
        if "\n" not in text and (NAMED.fullmatch(text) or _is_file(text)):
            kinds = ", ".join(READERS)
            raise InputError(f"{text}: a transcript is the words themselves, or a file of the kinds {kinds}")
        return text
    path = Path(text)
    words = READERS[suffix](path)
    if not words.split():
        raise InputError(f"{path}: has no words")
    return words


def read_text(path: Path) -> str:
    """A short text file in UTF-8, UTF-16 or what Windows had before. Raises InputError."""
    check_plain(path)
    try:
        if path.stat().st_size > LONGEST:
            raise InputError(f"{path}: too large for the words of one recording")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    encoding = encoding_of(data)
    if encoding != "utf-8-sig":
        return data.decode(encoding, "replace")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _subtitles(path: Path) -> str:
    """The text of the cues of .srt and .vtt in the order of their times, whatever that of the file.

    Markup, sounds in brackets and speakers are left out, and lines that roll on are there once.
    """
    cues: list[tuple[float, list[str]]] = []
    for times, text in cues_of(read_text(path)):
        clock = CLOCK.match(times)
        cues.append((seconds_of(clock.groups()) if clock else cues[-1][0] if cues else 0.0, text))
    lines: list[str] = []
    for line in (line for _, text in sorted(cues, key=lambda entry: entry[0]) for line in text):
        said = " ".join(MARKUP.sub(" ", html.unescape(line)).split())
        if said and said not in lines[-2:]:
            lines.append(said)
    return "\n".join(lines)


def cues_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the line with the times of each cue of .srt and .vtt, and the lines of its text.

    A cue ends at an empty line; where that is missing, before the next one, whose number in front is no text.
    """
    times, lines = None, []
    for line in [*text.splitlines(), ""]:
        if TIMES.match(line):
            if times is not None:
                yield times, lines[:-1] if lines and lines[-1].strip().isdecimal() else lines
            times, lines = line, []
        elif times is not None and line.strip():
            lines.append(line)
        elif times is not None:
            yield times, lines
            times = None


def seconds_of(clock: Sequence[str | None]) -> float:
    """Seconds of the four groups of CLOCK: hours, minutes, seconds and the digits of their fraction."""
    hours, minutes, seconds, fraction = clock
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0) + float(f"0.{fraction}")


def _ctm(path: Path) -> str:
    """NIST's conversation time marks: recording, channel, start, duration, word, and perhaps a confidence."""
    words, recordings = [], set()
    for number, line in enumerate(read_text(path).splitlines(), 1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        try:
            name, _, start, _, word = fields[:5]
            words.append((float(start), word))
        except ValueError:
            raise InputError(f"{path}, line {number}: not recording, channel, start, duration, word") from None
        recordings.add(name)
    if len(recordings) > 1:
        raise InputError(f"{path}: has the words of {len(recordings)} recordings; give those of one")
    return " ".join(word for _, word in sorted(words, key=lambda entry: entry[0]) if word.lower() not in PAUSES)


def _textgrid(path: Path) -> str:
    words, _ = words_and_phonemes(read_textgrid(path))
    if words is None:
        raise InputError(f"{path}: has no tier named words")
    return " ".join(word for _, _, word in words)


READERS: dict[str, Callable[[Path], str]] = {
    ".txt": read_text,
    ".srt": _subtitles,
    ".vtt": _subtitles,
    ".textgrid": _textgrid,
    ".ctm": _ctm,
}


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or a null character
        return False
