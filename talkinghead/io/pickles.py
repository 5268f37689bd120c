"""Arrays from strangers' files without running anything in them: pickles of Python 2 and 3, `.npy`.

The datasets of this field come as pickles, and a pickle is a program. Here one is read by an unpickler that knows what numpy,
scipy's sparse matrices and chumpy (the arrays of FLAME models) write and nothing else: each is rebuilt from its stored bytes by
the code below, any other name is an error, and no claimed size is believed before it was compared with the file's.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from talkinghead.errors import InputError

MOST = 8 << 30  # bytes of a pickle; the largest known, VOCASET's sound, has about 1 GB
MOST_BUILT = 8 << 30  # bytes of the arrays of a pickle together, and of its text as it was copied
MOST_SPARSE = 1 << 30  # bytes of a sparse matrix that is made dense
LAZY = 4096  # bytes from which an array is left in the file by `read_pickle(lazy=True)`
KINDS = "biufcSU"  # of numpy types: numbers and text; objects, records and dates are in no file of this field
# What a broken or hostile stream makes the unpickler raise.
BROKEN = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    AssertionError,
)


@dataclass(frozen=True)
class LazyArray:
    """An array that is still in its file; small and picklable. `read()` gives it."""

    path: Path = field(repr=False)  # so that the same array of the same file reads alike wherever the file lies
    start: int  # byte
    length: int  # bytes
    dtype: str
    shape: tuple[int, ...]
    fortran: bool
    text: bool  # stored as UTF-8 of Latin-1, the way Python 3 writes bytes for Python 2

    def read(self) -> np.ndarray:
        """The array. Raises InputError if the file changed."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.start)
                raw = file.read(self.length)
            raw = raw.decode("utf-8").encode("latin1") if self.text else raw
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be read ({error})") from None
        try:
            return _shaped(raw, np.dtype(self.dtype), self.shape, self.fortran)
        except ValueError as error:
            raise InputError(f"{self.path}: changed while it was read ({error})") from None


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
                raise InputError(f"{path}: {size >> 30} GiB is too large for a pickle; {MOST >> 30} GiB is the most")
            return _plain(_Reader(path, _Bounded(file, size), lazy).load(), {})
    except InputError as error:
        raise InputError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except BROKEN as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read as a pickle ({text or type(error).__name__}); copy it again") from None


def read_array(path: str | Path) -> np.ndarray:
    """The array of an `.npy` file, mapped, not loaded. Raises InputError for objects, a file cut short, or anything else."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(found, np.ndarray):
            found.close()
            raise ValueError("it is an archive")
        if found.dtype.kind not in KINDS or found.dtype.hasobject:
            raise ValueError(f"it holds {found.dtype}")
        return found
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a header that is broken makes numpy raise nearly anything
        text = " ".join(str(error).split())
        if "allow_pickle" in text or "Python objects" in text:
            raise InputError(f"{path}: holds Python objects, not numbers; save it as numbers") from None
        raise InputError(f"{path}: not an .npy file, or cut short ({text}); copy it again") from None


class _Bounded:
    """A file that refuses to read beyond its end before anything is allocated."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.readline = file, size, file.readline

    def check(self, count: int) -> None:
        if count < 0 or count > self.size - self.file.tell():
            raise EOFError("cut short")

    def read(self, count: int) -> bytes:
        self.check(count)
        return self.file.read(count)

    def skip(self, count: int) -> int:
        """The position before `count` bytes, which are passed over."""
        self.check(count)
        start = self.file.tell()
        self.file.seek(count, 1)
        return start


@dataclass(frozen=True)
class _Bytes:
    """Bytes that were left in the file."""

    path: Path
    start: int
    length: int
    text: bool


BUILT = -1  # key of the bytes of arrays so far in the memo of `_plain`, whose others are addresses


class _State:
    """Stands for an object of a known class: keeps what it was made from and does nothing."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments, self.state = arguments, None


class _Dtype(_State):
    def value(self) -> np.dtype:
        name, order = self.arguments[0], self.state[1] if self.state else "|"
        if not isinstance(name, str) or order not in ("<", ">", "=", "|"):
            raise InputError("a type of array that is not known")
        dtype = np.dtype(name)
        if dtype.kind not in KINDS or dtype.itemsize == 0:
            raise InputError(f"an array of {dtype.name}; numbers and text are what can be read")
        return dtype.newbyteorder(order)


class _Array(_State):
    """numpy's `_reconstruct(ndarray, (0,), b"b")` with the state (version, shape, dtype, fortran, bytes)."""

    def value(self, memo: dict) -> np.ndarray | LazyArray:
        _, shape, dtype, fortran, raw = self.state or (None,) * 5
        return _built(raw, dtype, shape, bool(fortran))


