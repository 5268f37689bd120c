"""Where the package's own files are, and writing that leaves nothing half done."""

from __future__ import annotations

import json
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from talkinghead.errors import InputError

UNFINISHED = re.compile(r"\.(.+)-[a-z0-9_]{8}(\.[^.]+)")  # names of `replacing`, whose process was killed
LONGEST = 200  # bytes of a name, of 255 that file systems take: suffixes are added
PACKAGE = Path(__file__).resolve().parent


def asset(name: str) -> Path:
    """Path of a file or folder of `assets/`: inside an installed package, beside it in a clone."""
    for root in (PACKAGE / "assets", PACKAGE.parent / "assets"):
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"talkinghead was installed without assets/{name}")


def recipe(name: str | Path, beside: Path = Path()) -> Path:
    """Path of a recipe: `name`, seen from the folder `beside`, or the one of that name that ships in `configs/`."""
    path = Path(name)
    if not path.is_absolute() and path.parent in (Path(), Path("configs")) and not (beside / path).exists():
        for root in (PACKAGE / "configs", PACKAGE.parent / "configs"):
            if (root / path.name).is_file():
                return root / path.name
    return beside / path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, of the same suffix, renamed to it on success and removed on failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
        fresh.chmod(0o666 & ~_umask())  # mkstemp's 0600 would surprise whoever shares the file
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sweep(folder: Path, names: Iterable[str] | None = None) -> None:
    """Remove what a killed `replacing` left in a folder (not below it): of the files `names`, or of any in a folder of ours."""
    wanted = None if names is None else {(Path(name).stem, Path(name).suffix) for name in names}
    for path in folder.glob(".*"):
        found = UNFINISHED.fullmatch(path.name)
        if found and path.is_file() and (wanted is None or found.groups() in wanted):
            path.unlink(missing_ok=True)


def claim(folder: Path, mark: str, content: dict, what: str) -> dict:
    """What the JSON file `mark` of an output folder says; a new or empty folder gets it with `content`, and thereby is ours.

    Raises InputError for files and folders that are not ours; `what` says what ours hold, such as "a dataset".
    """
    path = folder / mark
    if path.exists():
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            raise InputError(f"{path}: not readable; choose another folder") from None
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: already there and not {what} of ours; choose another folder")
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(content), encoding="utf-8")
    return content


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_name(text: str) -> str:
    """`text` as part of a file's name on any system: ASCII letters and digits, dots, dashes, at most LONGEST bytes.

    Text that has none of these letters keeps those that it has.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")
    if not re.search("[A-Za-z0-9]", name):
        text = unicodedata.normalize("NFC", text)
        kept = "".join(c if c.isalnum() or c in "._-" or unicodedata.category(c)[0] == "M" else " " for c in text)
        name = "_".join(kept.split()).strip("._") or "_"
    data = name.encode("utf-8", "replace")
    if len(data) <= LONGEST:
        return name
    mark = blake2b(data, digest_size=4).hexdigest()  # names that begin alike stay apart
    return f"{data[: LONGEST - 9].decode('utf-8', 'ignore')}-{mark}"
