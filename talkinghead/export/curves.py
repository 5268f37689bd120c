"""Curves of shapes as other programs write them, `.csv`, `.tsv` and `.json`: the one reader of them.

Tables: takes of Live Link Face, of all its versions, and what NeuroSync, Audio2Face, MediaPipe and this package write; a row
a frame. The columns are found by their names, see `head.shape_names`: a time or a timecode (`io.timecode`), else a number of a
frame, else every row is the next frame; shapes; HeadYaw, HeadPitch, HeadRoll in radians. A count of shapes, a number of the
row, angles of the eyes and emotions that a tracker adds say nothing about the face and are left out. MetaHuman's control curves
become ARKit's shapes. A long table, as of OpenFaceFX, has a row for each weight: time, channel and value. The dialect is
whatever `io.tables` reads.
JSON: of Audio2Face (`facsNames`, `weightMat`, `exportFps`), frames with weights in a list whose names are given once, as
in BEAT, or by name, MediaPipe's categories, and a list of weights for each name.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, InputWarning, shown
from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.character.controls import find_controls
from talkinghead.head.head import Head
from talkinghead.head.shape_names import arkit_name, bare
from talkinghead.head.transfer.metahuman import CURVES, PREFIX, curve_name, from_curves
from talkinghead.head.transfer.shape_sets import set_of
from talkinghead.io.files import load_json
from talkinghead.io.tables import Table, read_table, wide_table
from talkinghead.io.timecode import ROWS, Clock, of_numbers, read_clock
from talkinghead.motion.animation import Animation
from talkinghead.motion.emotions import SPELLINGS

SUFFIXES = (".csv", ".tsv", ".json")
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
TIMES = {"timecode", "time", "timestamp", "seconds", "second", "sec", "frametime"}
UNITS = {"ms": "ms", "msec": "ms", "milliseconds": "ms", "us": "us", "ns": "ns", "s": "s", "sec": "s", "seconds": "s"}
NAME_KEYS = ("facsNames", "names", "blendshape_names", "blendShapeNames")
RATE_KEYS = ("exportFps", "fps", "frameRate", "frame_rate")
FRAME_KEYS = ("weightMat", "frames", "weights", "blendShapes", "blendshapes")
TIME_KEYS = {  # of JSON -> unit
    **dict.fromkeys(("time", "timeCode", "timestamp")),
    **dict.fromkeys(("timestamp_ms", "timestampMs", "time_ms"), "ms"),
}
NUMBERS = {"frame", "frames", "frameindex", "frameid", "framenumber", "frameno", "index", "unnamed0", ""}
UNUSED = {"blendshapecount", "neutral", *(name.lower() for name in EYES)}  # MediaPipe's `_neutral` is no shape
LONG = ({"channel", "shape", "blendshape", "curve", "name", "morph", "target"}, {"value", "weight"})  # columns of a long table
NOT_FINITE = {"nan", "inf", "infinity"}  # in any column, also one that is left out: something went wrong
MOVING = 0.01  # weight of a curve that does something
MOST = 2.0  # weights are 0 to 1, and solvers overshoot; more is another unit
MOST_VALUES = 1 << 27  # numbers of a file, with the frames that are filled: 1 GiB; five hours of 61 columns at 120 a second
PERCENT = (20.0, 150.0)  # largest weights that mean per cent


@dataclass
class Columns:
    """What the columns of a table are. Places count from 0."""

    time: int | None = None
    unit: str | None = None
    number: int | None = None
    names: list[str] = field(default_factory=list)  # of shapes and angles of the head: ARKit's spelling, or as they are written
    places: list[int] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass
class Curves:
    """clock of the N rows; values: (N, C) of the columns `names`, NaN in rows without a face."""

    clock: Clock
    names: list[str]
    values: np.ndarray
    left_out: list[str] = field(default_factory=list)


def read(path: str | Path, head: Head | None = None, fps: float | None = None) -> Animation:
    """Read curves for `head` (the default one if not given).

    The rate is read from the times; `fps` is used where they do not tell. Frames that are missing, or in which the face was
    lost, are interpolated (held at both ends) and listed in `meta["filled"]`. Raises InputError for a file that holds no
    curves, has an unclear rate or weights beyond 0 to 1, or uses shapes that the head does not have.
    """
    path, head = Path(path), head or Head.default()
    curves = _read_json(path, fps) if path.suffix.lower() == ".json" else _read_table(path, fps)
    if curves.clock.note:
        warnings.warn(f"{path}: {curves.clock.note}", InputWarning, stacklevel=2)
    values, filled = _filled(path, curves)
    columns = _in_arkit(path, _by_name(path, curves.names, values))
    turns = np.stack([columns.pop(name, np.zeros(len(values))) for name in HEAD], 1)
    rows = {name.lower(): row for row, name in enumerate(head.names)}
    rows |= {arkit.lower(): row for row, name in enumerate(head.names) if (arkit := arkit_name(name))}
    lost = [name for name, values in columns.items() if name.lower() not in rows and values.any()]
    shown = {arkit_name(name) for name in columns}
    if None not in shown and (lost or head.character is not None) and head.topology != Head.default().topology:
        return read(path, None, fps).on(head)
    if (lost or head.character is not None) and (own := _named(columns)) is not None and own.names != head.names:
        return read(path, own, fps).on(head)
    if lost or not any(name.lower() in rows for name in columns):
        what = f"lacks {', '.join(lost[:3])}" if lost else "has none of its shapes"
        raise InputError(f"{path}: made for another head: {head.name!r} {what}; give the head that it was made for")
    _check_weights(path, columns)
    if curves.left_out:
        names = ", ".join(curves.left_out)
        warnings.warn(f"{path}: leaves out {names}, which are emotions and no shapes", InputWarning, stacklevel=2)
    coefficients = np.zeros((len(values), len(head.names)), np.float32)
    for name, weights in columns.items():
        if name.lower() in rows:
            coefficients[:, rows[name.lower()]] = weights
    rotation = None
    if turns.any():
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_euler("YXZ", turns).as_rotvec()
    meta = {"source": path.name} | ({"filled": filled} if filled else {})
    try:
        return Animation(coefficients, curves.clock.fps, head, rotation=rotation, meta=meta)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _named(columns: Iterable[str]) -> Head | None:
    """A head with shapes of these names, where they say what they do: a face of a set that is known, else the names alone."""
    names = tuple(columns)
    if (kind := set_of(names)) is not None:
        return Head.default().with_shapes(kind)
    if any(name in ARKIT for name in names) or not find_controls(names):
        return None
    empty = np.zeros((0, 3), np.float32)
    return Head("curves", empty, empty.astype(np.int32), np.zeros((len(names), 0, 3), np.float32), names)


def shapes(path: str | Path) -> tuple[str, ...]:
    """Names of the shapes in a file of curves, ARKit's in its own spelling. Raises InputError."""
    path = Path(path)
    names = _read_json(path, 1.0).names if path.suffix.lower() == ".json" else _columns(_open(path)[0]).names
    return tuple(name for name in names if name not in HEAD)


