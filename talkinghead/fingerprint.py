"""Marks of what was made from what: work that would give the same again is not done again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np


def stamp(path: Path) -> list[Any]:
    """Name, size and time of a file: hashing some hundred gigabytes to find that nothing changed would take hours.

    Raises FileNotFoundError.
    """
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def digest(value: Any) -> str:
    """16 hex digits of plain data, arrays and paths: files by their stamp, others by name, wherever they lie."""
    found = hashlib.blake2b(digest_size=8)

    def add(item: Any) -> None:
        found.update(type(item).__name__.encode() + b"(")
        if isinstance(item, dict):
            add([[key, item[key]] for key in sorted(item, key=str)])
        elif isinstance(item, list | tuple):
            for part in item:
                add(part)
        elif isinstance(item, np.ndarray):
            found.update(f"{item.dtype} {item.shape}".encode() + np.ascontiguousarray(item).tobytes())
        elif isinstance(item, Path):
            add(stamp(item) if item.is_file() else item.name)
        else:
            found.update(repr(item).encode())
        found.update(b")")

    add(value)
    return found.hexdigest()
