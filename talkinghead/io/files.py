"""Files of other programs: finding them, reading .npz and JSON of bounded size."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.io.npz import load_arrays

SOUNDS = (".wav", ".flac", ".m4a", ".mp3", ".ogg", ".aac", ".mp4", ".mov", ".mkv")  # in the order of preference
LONGEST_TEXT = 1 << 30  # bytes of one JSON file: two hours of BEAT's


def load_npz(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Those of `keys` that an `.npz` has. Raises InputError for a damaged file, a huge one, or one with pickled objects."""
    return load_arrays(path, keys, "arrays that can be read")


def load_json(path: Path) -> dict | list:
    """The content of a JSON file of at most 1 GiB."""
    try:
        if path.stat().st_size > LONGEST_TEXT:
            raise InputError(f"{path}: {path.stat().st_size / 2**30:.1f} GiB of JSON; at most 1 GiB is read")
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not JSON, or cut short ({brief(error)})") from None
    if not isinstance(value, dict | list):
        raise InputError(f"{path}: expected an object or a list")
    return value


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
