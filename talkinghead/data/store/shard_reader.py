"""Shards of a data set: WebDataset tars, scanned once, read by offset."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from talkinghead.data.manifest import Bounds, Clip, parse_clip
from talkinghead.errors import InputError, brief, shown
from talkinghead.io.files import parse_json
from talkinghead.io.safetensors_slice import ByteRange

SHARDS = "shards.json"  # tells that a folder holds shards, see `data.store.shard_writer`
Span = tuple[int, int]  # offset and length in bytes


@dataclass(frozen=True)
class ClipLocation:
    """A clip and the byte ranges of its parts in block `block`; those of sound and motion are (0, 0) in a folder of files."""

    clip: Clip
    block: int
    line: Span
    audio: Span = (0, 0)
    motion: Span = (0, 0)


VERSION = 1
PARTS = {"json": "line", "flac": "audio", "motion.safetensors": "motion"}  # what follows a clip's name in a shard
LONGEST_LINE = 1 << 26  # bytes of one clip's JSON


def shard_names(folder: Path) -> list[str]:
    """Of a folder of shards, in order. Raises InputError if one is missing or is not as it was written."""
    path = folder / SHARDS
    try:
        text = parse_json(path.read_text(encoding="utf-8"))
        version, found = text["version"], [(str(shard["name"]), int(shard["bytes"])) for shard in text["shards"]]
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: cannot be read ({brief(error)}); make the shards again") from None
    if version != VERSION:
        raise InputError(f"{path}: version {shown(version)}, this talkinghead reads {VERSION}; make the shards again")
    bounds = Bounds(folder)
    for name, size in found:
        if Path(name).name != name or "\0" in name or not name:
            raise InputError(f"{path}: shard {shown(name)} must be a file beside it")
        if not bounds.holds(name):
            raise InputError(f"{path}: shard {name} is a link that leads out of the folder; copy the file there")
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: is missing; copy it again")
        there = (folder / name).stat().st_size
        if there != size:
            raise InputError(f"{folder / name}: has {there} bytes, {size} were written; copy it again")
    return [name for name, _ in found]


def scan(folder: Path) -> Iterator[ClipLocation]:
    """The clips of all shards and where their parts lie. Raises InputError, one line, for damage."""
    for block, name in enumerate(shard_names(folder)):
        path = folder / name
        try:
            with tarfile.open(path, "r:") as tar:
                yield from _scan(path, tar, block)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise InputError(f"{path}: is damaged ({' '.join(str(error).split())}); copy it again") from None


def _scan(path: Path, tar: tarfile.TarFile, block: int) -> Iterator[ClipLocation]:
    parts: dict[str, tuple[int, int]] = {}
    last = ""
    size = path.stat().st_size
    for member in tar:
        tar.members = []  # type: ignore[attr-defined]  # or it keeps them all
        key, _, part = member.name.partition(".")
        if key != last and parts:
            yield _found(path, last, parts, block)
            parts = {}
        last = key
        if not member.isreg() or part not in PARTS:
            continue
        if member.offset_data + member.size > size:
            raise tarfile.ReadError("cut short")
        parts[PARTS[part]] = member.offset_data, member.size
    if parts:
        yield _found(path, last, parts, block)


def _found(path: Path, key: str, parts: dict[str, tuple[int, int]], block: int) -> ClipLocation:
    for name, part in PARTS.items():
        if part not in parts:
            raise InputError(f"{path}: clip {key} has no {key}.{name}; make the shards again")
    if parts["line"][1] > LONGEST_LINE:
        raise InputError(f"{path}: {key}.json has {parts['line'][1]} bytes; make the shards again")
    line = ByteRange(path, *parts["line"]).read().decode("utf-8")
    return ClipLocation(parse_clip(line, f"{path}, {key}.json"), block, **parts)
