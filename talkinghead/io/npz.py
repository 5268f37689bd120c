"""Arrays of an .npz, with limits on what it may unpack to."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError, brief

LIMIT = 4 << 30  # bytes of all arrays together: twelve minutes of raw FLAME vertices at 60 fps fit


def load_arrays(path: Path, keys: tuple[str, ...], what: str) -> dict[str, np.ndarray]:
    """Those of `keys` that an `.npz` has, after a look at the sizes that it declares.

    Raises InputError for a file that is missing, huge, damaged, not `what` it should be, or that holds pickled objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LIMIT:
            raise InputError(f"{path}: declares {size / 2**30:.1f} GiB of arrays; at most {LIMIT >> 30} are read")
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in keys if key in file.files}
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except Exception as error:  # a foreign file makes zipfile, zlib and numpy raise nearly anything
        raise InputError(f"{path}: not {what}, or damaged ({brief(error)})") from None