class _FromBuffer(_State):
    """numpy's `_frombuffer(bytes, dtype, shape, order)` of protocol 5."""

    def value(self, memo: dict) -> np.ndarray | LazyArray:
        raw, dtype, shape, order = self.arguments
        return _built(raw, dtype, shape, order == "F")


class _Scalar(_State):
    """numpy's `scalar(dtype, bytes)`."""

    def value(self, memo: dict) -> Any:
        dtype, raw = self.arguments
        return _built(raw, dtype, (), False).item()


class _Chumpy(_State):
    """A chumpy array: the number behind it is the member x; a Select picks entries of another one."""

    def value(self, memo: dict) -> np.ndarray:
        state = self.state if isinstance(self.state, dict) else {}
        if "x" in state:
            return np.asarray(_now(_plain(state["x"], memo)))
        if "a" in state and "idxs" in state:
            picked = np.asarray(_now(_plain(state["a"], memo))).ravel()[np.asarray(_now(_plain(state["idxs"], memo)), np.int64)]
            shape = _plain(state.get("preferred_shape"), memo)
            return picked if shape is None else picked.reshape(shape)
        raise InputError("a chumpy expression; only stored arrays can be read")


class _Sparse(_State):
    """A scipy csc or csr matrix -> dense."""

    def value(self, memo: dict) -> np.ndarray:
        from scipy import sparse

        state = self.state if isinstance(self.state, dict) else {}
        parts = [np.array(_now(_plain(state.get(name), memo))) for name in ("data", "indices", "indptr")]
        shape = tuple(int(n) for n in _plain(state.get("_shape", state.get("shape")), memo))
        if len(shape) != 2 or min(shape) < 0 or prod(shape) * parts[0].dtype.itemsize > MOST_SPARSE:
            raise InputError(f"a sparse matrix of shape {shape}; dense, it would take more than {MOST_SPARSE >> 30} GiB")
        make = {"csc": sparse.csc_matrix, "csr": sparse.csr_matrix}[self.layout]
        matrix = make(tuple(parts), shape=shape)
        matrix.check_format(full_check=True)  # or indices could point outside
        return matrix.toarray()

    layout = "csc"


class _SparseRows(_Sparse):
    layout = "csr"


class _Token(_State):
    """A class that only occurs as an argument of others (numpy.ndarray, object, list)."""


def _encode(text: str | _Bytes, encoding: str = "latin1") -> bytes | _Bytes:
    """`codecs.encode`, which Python 3 uses to write bytes for Python 2."""
    if encoding.replace("-", "") not in ("latin1", "iso88591"):
        raise InputError(f"bytes in {encoding!r}; Latin-1 is what is known")
    return text if isinstance(text, _Bytes) else text.encode("latin1")


def _new(kind: type[_State], base: Any = None, state: Any = None) -> _State:
    """`copyreg._reconstructor`: an empty object of a class, as protocols 0 and 1 make them."""
    if not (isinstance(kind, type) and issubclass(kind, _State)):
        raise InputError("an object of a class that is not known")
    return kind()


def _array(*arguments: Any) -> _Array:
    return _Array()


def _dict(*arguments: Any) -> dict:
    """OrderedDict and defaultdict are dicts; items given to the constructor are taken over."""
    return dict(arguments[0]) if arguments and isinstance(arguments[0], list | tuple | dict) else {}


def _set(items: Any = ()) -> set:
    return set(items)


def _no_bytes() -> bytes:
    return b""


NUMPY = {"_reconstruct": _array, "scalar": _Scalar, "_frombuffer": _FromBuffer, "dtype": _Dtype, "ndarray": _Token}
OTHERS: dict[tuple[str, str], Callable] = {
    ("_codecs", "encode"): _encode,
    ("codecs", "encode"): _encode,
    ("copyreg", "_reconstructor"): _new,
    ("collections", "OrderedDict"): _dict,
    ("collections", "defaultdict"): _dict,
    ("builtins", "set"): _set,
    ("builtins", "frozenset"): _set,
    ("builtins", "bytes"): _no_bytes,  # how Python 3 writes none for Python 2
    **{("builtins", name): _Token for name in ("object", "list", "dict", "int", "float", "str")},
}


