"""Landmarks that a user gives: places on the mesh, by name or in the order of the 68 points of iBUG's 300-W."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief, shown
from talkinghead.io.files import parse_json
from talkinghead.registration.meshes import Mesh

POINTS = 478
LARGEST = 1 << 22  # bytes
FEWEST = 6
# The tracker's point for each of the 68 of 300-W (Sagonas et al., ICCVW 2013): jaw, brows, nose, eyes, outer and inner lips;
# its first is at the person's right, as the tracker's smaller numbers are.
IBUG = (
    *(127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356),
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 75, 97, 2, 326, 305),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)
NAMED = {  # names of a head's landmarks
    "nose_tip": 4,
    "nose_bridge": 168,
    "chin": 152,
    "lip_corner_left": 291,
    "lip_corner_right": 61,
    "lip_upper_outer": 0,
    "lip_lower_outer": 17,
    "lip_upper_inner": 13,
    "lip_lower_inner": 14,
    "eye_left_outer": 263,
    "eye_left_inner": 362,
    "eye_left_upper": 386,
    "eye_left_lower": 374,
    "eye_right_outer": 33,
    "eye_right_inner": 133,
    "eye_right_upper": 159,
    "eye_right_lower": 145,
    "brow_left_inner": 336,
    "brow_left_outer": 300,
    "brow_right_inner": 107,
    "brow_right_outer": 70,
}


def read_landmarks(path: Path, mesh: Mesh) -> np.ndarray:
    """(478, 3) the tracker's points on a mesh, NaN where the file names none.

    The file is .json, {name: [x, y, z] or vertex}, or text: lines of a name and x y z or a vertex; or 68 lines of x y z or of
    vertices, as of iBUG. A name is one of NAMED, tracker_000 to tracker_477, or ibug_1 to ibug_68. Raises InputError.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path}: too large for landmarks")
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = _json(text) if path.suffix.lower() == ".json" else _text(text)
        out = np.full((POINTS, 3), np.nan)
        for name, value in table.items():
            out[_number(name)] = _place(name, value, mesh)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not landmarks ({brief(error)})") from None
    found = int(np.isfinite(out).all(1).sum())
    if found < FEWEST:
        raise InputError(f"{path}: {found} landmarks; at least {FEWEST} are needed, such as {', '.join(list(NAMED)[:6])}")
    return out


def _json(text: str) -> dict[str, Any]:
    found = parse_json(text)
    if isinstance(found, list):
        return _ordered(found)
    if not isinstance(found, dict):
        raise InputError("landmarks are {name: [x, y, z]} or a list of 68")
    return found


def _text(text: str) -> dict[str, Any]:
    rows = [re.split(r"[\s,;]+", line.strip()) for line in text.splitlines() if line.strip() and line[0] != "#"]
    if rows and re.fullmatch(r"[A-Za-z_]\w*", rows[0][0]):
        return {row[0]: [float(word) for word in row[1:] if word] for row in rows}
    return _ordered([[float(word) for word in row if word] for row in rows])


def _ordered(rows: list[Any]) -> dict[str, Any]:
    if len(rows) not in (51, 68):
        raise InputError(f"{len(rows)} landmarks without names; 68 are known, or the last 51 of them, in iBUG's order")
    return {f"ibug_{68 - len(rows) + k + 1}": row for k, row in enumerate(rows)}


def _number(name: str) -> int:
    if name in NAMED:
        return NAMED[name]
    word, _, digits = name.rpartition("_")
    if word == "tracker" and digits.isdecimal() and int(digits) < POINTS:
        return int(digits)
    if word == "ibug" and digits.isdecimal() and 1 <= int(digits) <= len(IBUG):
        return IBUG[int(digits) - 1]
    raise InputError(f"no landmark is called {shown(name)}; known are {', '.join(NAMED)}, ibug_1 to 68, tracker_000 to 477")


def _place(name: str, value: Any, mesh: Mesh) -> np.ndarray:
    try:
        numbers = np.atleast_1d(np.asarray(value, np.float64))
    except (ValueError, TypeError, OverflowError):
        numbers = np.zeros(0)
    if numbers.shape == (1,) and 0 <= numbers[0] < len(mesh.points) and float(numbers[0]).is_integer():
        return mesh.points[int(numbers[0])]
    if numbers.shape != (3,) or not np.isfinite(numbers).all():
        raise InputError(f"{name}: is neither x y z nor a vertex of the {len(mesh.points)}")
    return numbers
