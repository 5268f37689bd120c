"""Single pictures: .png and .jpg, and a folder of .png frames."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.rendering.output.opacity import straight

QUALITY = 92  # of .jpg
NUMBERED = re.compile(r"[\w.-]*%0?\d*d[\w.-]*\.png", re.IGNORECASE)  # a name of frames, such as %04d.png
EXAMPLE = "frames/%04d.png"


def write_still(picture: np.ndarray, path: Path) -> None:
    """(H, W, 3) uint8, or (H, W, 4) of colours times opacity, in the format of the suffix."""
    from PIL import Image

    options: dict[str, Any] = {"compress_level": 4} if path.suffix.lower() == ".png" else {"quality": QUALITY, "subsampling": 0}
    Image.fromarray(np.ascontiguousarray(straight(picture))).save(path, **options)


def is_numbered(path: Path) -> bool:
    """Whether a path names a folder of frames."""
    return "%" in path.name and NUMBERED.fullmatch(path.name) is not None


def check_folder(path: Path) -> None:
    """Raise InputError if the folder of the frames `path` holds anything that `write_frames` has not written."""
    folder = path.parent
    if folder in (Path(), Path(folder.anchor)) or folder.resolve() == Path.cwd():
        raise InputError(f"{path}: frames have a folder to themselves; write {EXAMPLE}")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; frames are written to a folder, give it another name")
    pattern = re.sub(r"%0?\d*d", r"\\d+", re.escape(path.name).replace(r"\%", "%"))
    if others := [entry.name for entry in folder.iterdir() if not re.fullmatch(pattern, entry.name)]:
        raise InputError(f"{folder}: a folder with other files, such as {others[0]}; give the frames one to themselves")


def write_frames(pictures: Iterable[np.ndarray], folder: Path, name: str) -> None:
    """Each picture as a file of the new folder, numbered from 0. name: such as %04d.png."""
    folder.mkdir()
    for t, picture in enumerate(pictures):
        write_still(picture, folder / (name % t))
