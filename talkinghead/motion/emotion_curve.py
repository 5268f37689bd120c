"""Emotion as text, table or keyframes -> a curve over time: `happy`, `happy:0.6,surprised:0.3`, or a file with keyframes.

A curve file is a table. Times are seconds, in order; between keyframes the curve is smooth and monotone, before
the first and after the last it is constant. Weights and intensities are 0 to 1; what a row leaves out is 0.

CSV:  time,happy,sad          or  time,emotion,intensity
      0.0,0,0.8                   0.0,sad,0.8
      2.5,0.6,0                   2.5,happy:0.4 surprised:0.2,1
JSON: [{"time": 0.0, "emotion": "sad", "intensity": 0.8}, {"time": 2.5, "emotion": {"happy": 0.6}}]  or  {"keys": [...]}

N keyframes, T frames, E emotions in the order of EMOTIONS. Column 0, neutral, is always 0: neutral is the rest to 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError, brief, shown
from talkinghead.files import replacing
from talkinghead.inputs import check_plain
from talkinghead.io.files import parse_json
from talkinghead.io.tables import read_table
from talkinghead.io.timecode import clock_seconds
from talkinghead.motion.emotions import EMOTIONS, SPELLINGS

AUTO = "auto"  # heard from the recording; not a curve yet
CURVES = (".json", ".csv")
FIELDS = ("time", "emotion", "intensity")
LARGEST, MOST = 4 << 20, 20_000  # bytes of a curve file, keyframes of a curve: eleven minutes at 30 a second
# Least seconds from 0 to 1; smaller changes take less. Onsets of 0.3 to 0.8 s: H. Oster, P. Ekman 1978; U. Hess, R. Kleck 1990.
ONSET = 0.3
SAME = 1e-6  # seconds or weights below which two are one
LONGEST = 1e6  # seconds


@dataclass(frozen=True, eq=False)
class EmotionCurve:
    """Keyframes of emotion. times: (N,) seconds, not decreasing. values: (N, E) in [0, 1], rows sum to at most 1.

    meta: plain data, of what was asked for and how it was understood. Raises InputError for what is no such curve.
    """

    times: np.ndarray
    values: np.ndarray
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        times, values = np.array(self.times, np.float64), np.array(self.values, np.float64)
        if times.ndim != 1 or not len(times) or values.shape != (len(times), len(EMOTIONS)):
            raise InputError(
                f"emotion curve: times {times.shape} and values {values.shape}, expected (N,) and (N, {len(EMOTIONS)})"
            )
        values[:, 0] = 0
        if not np.isfinite(times).all() or not (np.diff(times) >= 0).all():
            raise InputError("emotion curve: times must be finite and in order")
        if not (values >= 0).all() or not (values.sum(1) <= 1 + 1e-6).all():
            raise InputError("emotion curve: values must be 0 to 1, and a row's sum at most 1")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values / np.maximum(values.sum(1, keepdims=True), 1))

    @property
    def constant(self) -> bool:
        """Whether it is the same at all times."""
        return not np.ptp(self.values, axis=0).any()

    def at(self, times: np.ndarray) -> np.ndarray:
        """(T,) seconds, any -> (T, E) in [0, 1]: smooth, never beyond the keyframes around; exactly 0 where they are."""
        times = np.asarray(times, np.float64)
        keys, values = self._eased
        if not np.ptp(values, axis=0).any():
            return np.repeat(values[:1], len(times), 0)
        from scipy.interpolate import PchipInterpolator  # monotone between keys: F. Fritsch, R. Carlson 1980

        out = PchipInterpolator(keys, values)(np.clip(times, keys[0], keys[-1])).clip(0, 1)
        return out / np.maximum(out.sum(1, keepdims=True), 1)

    def scaled(self, intensity: float) -> EmotionCurve:
        """All of it `intensity` times, 0 to 1; 0 is neutral exactly."""
        intensity = check_intensity(intensity)
        whole = float(self.meta.get("intensity", 1.0)) * intensity
        return replace(self, values=self.values * intensity, meta={**self.meta, "intensity": whole})

    def keys(self) -> list[dict[str, Any]]:
        """The keyframes as `read_emotion` and a JSON file take them."""
        return [
            {"time": float(time), "emotion": {n: round(float(v), 4) for n, v in zip(EMOTIONS, row, strict=True) if v > 0}}
            for time, row in zip(self.times, self.values, strict=True)
        ]

    def save(self, path: str | Path) -> None:
        """Write the keyframes as a .json or .csv that can be edited and read again."""
        path = Path(path)
        if path.suffix.lower() not in CURVES:
            raise InputError(f"{path}: an emotion curve is written as {' or '.join(CURVES)}")
        with replacing(path) as fresh:
            if path.suffix.lower() == ".json":
                lines = ",\n".join(f" {json.dumps(key)}" for key in self.keys())
                fresh.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
            else:
                rows = [",".join(f"{v:.4g}" for v in row[1:]) for row in self.values]
                text = [f"{time:.4f},{row}\n" for time, row in zip(self.times, rows, strict=True)]
                fresh.write_text(f"time,{','.join(EMOTIONS[1:])}\n{''.join(text)}", encoding="utf-8")

    @cached_property
    def _eased(self) -> tuple[np.ndarray, np.ndarray]:
        """Keyframes at increasing times, with a limited rate of change.

        A step becomes a ramp centred on it. Of the keyframes inside a ramp the last is kept, if time is left for it.
        """
        times, rows = [self.times[0]], [self.values[0]]
        until, passed = -np.inf, None  # the end of the last ramp, the last keyframe inside it

        def change(row: np.ndarray) -> float:
            return float(np.abs(row - rows[-1]).max())

        def put(time: float, row: np.ndarray) -> None:
            nonlocal until
            step, gap = change(row), time - times[-1]
            if gap < max(ONSET * step, SAME):
                if step < SAME:
                    return
                middle, half = (time + times[-1]) / 2, max(ONSET * step**0.5 / 2, SAME)
                while len(times) > 1 and times[-2] > middle - half and np.abs(rows[-2] - rows[-1]).max() < SAME:
                    del times[-2], rows[-2]  # a constant part may end sooner
                earliest = (times[-2] + times[-1]) / 2 if len(times) > 1 else -np.inf
                times[-1], until = max(middle - half, earliest), middle + half
            times.append(max(time, until))
            rows.append(row)

        for time, row in zip(self.times[1:], self.values[1:], strict=True):
            if time < until:
                passed = row
                continue
            if passed is not None and times[-1] + ONSET * change(passed) < time:
                put(times[-1] + ONSET * change(passed), passed)
            passed = None
            put(float(time), row)
        if passed is not None:
            put(times[-1] + ONSET * change(passed), passed)
        # Constant at both ends, so that the interpolation has slope 0 there.
        return np.array([times[0] - 1, *times, times[-1] + 1]), np.array([rows[0], *rows, rows[-1]])


EmotionSpec = str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]] | EmotionCurve  # what `read_emotion` takes


def read_emotion(spec: Any, intensity: float = 1.0) -> EmotionCurve:
    """The curve that is meant, `intensity` times.

    spec: one of EMOTIONS; a blend such as "happy:0.6,surprised:0.3" or {"happy": 0.6, "surprised": 0.3}, whose weights are
    scaled to a sum of 1 if they are more (meta["note"] tells); the path of a curve file (.json, .csv; see above); its content,
    a list of keyframes or {"keys": [...]}; or an EmotionCurve. Raises InputError, one line, for anything else.
    """
    intensity = check_intensity(intensity)
    if isinstance(spec, str) and spec == AUTO:
        raise InputError(f"emotion {AUTO} is heard from a recording, and is no curve of its own; give it to animate")
    if isinstance(spec, EmotionCurve):
        return spec.scaled(intensity)
    if (path := curve_file(spec)) is not None:
        return _curve(_read(path), path.name).scaled(intensity)
    if isinstance(spec, Mapping) and "keys" in spec:
        return _curve(_keys_of(spec, "emotion"), None).scaled(intensity)
    if isinstance(spec, Sequence) and not isinstance(spec, str):
        return _curve(_keys_of(spec, "emotion"), None).scaled(intensity)
    values, total = _blend(spec, "emotion")
    meta = {"spec": dict(spec) if isinstance(spec, Mapping) else spec} | _note(total)
    return EmotionCurve(np.zeros(1), values[None], meta).scaled(intensity)


def check_intensity(intensity: float) -> float:
    """Raises InputError for what is not a number from 0 to 1."""
    try:
        number = float(intensity)
    except (TypeError, ValueError):
        number = np.nan
    if not 0 <= number <= 1:
        raise InputError(f"intensity is {intensity}: choose 0 (neutral) to 1")
    return number


def curve_file(spec: Any) -> Path | None:
    """The path of a curve file if `spec` is one, by its suffix."""
    if isinstance(spec, Path) or (isinstance(spec, str) and spec.strip().lower().endswith(CURVES)):
        path = Path(spec)
        if path.suffix.lower() not in CURVES:
            raise InputError(f"{path}: an emotion curve is a {' or '.join(CURVES)} file")
        return path
    return None


def _curve(rows: list[tuple[str, Mapping[str, Any]]], name: str | None) -> EmotionCurve:
    """Keyframes, each with where it is from -> the curve. Raises InputError."""
    if not rows:
        raise InputError(f"{name or 'emotion'}: has no keyframes")
    times, values, most, last = [], [], 0.0, -np.inf
    for where, row in rows:
        time, value, total = _key(row, where)
        if time < last:
            raise InputError(f"{where}: time {time:g} comes after {last:g}; sort the keyframes by time")
        last, most = time, max(most, total)
        times.append(time)
        values.append(value)
    curve = EmotionCurve(np.array(times), np.array(values))
    return replace(curve, meta=({} if name is None else {"spec": name}) | {"keys": curve.keys()} | _note(most))


def _key(row: Mapping[str, Any], where: str) -> tuple[float, np.ndarray, float]:
    """Time, (E,) values and the sum of the weights as written, of {"time", "emotion", "intensity"} or {"time", NAME, ...}."""
    if not isinstance(row, Mapping):
        raise InputError(f'{where}: expected an object such as {{"time": 1.5, "emotion": "happy", "intensity": 0.7}}')
    row = {str(name).strip().lower(): value for name, value in row.items()}
    named = {name: value for name, value in row.items() if name not in FIELDS}
    for name in named:
        _index(name, f"{where}: column", (*FIELDS, *EMOTIONS))
    if "time" not in row:
        raise InputError(f"{where}: no time")
    clock = clock_seconds(row["time"].strip()) if isinstance(row["time"], str) else None
    time = _number(row["time"] if clock is None else clock, f"{where}: time", LONGEST)
    intensity = _number(row.get("intensity", 1.0), f"{where}: intensity", 1.0)
    if "emotion" in row and named:
        raise InputError(f"{where}: has both the column emotion and the column {next(iter(named))}; leave one of them out")
    if "emotion" not in row and not named:
        raise InputError(f"{where}: no emotion; the columns are time, emotion and intensity, or time and names of emotions")
    values, total = _blend(row.get("emotion", named), where)
    return time, values * intensity, total


def _blend(spec: Any, where: str) -> tuple[np.ndarray, float]:
    """(E,) weights of "happy", "happy:0.6,sad:0.2" or {"happy": 0.6}, and their sum before it was brought down to 1."""
    if isinstance(spec, str):
        words = re.sub(r"\s*:\s*", ":", spec.strip()).replace(",", " ").split()
        pairs = [(name, weight if colon else 1.0) for name, colon, weight in (word.partition(":") for word in words)]
    elif isinstance(spec, Mapping):
        pairs = list(spec.items())
    else:
        raise InputError(f"{where}: {shown(spec)} is no emotion; choose from {', '.join(EMOTIONS)}")
    if not pairs:
        raise InputError(f"{where}: names no emotion; choose from {', '.join(EMOTIONS)}")
    values = np.zeros(len(EMOTIONS))
    seen = set()
    for name, weight in pairs:
        index = _index(str(name), where, EMOTIONS)
        if index in seen:
            raise InputError(f"{where}: {EMOTIONS[index]} is named twice")
        seen.add(index)
        values[index] = _number(weight, f"{where}: {name}", 1.0)
    total = float(values.sum())
    values[0] = 0
    return values / max(total, 1), total


def _index(name: str, where: str, known: tuple[str, ...]) -> int:
    """Which of EMOTIONS, in any spelling; InputError with the nearest of the `known` names, or all of them."""
    spelled = SPELLINGS.get(name.strip().lower())
    if spelled is not None:
        return EMOTIONS.index(spelled)
    if Path(name).suffix or "/" in name:
        raise InputError(f"{where} {shown(name)} is not known; a curve is a {' or '.join(CURVES)} file")
    near = get_close_matches(name.strip().lower(), [*known, *SPELLINGS], 1)
    advice = f"did you mean {SPELLINGS.get(near[0], near[0])!r}?" if near else f"choose from {', '.join(known)}"
    raise InputError(f"{where} {shown(name)} is not known; {advice}")


def _number(value: Any, what: str, most: float) -> float:
    """A number from 0 to `most`. Raises InputError."""
    try:
        number = np.nan if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = np.nan
    if not 0 <= number <= most:
        raise InputError(f"{what} is {shown(value)}, expected a number from 0 to {most:g}")
    return number


def _note(total: float) -> dict[str, str]:
    """What is told about weights that were too large together."""
    return {"note": f"weights summed to {total:.4g}; scaled to 1"} if total > 1.0005 else {}


def _read(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Keyframes of a file, each with where it is from."""
    check_plain(path)
    try:
        if path.suffix.lower() != ".json":
            return _rows(path)
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: larger than {LARGEST >> 20} MiB, too large for an emotion curve")
        return _keys_of(parse_json(path.read_text(encoding="utf-8-sig")), str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be read as {path.suffix[1:].lower()} ({brief(error)})") from None


def _rows(path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Lines of a CSV as keyframes."""
    table = read_table(path, largest=LARGEST)
    first, header, body = table.line, table.header, list(table.whole())
    header = [name.lower() for name in header]
    for name in header:
        if name not in FIELDS:
            _index(name, f"{path}, line {first}: column", (*FIELDS, *EMOTIONS))
    names = [SPELLINGS.get(name, name) for name in header]
    if len(set(names)) != len(names):
        raise InputError(f"{path}, line {first}: a column is there twice")
    _check_count(len(body), str(path))
    empty = dict.fromkeys(EMOTIONS, "0") | {"intensity": "1"}  # what cells with nothing in them mean
    out = []
    for line, cells in body:
        row = {name: cell or empty.get(name, "") for name, cell in zip(names, cells, strict=True)}
        out.append((f"{path}, line {line}", row))
    return out


def _keys_of(content: Any, where: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Keyframes of a list, or of an object that has one as `keys`."""
    if isinstance(content, Mapping):
        if set(content) != {"keys"}:
            extra = next((str(name) for name in content if name != "keys"), None)
            what = f"unknown {shown(extra)}" if extra else "no keys"
            raise InputError(f'{where}: {what}; expected a list of keyframes, or {{"keys": [...]}}')
        content = content["keys"]
    if not isinstance(content, Sequence) or isinstance(content, str):
        raise InputError(f'{where}: expected a list of keyframes, or {{"keys": [...]}}')
    _check_count(len(content), where)
    return [(f"{where}, keyframe {n}", row) for n, row in enumerate(content, 1)]


def _check_count(count: int, where: str) -> None:
    if count > MOST:
        raise InputError(f"{where}: {count} keyframes; at most {MOST}")