def is_take(path: Path) -> bool:
    """Whether a file is a table with timecodes, as the app Live Link Face writes it."""
    try:
        table, _ = _open(path)
        return any(bare(name) == "timecode" for name in table.header) and bool(_columns(table).names)
    except InputError:
        return False


def _open(path: Path) -> tuple[Table, bool]:
    """The table in a file, a row a frame, and whether it was a long one, in which a channel may lack frames."""
    table = read_table(path)
    names = [bare(name) for name in table.header]
    found = [next((i for i, name in enumerate(names) if name in known), None) for known in LONG]
    if len(names) == 3 and None not in found:
        channel, value = (int(i) for i in found if i is not None)
        return wide_table(table, 3 - channel - value, channel, value, MOST_VALUES), True
    return table, False


def _columns(table: Table) -> Columns:
    """Find the columns by their names. Raises InputError if they are not those of curves."""
    found, emotions = Columns(), []
    for place, name in enumerate(table.header):
        plain, arkit = bare(name), arkit_name(name)
        unit = re.fullmatch(r"(.*?)[\s_.(\[-]+(\w+)[)\]]?", name.strip().lower())
        timed = plain in TIMES or (unit and bare(unit[1]) in TIMES and unit[2] in UNITS)
        if arkit is None and found.time is None and timed:
            found.time = place
            found.unit = UNITS.get(unit[2]) if unit and plain not in TIMES else None
        elif arkit is None and found.time is None and plain in UNITS:  # such as `ms`
            found.time, found.unit = place, UNITS[plain]
        elif arkit is None and plain in NUMBERS and (name or place == 0):
            found.number = place if found.number is None else found.number
        elif not name:
            raise InputError(f"{table.where(table.line)}: column {place + 1} has no name")
        elif arkit is None and plain in UNUSED:
            continue
        elif arkit is None and plain in SPELLINGS:
            emotions.append((place, name))
        else:
            angle = next((angle for angle in HEAD if angle.lower() == plain), None)
            found.names.append(curve_name(name) or arkit or angle or name)
            found.places.append(place)
    if any(name in ARKIT for name in found.names):
        found.left_out = [name for _, name in emotions]
    else:  # of a head that may have shapes of these names
        found.names += [name for _, name in emotions]
        found.places += [place for place, _ in emotions]
    known = any(name in ARKIT or name.startswith(PREFIX) for name in found.names)
    if not found.names or (found.time is None and not known):
        raise InputError(f"{table.path}: not a table of curves: its header has no time and names of shapes")
    return found


