"""Which recordings: those of a folder, or of a list with settings of their own."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from talkinghead.animate.settings import PAGE, AnimateSettings
from talkinghead.errors import InputError, shown
from talkinghead.io.files import find_named, parse_json, read_lines
from talkinghead.io.tables import read_table
from talkinghead.motion.emotion_curve import curve_file
from talkinghead.rendering.settings import DRAWN

LARGEST = 256 << 20  # bytes of a list: a million recordings
LISTS = (".txt", ".csv", ".jsonl")
SOUNDS = (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus", ".aif", ".aiff", ".caf", ".w64", ".wv", ".amr")


@dataclass(frozen=True)
class Item:
    """One recording, and the name of what is made of it."""

    name: str
    audio: Path
    changes: dict[str, Any] = field(default_factory=dict)  # of the settings, and of the head


COLUMNS: dict[str, type] = {"audio": str, "output": str, "head": str, "track": int}
SETTINGS = [field.name for field in fields(AnimateSettings)]
COLUMNS |= {field.name: str if field.default is None else type(field.default) for field in fields(AnimateSettings)}


def read_items(source: Path) -> list[Item]:
    """The recordings of a folder or of a list, sorted by name. Raises InputError, one line, for a list that is not right."""
    if source.is_dir():
        found = (path for path in source.rglob("*") if path.suffix.lower() in SOUNDS and path.is_file())
        rows = [{"audio": path} for path in found if not any(p.startswith(".") for p in path.relative_to(source).parts)]
        items = _named(rows, source)
    elif not source.is_file():
        raise InputError(f"{source}: no such file or folder")
    elif source.suffix.lower() in LISTS:
        items = _named(_rows(source), source.parent, f"{source}, ")
    else:
        raise InputError(f"{source}: recordings are listed in {', '.join(LISTS)} files")
    if not items:
        what = f"no sound files ({' '.join(SOUNDS)})" if source.is_dir() else "lists no recordings"
        raise InputError(f"{source}: {what}")
    return sorted(items, key=lambda item: item.name)


def _rows(path: Path) -> list[dict[str, Any]]:
    """Lines of a list as {column: value}, audio a path, and `line` where it is from."""
    try:
        lines = [] if path.suffix.lower() == ".csv" else read_lines(path, LARGEST)
        if path.suffix.lower() == ".txt":
            named = [(n, line.rstrip("\r")) for n, line in enumerate(lines, 1) if line.strip()]
            rows = [(n, {"audio": line}) for n, line in named if not _is_note(line, path.parent)]
        elif path.suffix.lower() == ".csv":
            table = read_table(path, largest=LARGEST, blanks=True)
            header = [name.lower() for name in table.header]
            if len(set(header)) != len(header):
                raise InputError(f"{table.where(table.line)}: a column is there twice")
            rows = [(n, _cells(header, cells)) for n, cells in table.rows]
        else:
            rows = [(n, parse_json(line)) for n, line in enumerate(lines, 1) if line.strip()]
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as {path.suffix[1:]} ({' '.join(str(error).split())})") from None
    return [
        {**_row(row, f"{path}, line {n}", path.parent), "line": n, "audio": find_named(path.parent, _audio(row, path, n))}
        for n, row in rows
    ]


def _is_note(line: str, root: Path) -> bool:
    """Whether a line that begins with # is no recording's name."""
    return line.lstrip().startswith("#") and not find_named(root, line).is_file()


def _cells(header: list[str], cells: list[str]) -> dict[str, str]:
    """The cells of a line by their columns; blanks around them count in names of recordings only."""
    row = dict(zip(header, cells, strict=False))
    return {name: cell if name == "audio" else cell.strip() for name, cell in row.items()}


def _audio(row: Any, path: Path, number: int) -> str:
    if not isinstance(row, dict) or not isinstance(row.get("audio"), str) or not row["audio"].strip():
        raise InputError(f"{path}, line {number}: no audio; the columns are {', '.join(COLUMNS)}")
    return row["audio"]


def _row(row: Any, where: str, root: Path) -> dict[str, Any]:
    """The values of a line, of the types of COLUMNS; what is empty is left out. Emotion curves are looked for from `root`."""
    if not isinstance(row, dict):
        raise InputError(f"{where}: not an object with the columns {', '.join(COLUMNS)}")
    values = {}
    for name, value in row.items():
        if name not in COLUMNS:
            near = get_close_matches(str(name), COLUMNS, 1)
            raise InputError(
                f"{where}: unknown column {shown(name)}; {f'did you mean {near[0]!r}?' if near else ', '.join(COLUMNS)}"
            )
        if value is None or value == "":
            continue
        if isinstance(value, str) and "\0" in value:
            raise InputError(f"{where}: {name} has a null character")
        try:
            values[name] = COLUMNS[name](value)
        except (TypeError, ValueError, OverflowError):
            raise InputError(f"{where}: {name} is {shown(value)}, a number is expected") from None
    try:
        if "emotion" in values:
            values["emotion"] = _placed(values["emotion"].strip(), root)
        AnimateSettings(**{name: value for name, value in values.items() if name in SETTINGS})
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return values


def _placed(emotion: str, root: Path) -> str:
    """The same emotion; a curve's file, seen from the folder `root`, with its whole path."""
    path = curve_file(emotion)
    return emotion if path is None else str(find_named(root, str(path)).absolute())


def _named(rows: list[dict[str, Any]], root: Path, where: str = "") -> list[Item]:
    """Items with names of their own: the path below `root`, or below what recordings that lie elsewhere have in common."""
    root = root.absolute()
    paths = [Path(os.path.normpath(row["audio"].absolute())) for row in rows]
    outside = [path.parent for path in paths if not path.is_relative_to(root)]
    common = Path(os.path.commonpath(outside)) if outside else root
    names = [(path.relative_to(root if path.is_relative_to(root) else common)) for path in paths]
    stems = Counter(name.with_suffix("") for name in names)
    items, taken = [], {}
    for row, name, path in zip(rows, names, paths, strict=True):
        alone = stems[name.with_suffix("")] == 1  # a.wav beside a.flac keep their suffixes
        text = _output(row, where) if "output" in row else (name.with_suffix("") if alone else name).as_posix()
        if text in taken:  # the files of a folder have names of their own
            raise InputError(f"{where}lines {taken[text]} and {row['line']}: both would write {text}; give them an output each")
        taken[text] = row.get("line")
        changes = {key: value for key, value in row.items() if key not in ("audio", "output", "line")}
        items.append(Item(text, path, changes))
    return items


def _output(row: dict[str, Any], where: str) -> str:
    """The output that a line names, without a suffix, inside the folder."""
    from talkinghead.export import suffixes

    path = PurePosixPath(row["output"].replace("\\", "/"))
    path = path.with_suffix("") if path.suffix.lower() in (*DRAWN, PAGE, *suffixes()) else path
    if path.is_absolute() or ".." in path.parts or path == PurePosixPath("."):
        name = f"{where}line {row['line']}: output {shown(row['output'])}"
        raise InputError(f"{name} must be a name inside the folder that is written")
    return str(path)
