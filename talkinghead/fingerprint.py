"""Cache keys: fingerprints of what a file was made from. A file whose fingerprint is unchanged is not made again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch.nn import Module


def file_stamp(path: Path) -> list[Any]:
    """Name, size and modification time: hashing the content of large data sets at every run would take hours.

    Raises FileNotFoundError.
    """
    status = path.stat()
    return [path.name, status.st_size, status.st_mtime_ns]


def fingerprint(value: Any) -> str:
    """16 hex digits of plain data, arrays and paths: files by `file_stamp`, other paths by name, whatever their folder."""
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
            add(file_stamp(item) if item.is_file() else item.name)
        else:
            found.update(repr(item).encode())
        found.update(b")")

    add(value)
    return found.hexdigest()


def content_fingerprint(path: Path) -> str:
    """16 hex digits of a file's bytes, for files that are copied or touched more often than changed. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()


def weights_fingerprint(network: Module) -> str:
    """16 hex digits of a network's `state_dict`, of any type and on any device."""
    import torch

    state = network.state_dict()
    return fingerprint({name: value.detach().cpu().flatten().view(torch.uint8).numpy() for name, value in state.items()})