def _read_table(path: Path, fps: float | None) -> Curves:
    table, gaps = _open(path)
    columns = _columns(table)
    when = columns.time if columns.time is not None else columns.number
    texts, rows, seen, lines = [], [], [], []
    for line, cells in table.rows:
        cells = cells + [""] * (len(table.header) - len(cells))
        texts.append(str(len(texts)) if when is None else cells[when])
        if not texts[-1]:
            raise InputError(f"{table.where(line)}: has no {table.header[when or 0] or 'number'}")
        if any(cell.lower().lstrip("+-") in NOT_FINITE for cell in cells):
            raise InputError(f"{table.where(line)}: has values that are not finite")
        row = [cells[place] for place in columns.places]
        rows.append(_numbers(table, line, row, columns.names, gaps))
        seen.append(rows[-1] is not None)
        lines.append(line)
        if len(rows) > ROWS or len(rows) * len(columns.names) > MOST_VALUES:
            raise InputError(f"{path}: more than {ROWS} rows, or {MOST_VALUES} values")
    if not any(seen):
        raise InputError(f"{path}: has no row as long as its header")
    count = len(seen) - seen[::-1].index(True)  # rows without a face at the end are left out
    nothing = np.full(len(columns.names), np.nan)
    values = np.stack([nothing if row is None else row for row in rows[:count]])
    try:
        numbered = columns.time is None
        clock = of_numbers(texts[:count], fps) if numbered else read_clock(texts[:count], columns.unit, fps)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Curves(clock, columns.names, values, columns.left_out)


def _numbers(table: Table, line: int, cells: list[str], names: list[str], gaps: bool) -> np.ndarray | None:
    """The values of a row; None for one that is short or has empty cells: there the face was lost.

    gaps: an empty cell is NaN, and the others count.
    """
    if not gaps and not all(cells):
        return None
    told = np.array([bool(cell) for cell in cells])
    values = np.full(len(cells), np.nan)
    try:
        values[told] = np.array([cell for cell in cells if cell], np.float64)
    except ValueError:
        wrong = next(i for i, cell in enumerate(cells) if cell and not _is_number(cell))
        raise InputError(
            f"{table.where(line)}: not a table of curves: {names[wrong]} is {shown(cells[wrong])}, a number is expected"
        ) from None
    if not np.isfinite(values[told]).all():
        raise InputError(f"{table.where(line)}: has values that are not finite")
    return values


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_json(path: Path, fps: float | None) -> Curves:
    names, rate, frames = _json_parts(path, load_json(path), fps)
    if not isinstance(frames, list) or not frames:
        raise InputError(f"{path}: no curves that are known: no frames with weights")
    try:
        key = next((key for key in TIME_KEYS if isinstance(frames[0], dict) and key in frames[0]), None)
        times = [frame.get(key) if isinstance(frame, dict) else None for frame in frames]
        rows = [_weights(frame) for frame in frames]
        if names is None and all(isinstance(row, dict) for row in rows):
            names = list(dict.fromkeys(name for row in rows for name in row))
        if rate is not None and not 1 <= (rate := float(rate)) <= 1000:
            raise InputError(f"{path}: {shown(rate)} frames a second; 1 to 1000 are usual")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f"{path}: its frames have weights without names")
        if len(rows) > ROWS or len(rows) * len(names) > MOST_VALUES:
            raise InputError(f"{path}: more than {ROWS} frames, or {MOST_VALUES} values")
        table = [[row.get(name, 0.0) for name in names] if isinstance(row, dict) else row for row in rows]
        values = np.array(table, np.float64)
        if values.shape != (len(frames), len(names)) or not np.isfinite(values).all():
            raise InputError(f"{path}: its frames have no {len(names)} finite weights each")
        if None in times:
            clock = of_numbers([str(i) for i in range(len(frames))], rate)
        else:
            clock = read_clock([str(time) for time in times], TIME_KEYS[key] if key else None, rate)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, InputError):
            raise InputError(str(error) if str(error).startswith(str(path)) else f"{path}: {error}") from None
        raise InputError(f"{path}: its frames have something else than weights ({' '.join(str(error).split())[:80]})") from None
    used = [i for i, name in enumerate(names) if arkit_name(name) or bare(name) not in {*UNUSED, *SPELLINGS}]
    return Curves(clock, [curve_name(names[i]) or arkit_name(names[i]) or names[i] for i in used], values[:, used])