class _Reader(pickle._Unpickler):  # the one in Python: the one in C gives the position in the file to nobody
    """Finds stand-ins instead of classes, and builds nothing but those."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # pyright: ignore
    stack: list
    _unframer: Any

    def __init__(self, path: Path, file: _Bounded, lazy: bool) -> None:
        super().__init__(file, encoding="latin1")  # pyright: ignore[reportArgumentType]
        self.path, self.file, self.lazy = path, file, lazy

    def find_class(self, module: str, name: str) -> Any:
        module = {"copy_reg": "copyreg", "__builtin__": "builtins"}.get(module, module)  # Python 2's names
        if module.split(".")[0] == "numpy" and name in NUMPY:
            return NUMPY[name]
        if module.split(".")[0] == "chumpy":
            return _Chumpy
        if module.startswith("scipy.sparse") and name in ("csc_matrix", "csr_matrix", "csc_array", "csr_array"):
            return _Sparse if name.startswith("csc") else _SparseRows
        if (module, name) not in OTHERS:
            raise InputError(f"{self.path}: refused, it asks for {module}.{name}; only arrays, text and numbers are read")
        return OTHERS[module, name]

    def load_build(self) -> None:
        """The state of an object is stored, whatever the object could do with it."""
        state = self.stack.pop()
        if not isinstance(self.stack[-1], _State):
            raise pickle.UnpicklingError("a state for something that is no object")
        self.stack[-1].state = state

    def load_bytearray8(self) -> None:
        self.stack.append(self._data(8, text=False))

    def load_binbytes(self) -> None:
        self.stack.append(self._data(4, text=False))

    def load_binbytes8(self) -> None:
        self.stack.append(self._data(8, text=False))

    def load_binstring(self) -> None:
        found = self._data(4, text=False)
        self.stack.append(found if isinstance(found, _Bytes) else found.decode("latin1"))

    def load_binunicode(self) -> None:
        found = self._data(4, text=True)
        self.stack.append(found if isinstance(found, _Bytes) else found.decode("utf-8", "surrogatepass"))

    def _data(self, width: int, text: bool) -> bytes | _Bytes:
        """A run of bytes whose length comes first, left in the file if it is long."""
        length = int.from_bytes(self._unframer.read(width), "little")
        if not self.lazy or length < LAZY or self._unframer.current_frame:  # a frame is in memory already
            return self._unframer.read(length)
        return _Bytes(self.path, self.file.skip(length), length, text)

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8
    dispatch[pickle.BINBYTES[0]] = load_binbytes
    dispatch[pickle.BINBYTES8[0]] = load_binbytes8
    dispatch[pickle.BINSTRING[0]] = load_binstring
    dispatch[pickle.BINUNICODE[0]] = load_binunicode


def _built(raw: Any, dtype: Any, shape: Any, fortran: bool) -> Any:
    """Stored bytes, a type and a shape -> array, or `LazyArray` if the bytes are still in the file."""
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple):
        raise InputError("an array that is not complete")
    kind = dtype.value()
    if isinstance(raw, _Bytes):
        return LazyArray(raw.path, raw.start, raw.length, kind.str, tuple(int(n) for n in shape), fortran, raw.text)
    raw = raw.encode("latin1") if isinstance(raw, str) else raw
    if not isinstance(raw, bytes | bytearray):
        raise InputError("an array of Python objects; numbers and text are what can be read")
    return _shaped(raw, kind, shape, fortran)


def _shaped(raw: bytes | bytearray, dtype: np.dtype, shape: tuple[int, ...], fortran: bool) -> np.ndarray:
    if any(n < 0 for n in shape) or prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"an array of shape {shape} does not fit {len(raw)} bytes")
    array = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _now(value: Any) -> Any:
    return value.read() if isinstance(value, LazyArray) else value


def _plain(value: Any, memo: dict[int, Any]) -> Any:
    """A copy with arrays in the place of stand-ins. memo: what was done already, so that shared parts stay shared."""
    if not isinstance(value, dict | list | tuple | _State | _Bytes):
        return value
    if id(value) in memo:
        return memo[id(value)][1]
    made: Any
    if isinstance(value, dict):
        made = {}
        memo[id(value)] = value, made
        made |= {_plain(key, memo): _plain(item, memo) for key, item in value.items()}
        return made
    if isinstance(value, list):
        made = []
        memo[id(value)] = value, made
        made += [_plain(item, memo) for item in value]
        return made
    if isinstance(value, tuple):
        made = tuple(_plain(item, memo) for item in value)
    elif isinstance(value, _Array | _FromBuffer | _Scalar | _Chumpy | _Sparse):
        made = value.value(memo)
        # Many arrays may share the same bytes of the file, each with a copy of its own.
        memo[BUILT] = None, memo.get(BUILT, (None, 0))[1] + getattr(made, "nbytes", 0)
        if memo[BUILT][1] > MOST_BUILT:
            raise InputError(f"its arrays would take more than {MOST_BUILT >> 30} GiB")
    elif isinstance(value, _Dtype):
        made = value.value().str
    else:
        raise InputError("an object that is not complete")
    memo[id(value)] = value, made
    return made
