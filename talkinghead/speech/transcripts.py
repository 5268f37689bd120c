"""What is said in recordings, in tables that lie beside them.

words.jsonl         lines {"id": STEM, "words": [[start, end, word], ...]}, seconds
phones.jsonl        lines {"id": STEM, "phones": [[phoneme, start, end], ...]}; if wanted, text and speaker
transcripts.jsonl   lines {"id": STEM, "text": ...}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError
from talkinghead.io.files import parse_json
from talkinghead.io.files import read_lines as text_lines
from talkinghead.speech.spans import Spans, cut_spans, read_words

WORDS, PHONES, TEXTS = "words.jsonl", "phones.jsonl", "transcripts.jsonl"
PAUSES = ("sil", "sp", "spn", "")  # marks in word times that are no words


@dataclass(frozen=True)
class Said:
    """What is known of one recording; times in seconds of it."""

    words: Spans | None = None
    phones: Spans | None = None
    text: str | None = None

    def part(self, start: float, duration: float) -> Said:
        """Of a piece of the recording, in the piece's time; the text is that of its words where their times are known."""
        words, phones = (cut_spans(spans, start, start + duration) for spans in (self.words, self.phones))
        said = " ".join(word for _, _, word in words if word not in PAUSES) if words else self.text
        return Said(words, phones, said or None)


def beside(folder: Path) -> dict[str, Said]:
    """What the tables of a folder tell, by the stem of the recording. Raises InputError for a damaged table."""
    words, phones, texts = read_words(folder / WORDS), read_lines(folder / PHONES), read_lines(folder / TEXTS)
    out = {}
    for stem in {*words, *phones, *texts}:
        line = phones.get(stem, {})
        found = phone_spans(line["phones"]) if line.get("phones") is not None else None
        text = line.get("text") or texts.get(stem, {}).get("text")
        out[stem] = Said(words.get(stem), found, None if text is None else str(text))
    return out


def read_lines(path: Path) -> dict[str, dict]:
    """Lines of a .jsonl by their id; {} if there is none. Raises InputError that names the line."""
    if not path.is_file():
        return {}
    out = {}
    for number, line in enumerate(text_lines(path), 1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line)
            out[str(entry["id"])] = entry
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}, line {number}: not an object with an id") from None
    return out


def phone_spans(rows: Any) -> Spans:
    """[[phone, start, end], ...] of phones.jsonl."""
    try:
        return tuple((float(start), float(end), str(phone)) for phone, start, end in rows)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{PHONES}: phones must be a list of [phoneme, start, end]") from None
