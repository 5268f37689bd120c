"""Long recordings in pieces. What comes one after the other is a stream: an iterator of arrays (n, ...) whose rows follow.

`with_margins` runs over a stream with something that looks at some rows before and after each row; `Rows` keeps what has to be
whole, on the disk if it is large. With them, an hour takes as much memory as a minute.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np

from talkinghead.errors import InputError

KEPT = 8 << 20  # bytes of `Rows` that stay in memory: two minutes of sound at 16 kHz


class Window(NamedTuple):
    """Rows of a stream with their neighbours. first: the number of its first row. inner: which rows it is made for."""

    rows: np.ndarray
    first: int
    inner: slice


def spans(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that follow each other from 0 to `count`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def with_margins(blocks: Iterable[np.ndarray], margin: int) -> Iterator[Window]:
    """Windows whose inner parts follow each other and are all of the stream, with `margin` rows on either side where there are.

    What is computed for the inner rows from a window, by something that sees at most `margin` rows to either side, is what the
    whole stream gives. A stream of one block is one window. A window comes when the block after it is there.
    """
    held, first, done = None, 0, 0  # done: rows of `held` that were inner rows
    blocks = iter(blocks)
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        held = block if held is None else np.concatenate([held, block])
        ready = len(held) if following is None else max(done, len(held) - margin)
        if ready > done:
            yield Window(held, first, slice(done, ready))
        kept = max(0, ready - margin)
        held, first, done = held[kept:], first + kept, ready - kept
        block = following


class Rows:
    """float32 rows (n, ...) that are appended and then read by slices. Beyond KEPT bytes they are in a file without a name.

    The file is gone when this is closed or the process ends, however it ends. Raises InputError if the disk is full.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self._row = 4 * int(np.prod(shape, dtype=np.int64))
        self._count = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=KEPT)  # noqa: SIM115  (closed by `close`)

    def __len__(self) -> int:
        return self._count

    def append(self, rows: np.ndarray) -> None:
        """Add (n, ...) rows at the end."""
        try:
            if self._file.tell() != self._count * self._row:
                self._file.seek(self._count * self._row)
            self._file.write(np.ascontiguousarray(rows, np.float32).data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            where = f"{tempfile.gettempdir()}: is full, and a long recording needs room for temporary files"
            raise InputError(f"{where}; free some, or set TMPDIR to another folder") from None
        self._count += len(rows)

    def __getitem__(self, span: slice) -> np.ndarray:
        """The rows of a slice without a step, as an array of their own."""
        start, stop, _ = span.indices(self._count)
        self._file.seek(start * self._row)
        out = np.empty((max(0, stop - start), *self.shape), np.float32)
        self._file.readinto(out.reshape(-1).view(np.uint8).data)
        return out

    def resize(self, count: int) -> None:
        """Exactly `count` rows: those after are left out, missing ones are 0."""
        self._count = min(self._count, count)
        if count > self._count:
            self.append(np.zeros((count - self._count, *self.shape), np.float32))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