def _json_parts(path: Path, content: Any, fps: float | None) -> tuple[Any, Any, Any]:
    """Names, the rate and the frames, as they are called in a file; each None where it has none."""
    if not isinstance(content, dict):
        return None, fps, content
    about = content.get("metadata")
    places = [content, about if isinstance(about, dict) else {}]
    names = next((place[key] for place in places for key in NAME_KEYS if key in place), None)
    rate = next((place[key] for place in places for key in RATE_KEYS if key in place), fps)
    frames = next((content[key] for key in FRAME_KEYS if key in content), None)
    if isinstance(frames, dict) and names is None and all(isinstance(values, list) for values in frames.values()):
        if len({len(values) for values in frames.values()}) > 1:
            raise InputError(f"{path}: its shapes have curves of different lengths")
        names, frames = list(frames), [list(row) for row in zip(*frames.values(), strict=True)]
    return names, rate, frames


def _weights(frame: Any) -> Any:
    """The weights of a frame: a list, or a mapping of names."""
    if isinstance(frame, list) and frame and all(isinstance(item, dict) for item in frame):
        if "categories" in frame[0]:  # MediaPipe: a list of faces, of which there is one
            return _weights(frame[0])
        return {str(item["categoryName" if "categoryName" in item else "category_name"]): item["score"] for item in frame}
    if not isinstance(frame, dict):
        return frame
    for key in (
        "weights",
        "blendShapes",
        "blendshapes",
        "shapes",
        "values",
        "categories",
        "faceBlendshapes",
        "face_blendshapes",
    ):
        if key in frame:
            return _weights(frame[key]) if isinstance(frame[key], list) else frame[key]
    return {name: value for name, value in frame.items() if arkit_name(name) or curve_name(name)}


def _by_name(path: Path, names: list[str], values: np.ndarray) -> dict[str, np.ndarray]:
    columns: dict[str, np.ndarray] = {}
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name.lower() in seen:
            raise InputError(f"{path}: {name} is there twice; leave one of the columns out")
        columns[name] = values[:, place]
        seen.add(name.lower())
    return columns


def _in_arkit(path: Path, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The columns with ARKit's shapes in the place of MetaHuman's curves. Warns of moving curves that say nothing in them."""
    ours = {PREFIX + curve for curve in CURVES}
    others = [n for n, v in columns.items() if n.startswith(PREFIX) and n not in ours and np.abs(v).max(initial=0) > MOVING]
    if others:
        count = f" and {len(others) - 3} more" if len(others) > 3 else ""
        told = f"{path}: leaves out {', '.join(others[:3])}{count}, which no shape of ARKit moves"
        warnings.warn(told, InputWarning, stacklevel=3)
    return from_curves(columns)


def _check_weights(path: Path, columns: dict[str, np.ndarray]) -> None:
    """Raise InputError for weights of ARKit's shapes that are in another unit than 0 to 1."""
    largest = {name: float(np.abs(values).max()) for name, values in columns.items() if name in ARKIT}
    name = max(largest, key=lambda name: largest[name], default="")
    if name and (most := largest[name]) > MOST:
        frame = int(np.abs(columns[name]).argmax())
        advice = "they look like percent: divide them by 100" if PERCENT[0] < most <= PERCENT[1] else "are these ARKit weights?"
        raise InputError(f"{path}: {name} is {most:.3g} in frame {frame}, weights are 0 to 1; {advice}")


def _filled(path: Path, curves: Curves) -> tuple[np.ndarray, list[int]]:
    """(T, C) values of all frames, and which had to be filled."""
    frames, values = curves.clock.frames, curves.values
    known, count = np.isfinite(values), int(frames[-1]) + 1
    seen = known.any(1)
    if count * values.shape[1] > MOST_VALUES:
        raise InputError(f"{path}: its times leave {count - len(values)} frames out; are they those of one take?")
    if count == len(values) and known.all():
        return values, []
    every = np.arange(count)
    filled = np.setdiff1d(every, frames[seen]).tolist()
    columns = [np.interp(every, frames[told], column[told]) for column, told in zip(values.T, known.T, strict=True)]
    return np.stack(columns, 1), filled
