"""What is said and when: spans of words and phonemes in seconds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError

Spans = tuple[tuple[float, float, str], ...]  # start and end in seconds of the clip, and what is said


def read_words(path: Path) -> dict[str, Spans]:
    """Word times from a `words.jsonl`: lines {"id": ..., "words": [[start, end, word], ...]}; {} if there is no such file."""
    if not path.exists():
        return {}
    words = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            words[str(entry["id"])] = parse_spans(entry["words"], "words", entry["id"]) or ()
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


def is_number(value: Any) -> bool:
    """Whether a value from JSON is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def require(good: bool, what: str, clip: Any) -> None:
    """Raise InputError about a clip unless `good`."""
    if not good:
        raise InputError(f"clip {clip!r}: {what}")
