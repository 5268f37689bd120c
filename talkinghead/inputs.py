"""What a command reads, so that nothing it writes takes the place of it; and what an output may replace at all."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from talkinghead.errors import InputError

LOOKED_AT = 16 << 20  # bytes of a file in which names of others are looked for
NAMED = {  # how files of a format name others beside them: buffers and pictures, materials, pictures
    ".gltf": re.compile(rb'"uri"\s*:\s*"((?!data:)[^"]{1,1000})"'),
    ".obj": re.compile(rb"^[ \t]*mtllib[ \t]([^\r\n]{1,1000})", re.MULTILINE),
    ".mtl": re.compile(rb"^[ \t]*(?:map_\w{1,9}|bump|disp|decal|refl|norm)[ \t]([^\r\n]{1,1000})", re.MULTILINE),
}


class Inputs:
    """The files and folders that a command reads. A file is known by its place on the disk, however its name is spelt.

    Case, links, hard links and relative paths make no difference.
    """

    def __init__(self, *values: Any) -> None:
        self._found: dict[tuple[int, int], Path] = {}
        self.add(*values)

    def add(self, *values: Any) -> None:
        """Take in each path, and each text that names a file or folder; also inside dataclasses, mappings and sequences.

        Files that such a file names beside it, as a mesh its texture, are taken in, too.
        Raises InputError for a pipe or a device.
        """
        for value in values:
            if isinstance(value, str | Path):
                if (key := _key(Path(value))) is not None and key not in self._found:
                    check_plain(Path(value))
                    self._found[key] = Path(value)
                    self.add(*_named(Path(value)))
            elif isinstance(value, Mapping):
                self.add(*value.values())
            elif isinstance(value, list | tuple | set | frozenset):
                self.add(*value)
            elif is_dataclass(value):
                self.add(*(getattr(value, field.name) for field in fields(value)))

    def add_below(self, folder: str | Path | None) -> None:
        """Take in the files of a folder that is read as a whole, such as a model."""
        if folder is not None and Path(folder).is_dir():
            self.add(*(path for path in Path(folder).rglob("*") if path.is_file()))

    def refuse(self, output: str | Path, *, below: bool = False) -> None:
        """Raise InputError if the file or folder `output` is one of the inputs; with `below`, also if one lies in it."""
        output = Path(output)
        if (key := _key(output)) is None:
            return
        if (found := self._found.get(key)) is not None:
            name = "" if str(found) == str(output) else f" {found}"
            raise InputError(f"{output}: is the input{name}; write to another name")
        if below and output.is_dir():
            whole = output.resolve()
            for found in self._found.values():
                if found.resolve().is_relative_to(whole):
                    raise InputError(f"{output}: the input {found} is in it; write to another name")


def check_plain(path: Path) -> None:
    """Raise InputError for a pipe or a device, also behind a link: it may have no end. What is missing passes."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path}: is not a plain file")


def check_replaceable(output: Path) -> None:
    """Raise InputError for what is at the place of an output file and must stay: a link, a protected file, a device.

    A link is not followed, as its target is another name than the one that was asked for; nor is it replaced.
    """
    try:
        there = output.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise InputError(f"{output}: cannot be written ({getattr(error, 'strerror', None) or error})") from None
    if stat.S_ISLNK(there.st_mode):
        raise InputError(f"{output}: is a symbolic link to {output.readlink()}; name that file, or another one")
    if stat.S_ISDIR(there.st_mode):
        return  # whether it may be replaced depends on the format
    if not stat.S_ISREG(there.st_mode):
        raise InputError(f"{output}: is there and no file; write to another name")
    if not there.st_mode & 0o222:
        raise InputError(f"{output}: is write-protected; write to another name, or allow to write it")


def _named(path: Path) -> Iterator[Path]:
    """The files that a file of a kind in NAMED names."""
    pattern = NAMED.get(path.suffix.lower())
    if pattern is None:
        return
    try:
        with path.open("rb") as file:
            found = pattern.findall(file.read(LOOKED_AT))
    except OSError:
        return
    for name in found:
        text = name.decode("utf-8", "replace")
        if words := text.split():
            yield path.parent / (unquote(text) if path.suffix.lower() == ".gltf" else text.strip())
            yield path.parent / words[-1]  # behind options


def _key(path: Path) -> tuple[int, int] | None:
    """Device and number of what a path leads to; None where that is nothing."""
    try:
        there = path.stat()
    except (OSError, ValueError):  # also a text that is too long for a name
        return None
    return there.st_dev, there.st_ino
