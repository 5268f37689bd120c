"""Arrays of numpy's own files: .npz, with limits on what it may unpack to, and .npy."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from math import prod
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief
from talkinghead.inputs import check_plain

LIMIT = 4 << 30  # bytes of all arrays together: twelve minutes of raw FLAME vertices at 60 fps fit
NUMBERS = "biuf"  # of numpy types
KINDS = f"{NUMBERS}SU"  # and text
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # as numpy writes it; others may need memory that nothing limits


def load_arrays(
    path: Path, keys: Iterable[str] | None, what: str, *, limit: int | None = None, limits: dict[str, int] | None = None
) -> dict[str, np.ndarray]:
    """Those of `keys` that an `.npz` has, or all (None), after a look at the sizes that it declares.

    limit: bytes of all of them, LIMIT if not given. limits: of some of them. Raises InputError for a file that is missing,
    huge, damaged, not `what` it should be, or that holds something else than numbers and text.
    """
    check_plain(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            wanted = [key for key in (entries if keys is None else keys) if key in entries]
            sizes = {key: entries[key].file_size for key in wanted}
            for key in (None, *(limits or {})):
                size, most = (sum(sizes.values()), limit or LIMIT) if key is None else (sizes.get(key, 0), (limits or {})[key])
                if size > most:
                    held = "arrays" if key is None else key
                    raise InputError(f"{path}: declares {size / 2**20:.0f} MiB of {held}; at most {most >> 20} are read")
            return {key: _array(archive, entries[key]) for key in wanted}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a foreign file makes zipfile, zlib and numpy raise nearly anything
        raise InputError(f"{path}: not {what}, or damaged ({brief(error)})") from None


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    """One member. Raises ValueError for one whose header does not tell the bytes that are there."""
    if entry.compress_type not in PACKED:
        raise ValueError(f"{entry.filename} is compressed in another way than numpy does")
    with archive.open(entry) as file:
        major, _ = np.lib.format.read_magic(file)
        readers = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        if major not in readers:
            raise ValueError(f"{entry.filename} has version {major} of the format")
        shape, _, dtype = readers[major](file)
        start = file.tell()
    if dtype.kind not in KINDS or dtype.hasobject:
        raise ValueError(f"{entry.filename} holds {dtype}; numbers and text are what is read")
    if not all(type(n) is int and n >= 0 for n in shape) or prod(shape) * dtype.itemsize != entry.file_size - start:
        raise ValueError(f"{entry.filename} has shape {shape} and {entry.file_size - start} bytes")
    if not dtype.itemsize and prod(shape) > 1:
        raise ValueError(f"{entry.filename} holds nothing")
    with archive.open(entry) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def read_array(path: str | Path) -> np.ndarray:
    """The array of an `.npy` file, mapped, not loaded. Raises InputError for objects, a file cut short, or anything else."""
    check_plain(Path(path))
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(found, np.ndarray):
            found.close()
            raise ValueError("it is an archive")
        if found.dtype.kind not in NUMBERS:
            raise ValueError(f"it holds {found.dtype}")
        return found
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a header that is broken makes numpy raise nearly anything
        text = " ".join(str(error).split())
        if "allow_pickle" in text or "Python objects" in text:
            raise InputError(f"{path}: holds Python objects, not numbers; save it as numbers") from None
        raise InputError(f"{path}: not an .npy file, or cut short ({text}); copy it again") from None
