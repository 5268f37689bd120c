"""Tables of text as spreadsheets and other programs write them: cells between commas, semicolons, tabs or bars.

What is understood: a byte order mark, UTF-16, a line `sep=;`, empty lines, lines of notes that begin with # above the header,
quoted cells, blanks around cells, separators at the end of a line. Only what is certain is changed in a cell: in a table whose
cells are not separated by commas, a number with a comma gets its point; in one with commas, where such numbers stand in quotes,
so do those of a row that has no points and a number that is not grouped by thousands.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from talkinghead.errors import InputError, brief
from talkinghead.io.files import encoding_of, reading_text

SEPARATORS = ",;\t|"
LARGEST = 1 << 30  # bytes of a table: two hours of curves at 60 frames a second are a third of it
LONGEST = 1 << 20  # characters of a line
MOST_COLUMNS = 20_000
COMMA = re.compile(r"([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)")  # a number with a decimal comma
POINT = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Table:
    """Names of columns, and rows of cells as they are read: (line in the file, no more cells than there are names)."""

    path: Path
    line: int  # of the header
    header: list[str]
    rows: Iterator[tuple[int, list[str]]]

    def where(self, line: int) -> str:
        """How messages name a line."""
        return f"{self.path}, line {line}"

    def whole(self) -> Iterator[tuple[int, list[str]]]:
        """The rows, with a cell for each column. Raises InputError for one that has fewer."""
        for line, cells in self.rows:
            if len(cells) < len(self.header):
                raise InputError(f"{self.where(line)}: {len(cells)} cells, the first line names {len(self.header)}")
            yield line, cells


def wide_table(table: Table, key: int, name: int, value: int, most: int) -> Table:
    """A row for each `key` of a long table, which has a row for each value: columns with the key, the name and the value.

    Rows come in the order in which their keys are first seen; cells that no row tells are empty. Raises InputError for a short
    row, a value that is told twice, and for more than `most` cells.
    """
    places: dict[str, int] = {}
    keys: dict[str, tuple[int, dict[int, str]]] = {}
    for line, cells in table.whole():
        column = places.setdefault(cells[name], len(places))
        row = keys.setdefault(cells[key], (line, {}))[1]
        if column in row:
            raise InputError(f"{table.where(line)}: {cells[name]} at {cells[key]} is there twice")
        row[column] = cells[value]
        if len(keys) * len(places) > most:
            raise InputError(f"{table.path}: more than {most} values")
    rows = ((line, [at, *(row.get(column, "") for column in range(len(places)))]) for at, (line, row) in keys.items())
    return Table(table.path, table.line, [table.header[key], *places], rows)


def read_table(path: Path, *, largest: int = LARGEST, blanks: bool = False) -> Table:
    """The table in a file. The rows are read as they are asked for. blanks: keep those around cells, as names have them.

    Raises InputError, also while the rows are read, for a file that is missing, larger than `largest` bytes, empty or no text,
    and for a row with more cells than the header has names.
    """
    lines = _lines(path, largest)
    first, separator = (0, ""), None
    for first in lines:
        text = first[1].strip()
        if found := re.fullmatch(r'\s*"?sep=(.)"?[\r\n]*', first[1], re.IGNORECASE):
            separator = found[1]
        elif text and not text.startswith("#"):
            break
    else:
        raise InputError(f"{path}: is empty; its first line is a header with names of columns")
    separator = separator or _separator(first[1])
    rows = _rows(path, chain([first], lines), separator, blanks)
    line, cells = next(rows, (1, []))
    header = _trimmed([cell.strip() for cell in cells])
    if len(header) > MOST_COLUMNS:
        raise InputError(f"{path}, line {line}: {len(header)} columns; at most {MOST_COLUMNS} are read")
    if not header:
        raise InputError(f"{path}: is empty; its first line is a header with names of columns")
    return Table(path, line, header, _fitting(path, rows, len(header), separator))


def _rows(path: Path, lines: Iterator[tuple[int, str]], separator: str, blanks: bool) -> Iterator[tuple[int, list[str]]]:
    """Cells of each row that has any."""
    number = 0

    def given() -> Iterator[str]:
        nonlocal number
        for number, line in lines:  # noqa: B007
            yield line

    try:
        for cells in csv.reader(given(), delimiter=separator, strict=True):
            bare = [cell.strip() for cell in cells]
            if any(bare):
                yield number, cells if blanks else bare
    except csv.Error as error:
        raise InputError(f"{path}, line {number}: not a row of a table ({brief(error)})") from None


def _fitting(path: Path, rows: Iterator[tuple[int, list[str]]], width: int, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows of at most `width` cells, with points for decimal commas."""
    for line, cells in rows:
        if any(cells[width:]):
            hint = "; decimal commas need another separator than a comma" if separator == "," else ""
            raise InputError(f"{path}, line {line}: {len(_trimmed(cells))} cells, the first line names {width}{hint}")
        cells = cells[:width]
        commas = [cell for cell in cells if "," in cell and COMMA.fullmatch(cell)]
        if commas and (separator != "," or _decimal(cells, commas)):
            cells = [COMMA.sub(r"\1.\2", cell) if "," in cell and COMMA.fullmatch(cell) else cell for cell in cells]
        yield line, cells


def _decimal(cells: list[str], commas: list[str]) -> bool:
    """Whether the commas of quoted numbers, `commas` of all cells, are those of decimals and not of thousands."""
    return not any(POINT.fullmatch(cell) for cell in cells) and not all(THOUSANDS.fullmatch(cell) for cell in commas)


def _lines(path: Path, largest: int) -> Iterator[tuple[int, str]]:
    """Numbered lines of a text in UTF-8 or UTF-16, without a byte order mark."""
    with reading_text(path, largest):
        with path.open("rb") as file:
            encoding = encoding_of(file.read(4))
        with path.open(encoding=encoding, newline="") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST or "\0" in line:
                    raise InputError(f"{path}, line {number}: not a line of text")
                yield number, line


def _separator(header: str) -> str:
    """The one of SEPARATORS that the header has most of, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(SEPARATORS, key=bare.count)


def _trimmed(cells: list[str]) -> list[str]:
    """Without the empty cells at the end."""
    count = max((i for i, cell in enumerate(cells, 1) if cell), default=0)
    return cells[:count]
