"""Pickles of Python 2 and 3, read without running anything in them.

The datasets of this field come as pickles, and a pickle is a program. The unpickler here knows the names in `pickled_objects`
(of numpy, scipy's sparse matrices, and chumpy, whose arrays FLAME models have) and refuses any other. No size that a file
claims is allocated before it was compared with the file's.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from talkinghead.errors import InputError
from talkinghead.io.pickled_objects import FileBytes, Pending, stand_in

MOST = 8 << 30  # bytes of a pickle; the largest known, VOCASET's sound, has about 1 GB
MOST_BUILT = 8 << 30  # bytes of the arrays of a pickle together, and of its text as it was copied
LAZY = 4096  # bytes from which an array is left in the file by `read_pickle(lazy=True)`
# What a broken or hostile stream makes the unpickler raise, besides UnpicklingError
BROKEN = (AssertionError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OverflowError, RecursionError)


def read_pickle(path: str | Path, *, lazy: bool = False) -> Any:
    """What a pickle holds: dicts, lists, tuples, sets, text, numbers, None and numpy arrays; nothing in it is executed.

    Python 2's text is taken as Latin-1. chumpy arrays and sparse matrices come as plain (dense) arrays.
    lazy: arrays of more than a few kB come as `LazyArray` where they can stay in the file, so that a pickle larger than memory
    can be indexed. Raises InputError for anything else, naming what was refused.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > MOST:
                raise InputError(f"{size >> 30} GiB is too large for a pickle; {MOST >> 30} GiB is the most")
            found = _Reader(path, _Bounded(file, size), lazy).load()
            _check_complete(found, set())
            return found
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except (pickle.UnpicklingError, TypeError, ValueError, *BROKEN) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read as a pickle ({text or type(error).__name__}); copy it again") from None


class _Bounded:
    """A file that refuses to read beyond its end before anything is allocated."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.readline = file, size, file.readline

    def read(self, count: int) -> bytes:
        self.check(count)
        return self.file.read(count)

    def skip(self, count: int) -> int:
        """The position before `count` bytes, which are passed over."""
        self.check(count)
        return self.file.seek(count, 1) - count

    def check(self, count: int) -> None:
        """Raises EOFError where fewer than `count` bytes are left."""
        if not 0 <= count <= self.size - self.file.tell():
            raise EOFError("cut short")


class _Memo(dict):
    """Objects by number: the value of those whose state was read since they were put here."""

    def __getitem__(self, number: int) -> Any:
        found = super().__getitem__(number)
        return found.value if isinstance(found, Pending) and found.value is not None else found


def _data(width: int, decode: Callable[[bytes], Any], text: bool = False) -> Callable[[_Reader], None]:
    """What reads a run of bytes whose length comes first in `width` bytes, and leaves it in the file if it is long."""

    def load(reader: _Reader) -> None:
        length = int.from_bytes(reader.read(width), "little")
        if not reader.lazy or length < LAZY or reader._unframer.current_frame:  # a frame is in memory already
            reader.append(decode(reader.read(length)))
        else:
            reader.append(FileBytes(reader.path, reader.file.skip(length), length, text))

    return load


class _Reader(pickle._Unpickler):  # the one in Python: the one in C gives the position in the file to nobody
    """Finds stand-ins instead of classes, and builds nothing but those."""

    dispatch: ClassVar[dict[int, Any]] = {
        **pickle._Unpickler.dispatch,  # pyright: ignore[reportAttributeAccessIssue]
        pickle.BYTEARRAY8[0]: _data(8, bytes),
        pickle.BINBYTES[0]: _data(4, bytes),
        pickle.BINBYTES8[0]: _data(8, bytes),
        pickle.BINSTRING[0]: _data(4, lambda raw: raw.decode("latin1")),
        pickle.BINUNICODE[0]: _data(4, lambda raw: raw.decode("utf-8", "surrogatepass"), text=True),
        pickle.BUILD[0]: lambda reader: reader.build(),
    }
    read: Callable[[int], bytes]
    append: Callable[[Any], None]
    stack: list
    _unframer: Any

    def __init__(self, path: Path, file: _Bounded, lazy: bool) -> None:
        super().__init__(file, encoding="latin1")  # pyright: ignore[reportArgumentType]
        self.path, self.file, self.lazy, self.memo, self.built = path, file, lazy, _Memo(), 0

    def find_class(self, module: str, name: str) -> Any:
        found = stand_in(module, name)
        if found is None:
            raise InputError(f"refused, it asks for {module}.{name}; only arrays, text and numbers are read")
        return found if isinstance(found, type) else lambda *arguments: self.counted(found(*arguments))

    def build(self) -> None:
        """An object becomes the value that its state says, whatever the state could do to an object."""
        state, pending = self.stack.pop(), self.stack.pop()
        if not isinstance(pending, Pending):
            raise pickle.UnpicklingError("a state for something that is no object")
        pending.value = self.counted(pending.build(state))
        self.append(pending.value)

    def counted(self, value: Any) -> Any:
        """The value. Raises InputError where all that was built is too large: many arrays may copy the same bytes."""
        self.built += value.nbytes if isinstance(value, np.ndarray) else len(value) if isinstance(value, bytes) else 0
        if self.built > MOST_BUILT:
            raise InputError(f"its arrays would take more than {MOST_BUILT >> 30} GiB")
        return value


def _check_complete(value: Any, seen: set[int]) -> None:
    """Raises InputError for a stand-in, or bytes in the file, that is part of no array. seen: ids of containers."""
    if isinstance(value, Pending | FileBytes) or callable(value):
        raise InputError("an object that is not complete")
    if isinstance(value, dict | list | tuple | set) and id(value) not in seen:
        seen.add(id(value))
        for item in chain(value, value.values() if isinstance(value, dict) else ()):
            _check_complete(item, seen)
