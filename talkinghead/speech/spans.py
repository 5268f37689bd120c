"""What is said and when: spans of words and phonemes in seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError, shown
from talkinghead.io.files import parse_json, read_lines

Span = tuple[float, float, str]  # start and end in seconds of the clip, and what is said
Spans = tuple[Span, ...]


def read_words(path: Path) -> dict[str, Spans]:
    """Word times from a `words.jsonl`: lines {"id": ..., "words": [[start, end, word], ...]}; {} if there is no such file."""
    if not path.exists():
        return {}
    words = {}
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
            words[str(entry["id"])] = parse_spans(entry["words"], "words", entry["id"]) or ()
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}, line {number}: not a line of word times ({error})") from None
    return words


def parse_spans(value: Any, name: str, clip: str) -> Spans | None:
    """Spans from JSON; None stays None. Raises InputError if they are no list of [start, end, text]."""
    if value is None:
        return None
    require(isinstance(value, list | tuple), f"{name} must be a list of [start, end, text]", clip)
    for span in value:
        good = (
            isinstance(span, list | tuple)
            and len(span) == 3
            and is_number(span[0])
            and is_number(span[1])
            and isinstance(span[2], str)
        )
        require(good, f"{name} must be a list of [start, end, text]", clip)
    return tuple((float(start), float(end), text) for start, end, text in value)


def cut_spans(spans: Iterable[Span] | None, start: float, stop: float, *, by_middle: bool = False) -> Spans | None:
    """The spans of a window of a recording, in seconds from its start, to 0.1 ms, cut at its ends; None of None.

    by_middle: those whose middle is in the window, so that neighbouring windows share none; otherwise all that overlap it.
    """
    if spans is None:
        return None
    length = round(stop - start, 6)
    kept = [s for s in spans if (start <= (s[0] + s[1]) / 2 < stop if by_middle else s[1] > start and s[0] < stop)]
    return tuple((round(max(a - start, 0.0), 4), round(min(b - start, length), 4), text) for a, b, text in kept)


def is_number(value: Any) -> bool:
    """Whether a value from JSON is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def require(good: bool, what: str, clip: Any) -> None:
    """Raise InputError about a clip unless `good`."""
    if not good:
        raise InputError(f"clip {shown(clip)}: {what}")
