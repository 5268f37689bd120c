"""What pickles of datasets hold, rebuilt from stored bytes: arrays of numpy, sparse matrices of scipy, arrays of chumpy.

Nothing of these libraries that a pickle names is called with what the pickle says; sizes are compared before they are used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError

KINDS = "biufcSU"  # of numpy types: numbers and text; objects, records and dates are in no file of this field
MOST_SPARSE = 1 << 30  # bytes of a sparse matrix that is made dense


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
            return _shaped(raw, np.dtype(self.dtype), self.shape, self.fortran)
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be read, or changed since it was opened ({error})") from None


@dataclass(frozen=True)
class FileBytes:
    """Bytes that were left in the file; see `LazyArray`."""

    path: Path
    start: int
    length: int
    text: bool


class Pending:
    """Stands for an object of a known class until its state is read; `build` makes the value of it. Does nothing itself."""

    value: Any = None

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def build(self, state: Any) -> Any:
        raise InputError("an object of a class that is not known")


class _Dtype(Pending):
    """numpy's `dtype(name, ...)` with the state (version, byte order, ...)."""

    def build(self, state: Any) -> np.dtype:
        name, order = self.arguments[0], state[1]
        if not isinstance(name, str) or order not in ("<", ">", "=", "|"):
            raise InputError("a type of array that is not known")
        dtype = np.dtype(name)
        if dtype.kind not in KINDS or dtype.itemsize == 0:
            raise InputError(f"an array of {dtype.name}; numbers and text are what can be read")
        return dtype.newbyteorder(order)


class _Array(Pending):
    """numpy's `_reconstruct(ndarray, (0,), b"b")` with the state (version, shape, dtype, fortran, bytes)."""

    def build(self, state: Any) -> np.ndarray | LazyArray:
        _, shape, dtype, fortran, raw = state
        return _array(raw, dtype, shape, bool(fortran))


class _Chumpy(Pending):
    """A chumpy array: the number behind it is the member x; a Select picks entries of another one."""

    def build(self, state: Any) -> np.ndarray:
        if "x" in state:
            return np.asarray(_loaded(state["x"]))
        if "a" in state and "idxs" in state:
            picked = np.asarray(_loaded(state["a"])).ravel()[np.asarray(_loaded(state["idxs"]), np.int64)]
            shape = state.get("preferred_shape")
            return picked if shape is None else picked.reshape(shape)
        raise InputError("a chumpy expression; only stored arrays can be read")


class _Columns(Pending):
    """A scipy csc matrix -> dense."""

    layout = "csc_matrix"

    def build(self, state: Any) -> np.ndarray:
        from scipy import sparse

        parts = tuple(np.array(_loaded(state[name])) for name in ("data", "indices", "indptr"))
        shape = tuple(int(n) for n in state.get("_shape", state.get("shape")))
        if len(shape) != 2 or min(shape) < 0 or prod(shape) * parts[0].dtype.itemsize > MOST_SPARSE:
            raise InputError(f"a sparse matrix of shape {shape}; dense, it would take more than {MOST_SPARSE >> 30} GiB")
        matrix = getattr(sparse, self.layout)(parts, shape=shape)
        matrix.check_format(full_check=True)  # or indices could point outside
        return matrix.toarray()


class _Rows(_Columns):
    layout = "csr_matrix"


def _scalar(dtype: Any, raw: Any) -> Any:
    """numpy's `scalar(dtype, bytes)`."""
    return _loaded(_array(raw, dtype, (), False)).item()


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray | LazyArray:
    """numpy's `_frombuffer(bytes, dtype, shape, order)` of protocol 5."""
    return _array(raw, dtype, shape, order == "F")


def _encode(text: str | FileBytes, encoding: str = "latin1") -> bytes | FileBytes:
    """`codecs.encode`, which Python 3 uses to write bytes for Python 2."""
    if encoding.replace("-", "") not in ("latin1", "iso88591"):
        raise InputError(f"bytes in {encoding!r}; Latin-1 is what is known")
    return text if isinstance(text, FileBytes) else text.encode("latin1")


def _new(kind: type[Pending], *_: Any) -> Pending:
    """`copyreg._reconstructor`: an empty object of a class, as protocols 0 and 1 make them."""
    if not (isinstance(kind, type) and issubclass(kind, Pending)):
        raise InputError("an object of a class that is not known")
    return kind()


def _dict(*arguments: Any) -> dict:
    """OrderedDict and defaultdict are dicts; items given to the constructor are taken over."""
    return dict(arguments[0]) if arguments and isinstance(arguments[0], list | tuple | dict) else {}


def _array(raw: Any, dtype: Any, shape: Any, fortran: bool) -> np.ndarray | LazyArray:
    """Stored bytes, a type and a shape -> array, or `LazyArray` if the bytes are still in the file."""
    if not isinstance(dtype, np.dtype) or not isinstance(shape, tuple):
        raise InputError("an array that is not complete")
    if isinstance(raw, FileBytes):
        return LazyArray(raw.path, raw.start, raw.length, dtype.str, tuple(int(n) for n in shape), fortran, raw.text)
    raw = raw.encode("latin1") if isinstance(raw, str) else raw
    if not isinstance(raw, bytes):
        raise InputError("an array of Python objects; numbers and text are what can be read")
    return _shaped(raw, dtype, shape, fortran)


def _shaped(raw: bytes, dtype: np.dtype, shape: tuple[int, ...], fortran: bool) -> np.ndarray:
    if any(n < 0 for n in shape) or prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"an array of shape {shape} does not fit {len(raw)} bytes")
    array = np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _loaded(value: Any) -> Any:
    return value.read() if isinstance(value, LazyArray) else value


NUMPY = {
    "_reconstruct": lambda *_: _Array(),
    "scalar": _scalar,
    "_frombuffer": _from_buffer,
    "dtype": _Dtype,
    "ndarray": Pending,  # an argument of others only
}
SPARSE = {f"{layout}_{kind}": make for layout, make in (("csc", _Columns), ("csr", _Rows)) for kind in ("matrix", "array")}
OTHERS: dict[str, Callable] = {
    "_codecs.encode": _encode,
    "codecs.encode": _encode,
    "copyreg._reconstructor": _new,
    "collections.OrderedDict": _dict,
    "collections.defaultdict": _dict,
    "builtins.set": lambda items=(): set(items),
    "builtins.frozenset": lambda items=(): set(items),
    "builtins.bytes": lambda: b"",  # how Python 3 writes none for Python 2
    **{f"builtins.{name}": Pending for name in ("object", "list", "dict", "int", "float", "str")},  # arguments of others
}


def stand_in(module: str, name: str) -> Callable | None:
    """What stands for `module.name` of a pickle: a class of this file, or a function; None for what is not known."""
    module = {"copy_reg": "copyreg", "__builtin__": "builtins"}.get(module, module)  # Python 2's names
    package = module.split(".")[0]
    if package == "chumpy":
        return _Chumpy
    if package == "numpy":
        return NUMPY.get(name)
    return SPARSE.get(name) if module.startswith("scipy.sparse") else OTHERS.get(f"{module}.{name}")
