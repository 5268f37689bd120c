"""Files of other programs: finding them, reading .npz and JSON of bounded size."""

from __future__ import annotations

import codecs
import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.inputs import check_plain
from talkinghead.io.npz import load_arrays

SOUNDS = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac", ".mp4", ".mov", ".mkv")  # in the order of preference
LONGEST_TEXT = 1 << 30  # bytes of one JSON file: two hours of BEAT's are half of it
MOST_PARSED = 2 << 30  # bytes that the content of a JSON text may take in memory, as `parse_json` counts them
# Bytes that Python takes for an object, for a list, and for an item of either with its number or short text.
OBJECT, LIST, ITEM = 232, 88, 40


def load_npz(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of `keys` that an `.npz` has. Raises InputError for a damaged file, a huge one, or one with pickled objects."""
    return load_arrays(path, keys, "arrays that can be read")


def load_json(path: Path) -> dict | list:
    """The content of a JSON file of at most 1 GiB."""
    check_plain(path)
    try:
        if path.stat().st_size > LONGEST_TEXT:
            raise InputError(f"{path}: {path.stat().st_size / 2**30:.1f} GiB of JSON; at most 1 GiB is read")
        value = parse_json(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not JSON, or cut short ({brief(error)})") from None
    if not isinstance(value, dict | list):
        raise InputError(f"{path}: expected an object or a list")
    return value


def parse_json(text: str | bytes) -> Any:
    """The content of a JSON text of a stranger. Raises ValueError, with the reason, also for what would exhaust Python."""
    signs = "{[," if isinstance(text, str) else (b"{", b"[", b",")
    size = len(text) + sum(text.count(sign) * cost for sign, cost in zip(signs, (OBJECT, LIST, ITEM), strict=True))  # pyright: ignore
    if size > MOST_PARSED:
        raise ValueError(f"its content would take {size / 2**30:.1f} GiB; at most {MOST_PARSED >> 30} are read")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except MemoryError:
        raise ValueError("not enough memory for its content") from None


def read_lines(path: Path, largest: int = LONGEST_TEXT) -> list[str]:
    """Lines of a text in UTF-8, 16 or 32. Raises InputError for a file that is missing, no text, or larger than `largest`."""
    with reading_text(path, largest):
        data = path.read_bytes()
        text = data.decode(encoding_of(data)).removeprefix("\ufeff")
        return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # Unicode's other line ends may stand in a text


@contextmanager
def reading_text(path: Path, largest: int) -> Iterator[None]:
    """A text file is read within: errors of that, and more than `largest` bytes, are an InputError."""
    check_plain(path)
    try:
        if path.stat().st_size > largest:
            raise InputError(f"{path}: larger than {largest >> 20} MiB, too large for what it is to hold")
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeError:
        raise InputError(f"{path}: not text in UTF-8; save it as UTF-8") from None


def encoding_of(data: bytes) -> str:
    """The encoding of a text that begins with `data`, four bytes or more: UTF-8, or UTF-16 or 32, also without a mark."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if len(data) > 3 and data[1] == 0 and data[3] == 0:  # the first letters are ASCII
        return "utf-16-le"
    return "utf-16-be" if len(data) > 3 and data[0] == 0 and data[2] == 0 else "utf-8-sig"


def sound_of(path: Path) -> Path | None:
    """The sound file with the path of `path` but for its suffix, if there is one."""
    candidates = (path.parent / f"{path.name}{suffix}" for suffix in (*SOUNDS, *(s.upper() for s in SOUNDS)))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def files_under(paths: list[Path], pattern: str) -> list[Path]:
    """Files in folders, recursively, and the files named themselves, whose names match; hidden ones are left out."""
    found: set[Path] = set()
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        found |= {path} if path.is_file() and path.match(pattern) else set()
        below = path.rglob(pattern) if path.is_dir() else ()
        found |= {p for p in below if p.is_file() and not any(part.startswith(".") for part in p.relative_to(path).parts)}
    return sorted(path for path in found if not path.name.startswith("."))


def find_named(root: Path, text: str) -> Path:
    """The file that a line of a list names, seen from the folder `root`: as it is written, or as other systems write it.

    Those have blanks or quotes around names, backslashes between folders, and accents as letters of their own or not (Unicode's
    normal forms). Where nothing of the kind is there, it is the path as it is written, without blanks around it.
    """
    plain = text.strip()
    bare = plain[1:-1] if len(plain) > 2 and plain[0] == plain[-1] and plain[0] in "\"'" else plain
    for name in dict.fromkeys((text, plain, bare, bare.replace("\\", "/"))):
        if (found := _in_any_form(root / name)) is not None:
            return found
    return root / plain


def _in_any_form(path: Path) -> Path | None:
    """A path that exists, in whatever normal form each part of it is there; None if there is none."""
    try:
        if path.exists():
            return path
        parent = _in_any_form(path.parent) if path.parent != path else None
        if parent is None:
            return None
        wanted = unicodedata.normalize("NFC", path.name)
        if wanted.isascii():  # there is one form of it
            return parent / path.name if (parent / path.name).exists() else None
        return next((other for other in sorted(parent.iterdir()) if unicodedata.normalize("NFC", other.name) == wanted), None)
    except (OSError, ValueError):  # too long for a name, no folder, a null character
        return None
