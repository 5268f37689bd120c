"""What is said, as subtitles: texts with their times, from files of subtitles or from the times of words."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.speech.spans import Spans
from talkinghead.speech.textgrid import PAUSES, read_textgrid, words_and_phonemes
from talkinghead.speech.written import CLOCK, MARKUP, cues_of, read_text, seconds_of

CUE = re.compile(rf"{CLOCK.pattern}\s*-->{CLOCK.pattern}")
LETTERS, GAP, LINGER = 64, 0.7, 0.5  # of one subtitle; seconds of silence that end it; seconds it stays after its last word
SUFFIXES = (".srt", ".vtt", ".textgrid", ".ctm", ".txt")


@dataclass(frozen=True)
class Cue:
    """A text and the seconds from and to which it is shown."""

    start: float
    end: float
    text: str


def read_subtitles(path: Path, wave: np.ndarray | None = None) -> list[Cue]:
    """The subtitles of a file of SUFFIXES. wave: samples at 16 kHz, with which a .txt is aligned (extra `align`).

    Raises InputError for another file, for a damaged one, and for a .txt without sound.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: subtitles are read from {' '.join(SUFFIXES)}")
    text = read_text(path)
    if suffix in (".srt", ".vtt"):
        cues = _timed(text)
    elif suffix == ".txt" and not CUE.search(text):
        cues = _aligned(path, text, wave)
    elif suffix == ".txt":
        cues = _timed(text)
    else:
        cues = from_words(_words(path, text, suffix))
    if not cues:
        raise InputError(f"{path}: has no subtitles with times")
    return cues


def from_words(words: Spans, spelt: Sequence[str] = ()) -> list[Cue]:
    """Times of words -> subtitles of at most LETTERS, ended by pauses and by the ends of sentences.

    spelt: the words as they are written, if there are as many.
    """
    texts = list(spelt) if len(spelt) == len(words) else [word for _, _, word in words]
    cues: list[Cue] = []
    for (start, end, _), text in zip(words, texts, strict=True):
        last = cues[-1] if cues else None
        whole = last is None or start - last.end > GAP or last.text[-1:] in ".!?。！？"
        if last is None or whole or len(last.text) + len(text) >= LETTERS:
            cues.append(Cue(start, end, text))
        else:
            cues[-1] = Cue(last.start, end, f"{last.text} {text}")
    later = [*[cue.start for cue in cues[1:]], float("inf")][: len(cues)]
    return [Cue(cue.start, min(cue.end + LINGER, after), cue.text) for cue, after in zip(cues, later, strict=True)]


def shown_at(cues: Sequence[Cue], seconds: float) -> str:
    """What is to be read at a moment; "" for nothing."""
    return "\n".join(cue.text for cue in cues if cue.start <= seconds < cue.end)


def _timed(text: str) -> list[Cue]:
    """Cues of .srt and .vtt, without markup."""
    cues: list[Cue] = []
    for times, lines in cues_of(text):
        if found := CUE.match(times):
            start, end = (seconds_of(found.groups()[i : i + 4]) for i in (0, 4))
            said = " ".join(MARKUP.sub(" ", html.unescape("\n".join(lines))).split())
            if said and end > start:
                cues.append(Cue(start, end, said))
    return cues


def _words(path: Path, text: str, suffix: str) -> Spans:
    if suffix == ".textgrid":
        words, _ = words_and_phonemes(read_textgrid(path))
        if words is None:
            raise InputError(f"{path}: has no tier named words")
        return tuple(words)
    spans = []
    for number, line in enumerate(text.splitlines(), 1):
        columns = line.split()
        if not columns or line.startswith(";;"):
            continue
        try:
            start, duration = float(columns[2]), float(columns[3])
            spans.append((start, start + duration, columns[4]))
        except (IndexError, ValueError):
            raise InputError(f"{path}, line {number}: not recording, channel, start, duration, word") from None
    return tuple(span for span in sorted(spans) if span[2].lower() not in PAUSES)


def _aligned(path: Path, text: str, wave: np.ndarray | None) -> list[Cue]:
    if wave is None:
        raise InputError(f"{path}: has no times; give the sound with --audio, or a file with times (.srt, .vtt)")
    from talkinghead.speech.align import align

    return from_words(align(wave, text).words, text.split())
