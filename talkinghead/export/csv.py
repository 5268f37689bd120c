"""`.csv`: curves for engines, in the columns of Epic's Live Link Face app where the head has ARKit's shapes.

Live Link Face: `Timecode,BlendShapeCount,EyeBlinkLeft,...,TongueOut,HeadYaw,...,RightEyeRoll`, one row a frame, in the order in
which the app writes its takes. Timecodes are HH:MM:SS:FF.mmm from 00:00:00:00.000, when the sound starts; FF counts frames
and mmm thousandths of one (a rate that is no whole number counts in the next whole one, as real time). The units of the app's
nine angles are not documented; written are radians about ARKit's axes of the face (x to its own left, y up, z forward): yaw
about y, then pitch about x, then roll about z, so positive means to the own left, down, and the own left side up.

Any other head: `time,<names of its shapes>` and, where the motion turns the head, `HeadYaw,HeadPitch,HeadRoll`; `time` in
seconds on the frame clock. Neither form has room for a translation.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from talkinghead.errors import InputError
from talkinghead.export.mesh import for_curves
from talkinghead.files import replacing
from talkinghead.head.head import Head
from talkinghead.motion.animation import Animation, eye_shapes

LIVE_LINK = """
EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft
EyeBlinkRight EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight
JawForward JawRight JawLeft JawOpen MouthClose MouthFunnel MouthPucker MouthRight MouthLeft MouthSmileLeft MouthSmileRight
MouthFrownLeft MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower
MouthRollUpper MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight
MouthUpperUpLeft MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight CheekPuff
CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut
""".split()
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
EYES = ("LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll")
COMMON = (*(n / 2 for n in range(1, 481)), *(n / 1.001 for n in (24, 30, 48, 60, 120)))  # frames per second
ROWS = 1_000_000  # a file with more is no take; four and a half hours at 60 fps fit
WANDER = 0.05  # frames by which the steps of timecodes may differ, or their fractions mean nothing


def write(animation: Animation, path: Path) -> None:
    """Write the curves. Gaze goes into the eyeLook shapes and, in Live Link's form, into the angles of the eyes too."""
    animation = for_curves(animation, path)
    head, weights, turns = animation.head, animation.coefficients, _head_angles(animation)
    if {name.lower() for name in head.names} <= {name.lower() for name in LIVE_LINK}:
        curves = dict(zip((name.lower() for name in head.names), weights.T, strict=True))
        zero = np.zeros(len(animation), np.float32)
        columns = [*(curves.get(name.lower(), zero) for name in LIVE_LINK), *turns.T, *_eye_angles(animation).T]
        header = ["Timecode", "BlendShapeCount", *LIVE_LINK, *HEAD, *EYES]
        first = [[timecode(t / animation.fps, animation.fps), str(len(columns))] for t in range(len(animation))]
    else:
        columns = [*weights.T, *(turns.T if animation.rotation is not None else ())]
        header = ["time", *head.names, *HEAD][: 1 + len(columns)]
        first = [[f"{time:.6f}"] for time in animation.times]
    with replacing(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        for start, values in zip(first, np.stack(columns, 1).tolist(), strict=True):
            out.writerow([*start, *(f"{value:.8f}" for value in values)])


def read(path: str | Path, head: Head | None = None, fps: float | None = None) -> Animation:
    """Read curves, ours or a take of the app, for `head` (the default one if not given).

    The rate is read from the times; `fps` is used only for a Live Link Face file that ends within its first second. Frames
    that the app dropped, or in which it lost the face, are interpolated (held at both ends) and listed in `meta["filled"]`.
    The angles of the eyes are left out: the eyeLook shapes say the same.
    Raises InputError for a file that is no such table, has an unclear rate, or uses shapes that the head does not have.
    """
    head = head or Head.default()
    header, first, values = _table(Path(path))
    times, fps = _clock(Path(path), first, fps)
    values, filled = _uniform(times, values, fps)
    columns = {name.lower(): values[:, i] for i, name in enumerate(header) if name not in EYES}
    turns = np.stack([columns.pop(name.lower(), np.zeros(len(values))) for name in HEAD], 1)
    rows = {name.lower(): row for row, name in enumerate(head.names)}
    lost = [name for name in header if name.lower() in columns.keys() - rows.keys() and columns[name.lower()].any()]
    if lost or not columns.keys() & rows.keys():
        what = f"lacks {', '.join(lost[:3])}" if lost else "has none of its shapes"
        raise InputError(f"{path}: made for another head: {head.name!r} {what}; give the head that it was made for")
    coefficients = np.zeros((len(values), len(rows)), np.float32)
    for name in columns.keys() & rows.keys():
        coefficients[:, rows[name]] = columns[name]
    rotation = None
    if turns.any():
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_euler("YXZ", turns).as_rotvec()
    meta = {"source": Path(path).name} | ({"filled": filled} if filled else {})
    return Animation(coefficients, fps, head, rotation=rotation, meta=meta)


def shapes(path: str | Path) -> tuple[str, ...]:
    """Names of the shapes in a table, as its header writes them; nothing else is read. Raises InputError for no such table."""
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = _header(path, csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a table of curves ({error})") from None
    return tuple(name for name in header[2 if header[0] == "Timecode" else 1 :] if name not in (*HEAD, *EYES))


def timecode(seconds: float, fps: float) -> str:
    """HH:MM:SS:FF.mmm as the app writes it: frames and thousandths of a frame after whole seconds of real time."""
    nominal = ceil(fps - 1e-6)
    whole, thousandths = divmod(round(seconds * nominal * 1000), nominal * 1000)
    frame, thousandths = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{thousandths:03d}"


def _head_angles(animation: Animation) -> np.ndarray:
    """(T, 3) rad: yaw, pitch, roll as the module says."""
    if animation.rotation is None:
        return np.zeros((len(animation), 3))
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(animation.rotation).as_euler("YXZ")


def _eye_angles(animation: Animation) -> np.ndarray:
    """(T, 6) rad: yaw, pitch, roll of the left and the right eye, as far as the eyeLook shapes turn them."""
    out = np.zeros((len(animation), 6))
    for name, (eye, axis, reach) in eye_shapes(animation.head).items():
        sign = 1 if axis == 0 else -1  # pitch is positive upwards in `gaze`, downwards here
        out[:, 3 * eye + axis] += sign * reach * animation.coefficients[:, animation.head.index(name)]
    return out


def _table(path: Path) -> tuple[list[str], list[str], np.ndarray]:
    """Names of the value columns, the time of each row as text, and the values (T, N).

    Rows in which the app lost the face are NaN; at the end they are left out.
    """
    first, values, seen = [], [], []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = _header(path, rows)
            skip = 2 if header[0] == "Timecode" else 1
            for row in rows:
                whole = len(row) == len(header)
                if whole or (skip == 2 and len(row) > 1):  # the app leaves rows short where it lost the face
                    first.append(row[0])
                    values.append(np.array(row[skip:] if whole else [np.nan] * (len(header) - skip), np.float64))
                    seen.append(whole)
                if len(first) > ROWS:
                    raise InputError(f"{path}: more than {ROWS} rows")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a table of curves ({error})") from None
    if not any(seen):
        raise InputError(f"{path}: has no row as long as its header")
    count = len(seen) - seen[::-1].index(True)
    table = np.stack(values[:count])
    if not np.isfinite(table[seen[:count]]).all():
        raise InputError(f"{path}: has values that are not finite")
    return header[skip:], first[:count], table


def _header(path: Path, rows: Iterator[list[str]]) -> list[str]:
    header = next(rows, [""]) or [""]
    if header[0] not in ("Timecode", "time"):
        raise InputError(f"{path}: not a table of curves: its header does not start with Timecode or time")
    return header


def _clock(path: Path, first: list[str], fps: float | None) -> tuple[np.ndarray, float]:
    """(T,) seconds of the rows, from any zero, and the frames per second."""
    codes = _time_codes(path, first)
    if codes.shape[1] == 1:
        times = codes[:, 0]
        if len(times) == 1 and times[0] > 0:
            return times, _nice(0.5 / times[0])
    else:
        frames = int(codes[:, 3].max()) + 1
        if (np.diff(codes[:, 2]) != 0).any():  # seconds tick: the frame before is the last of its second
            fps = frames
        elif fps is None or frames > ceil(fps - 1e-6):
            raise InputError(f"{path}: too short to tell its frame rate from the timecodes; give it with --fps")
        whole, steps = np.floor(codes[:, 3]), np.diff(codes[:, 3])
        if len(steps) and np.median(np.abs(steps - np.median(steps))) > WANDER and (np.diff(whole) != 0).all():
            codes[:, 3] = whole
        times = codes[:, :3] @ [3600, 60, 1] + codes[:, 3] / ceil(fps - 1e-6)
    steps = np.diff(times)
    if len(steps) and not (steps > 0).all():
        raise InputError(f"{path}: its times do not increase")
    if len(steps):
        span, nominal = times[-1] - times[0], fps
        fps = _nice(max(1, round(span / np.median(steps))) / span)
        if codes.shape[1] == 4 and nominal and abs(nominal - fps) * span < 0.5 and fps not in COMMON:
            fps = nominal  # the fractions of frames wander: over a short take they say nothing
    if fps is None:
        raise InputError(f"{path}: one row is too little to tell its frame rate")
    if not 1 <= fps <= 1000 or (times[-1] - times[0]) * fps > ROWS:
        raise InputError(f"{path}: its times are not those of frames ({fps:g} a second for {times[-1] - times[0]:g} s)")
    return times, float(fps)


def _time_codes(path: Path, first: list[str]) -> np.ndarray:
    """(T, 1) seconds or (T, 4) hours, minutes, seconds and frames."""
    try:
        codes = np.array([text.split(":") for text in first], np.float64)
    except ValueError as error:
        raise InputError(f"{path}: a time is not HH:MM:SS:FF.mmm or seconds ({error})") from None
    if codes.shape[1] not in (1, 4) or not np.isfinite(codes).all():
        raise InputError(f"{path}: a time is not HH:MM:SS:FF.mmm or seconds ({first[0]})")
    return codes


def _nice(fps: float) -> float:
    """The common rate that the digits of the times mean, if there is one within half a thousandth."""
    near = min(COMMON, key=lambda rate: abs(rate - fps))
    return float(near if abs(near - fps) < 5e-4 * near else fps)


def _uniform(times: np.ndarray, values: np.ndarray, fps: float) -> tuple[np.ndarray, list[int]]:
    """(T, N) values at even times, and which had to be filled: untouched unless the app dropped frames or lost the face."""
    frames, seen = round((times[-1] - times[0]) * fps) + 1, np.isfinite(values).all(1)
    if frames == len(values) and seen.all():
        return values, []
    even = times[0] + np.arange(frames) / fps
    there = np.round((times[seen] - times[0]) * fps).astype(int)
    filled = np.setdiff1d(np.arange(frames), there).tolist()
    return np.stack([np.interp(even, times[seen], column) for column in values[seen].T], 1), filled
