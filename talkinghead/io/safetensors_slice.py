"""Rows of tensors in safetensors data, in a file of their own or inside an uncompressed tar.

The `safetensors` package reads files, not byte ranges of one; here a window of a long clip in a shard is read without the rest.
Layout: 8 bytes length of the header, the header in JSON, the tensors (https://github.com/huggingface/safetensors).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.io.files import parse_json

LARGEST_HEADER = 10_000_000  # bytes: a hundred thousand tensors
TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


@dataclass(frozen=True)
class ByteRange:
    """Where some bytes are: a file, or `length` bytes of it from `offset` on."""

    path: Path
    offset: int = 0
    length: int | None = None

    def read(self) -> bytes:
        """All of it. Raises InputError, one line."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(-1 if self.length is None else self.length)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror}); prepare the dataset again") from None
        if self.length is not None and len(data) < self.length:
            raise InputError(f"{self.path}: is cut short; copy it again")
        return data


class Tensors:
    """The tensors of one safetensors file: `shapes` by name, `metadata`, and rows on demand. A context manager."""

    def __init__(self, place: ByteRange, where: str) -> None:
        self.where = f"{where}: {place.path}"
        try:
            self.file = place.path.open("rb")
        except OSError as error:
            raise InputError(f"{self.where}: cannot be read ({error.strerror}); prepare the dataset again") from None
        try:
            size = place.length if place.length is not None else place.path.stat().st_size - place.offset
            self._read_header(place.offset, size)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.file.close()
            raise InputError(f"{self.where}: not safetensors ({' '.join(str(error).split())}); prepare it again") from None

    def _read_header(self, offset: int, size: int) -> None:
        self.file.seek(offset)
        length = int.from_bytes(self.file.read(8), "little")
        if not 0 < length <= min(LARGEST_HEADER, size - 8):
            raise ValueError("cut short")
        header = parse_json(self.file.read(length))
        self.metadata: dict[str, str] = header.pop("__metadata__", {})
        self.start, self.entries = offset + 8 + length, {}
        for name, entry in header.items():
            if entry["dtype"] not in TYPES:
                continue
            shape, kind, (first, last) = tuple(entry["shape"]), np.dtype(TYPES[entry["dtype"]]), entry["data_offsets"]
            fits = all(type(n) is int and n >= 0 for n in (*shape, first, last)) and prod(shape) * kind.itemsize == last - first
            if not (fits and 0 <= first <= last <= size - 8 - length):
                raise ValueError(f"{name} does not fit, or the file is cut short")
            self.entries[name] = shape, kind, first

    def shape(self, name: str) -> tuple[int, ...]:
        """Of one tensor. Raises InputError if there is no such one."""
        if name not in self.entries:
            raise InputError(f"{self.where}: has no {name}")
        return self.entries[name][0]

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows start..stop of the first axis, as they are stored."""
        shape = self.shape(name)
        _, kind, first = self.entries[name]
        stop = shape[0] if stop is None else min(stop, shape[0])
        row = prod(shape[1:]) * kind.itemsize
        self.file.seek(self.start + first + start * row)
        data = self.file.read(max(0, stop - start) * row)
        if len(data) < (stop - start) * row:
            raise InputError(f"{self.where}: is cut short; prepare it again")
        return np.frombuffer(data, kind).reshape(-1, *shape[1:])

    def __enter__(self) -> Tensors:
        return self

    def __exit__(self, *_) -> None:
        self.file.close()
