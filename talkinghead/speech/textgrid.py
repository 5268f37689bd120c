"""Praat's TextGrid, long or short text: what is said when."""

from __future__ import annotations

import re
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.inputs import check_plain
from talkinghead.io.files import encoding_of
from talkinghead.speech.spans import Spans

# Quoted text ("" is a quote in it), indices in brackets and comments (skipped), flags, numbers. Keys in between say nothing.
TOKEN = re.compile(r'"((?:[^"]|"")*)"|\[[^\]]{0,99}\]|![^\n]*|(<\w+>)|(?<![\w.])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])')
PAUSES = ("", "sp", "sil", "spn", "<eps>", "<unk>")  # marks of Praat and of the Montreal Forced Aligner that are no words
LARGEST = 64 << 20  # bytes


def read_textgrid(path: Path) -> dict[str, Spans]:
    """Interval tiers by their names in small letters, without pauses: ((start, end, text), ...) in seconds.

    Format: "TextGrid file formats" in Praat's manual. Point tiers are left out. Raises InputError for anything else.
    """
    check_plain(path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: too large for a TextGrid")
        data = path.read_bytes()
        tokens = _tokens(data.decode(encoding_of(data)))
        kind, grid, _, _, exists = (next(tokens) for _ in range(5))
        if (kind, grid, exists) != ("ooTextFile", "TextGrid", "<exists>"):
            raise ValueError("its header is another")
        tiers: dict[str, Spans] = {}
        for _ in range(int(next(tokens))):
            sort, name, _, _, count = (next(tokens) for _ in range(5))
            wide = 3 if sort == "IntervalTier" else 2
            rows = [[next(tokens) for _ in range(wide)] for _ in range(int(count))]
            if wide == 3:
                tiers[str(name).lower()] = tuple(_span(row) for row in rows if str(row[2]).strip().lower() not in PAUSES)
        return tiers
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, TypeError, OverflowError, StopIteration, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        why = " ".join(str(error).split()) or "it ends too soon"
        raise InputError(f"{path}: not a TextGrid, or cut short ({why})") from None


def words_and_phonemes(tiers: dict[str, Spans]) -> tuple[Spans | None, Spans | None]:
    """The tiers of words and of phonemes, by the names that aligners give them; the only tier is one of words."""
    named = {key.split(" - ")[-1]: value for key, value in tiers.items()}  # "Speaker - words"
    words = next((named[key] for key in ("words", "word") if key in named), None)
    phonemes = next((named[key] for key in ("phones", "phonemes", "phone", "phoneme") if key in named), None)
    if words is None and len(tiers) == 1 and phonemes is None:
        words = next(iter(tiers.values()))
    return words, phonemes


def _tokens(text: str):
    """Texts, flags (as text) and numbers, in order."""
    for match in TOKEN.finditer(text):
        quoted, flag, number = match.groups()
        if quoted is not None:
            yield quoted.replace('""', '"')
        elif flag:
            yield flag
        elif number:
            yield float(number)


def _span(row: list) -> tuple[float, float, str]:
    start, end, text = row
    if not isinstance(start, float) or not isinstance(end, float) or not isinstance(text, str):
        raise ValueError("an interval is not start, end, text")
    return start, end, text.strip()
