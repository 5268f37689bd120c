"""Where the package's own files are, folders that are written to, and names of files."""

from __future__ import annotations

import json
import re
import unicodedata
from hashlib import blake2b
from pathlib import Path

from talkinghead.errors import InputError
from talkinghead.writing import UNFINISHED, replacing

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
    if folder.exists() and (not folder.is_dir() or any(not path.name.startswith(UNFINISHED) for path in folder.iterdir())):
        raise InputError(f"{folder}: already there and not {what} of ours; choose another folder")
    with replacing(path) as fresh:
        fresh.write_text(json.dumps(content), encoding="utf-8")
    return content


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
