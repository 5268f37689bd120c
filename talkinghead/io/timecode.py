"""When the rows of a table are, from whatever their program wrote for it: seconds, clocks, timecodes with frames.

Read are seconds; milliseconds, microseconds and nanoseconds, if a unit says so or nothing else would be a frame rate; clocks
`HH:MM:SS.mmm` and `MM:SS.mmm`, also after a date; timecodes `HH:MM:SS:FF`, with thousandths of a frame or without, where the
rate that FF counts in is found; drop-frame timecodes (SMPTE ST 12-1), by their `;` or by the labels that they leave out. What
passes midnight goes on. N rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from talkinghead.errors import InputError

NTSC = tuple(n / 1.001 for n in (12, 15, 24, 30, 48, 60, 120, 240))  # frames a second
USUAL = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 240.0, 15.0, 10.0, 12.0, 12.5, 20.0, *NTSC)
COMMON = (*(n / 2 for n in range(1, 481)), *NTSC)
BASES = (24, 25, 30, 48, 50, 60, 90, 100, 120, 240)  # frames that FF counts in a second
UNITS = {"ms": 1e-3, "us": 1e-6, "ns": 1e-9}
FACES = (12.0, 240.0)  # frames a second of recordings of faces, where a unit of time is to be guessed
DAY = 86400.0
WANDER = 0.05  # frames by which the steps of timecodes may differ, or their fractions mean nothing
DRIFT = 5e-3  # share of the rate of its labels by which a device may be slower; more is another rate, which is not rounded
NEAR = 5e-4  # share of a common rate by which the digits of times may miss it
EVEN = 0.02  # frames beside an even clock by which two rates of labels are told apart
STEADY = 0.25  # frames by which rows may come early or late without a look at their neighbours
WINDOW = 9  # rows that are looked at
FIRST = 64  # rows from which the rate is first found
ROWS = 1_000_000  # a file with more is no take; four and a half hours at 60 fps fit
CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d*)?)")
CODE = re.compile(r"(\d+)[:;](\d+)[:;](\d+)([:;])(\d+(?:\.\d+)?)")
DATE = re.compile(r"^(?:\d{4}-\d\d-\d\d[T ]|\d+ days? \+?)|(?:Z|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True)
class Clock:
    """frames: (N,) whole numbers of the rows' frames, from 0 on, increasing; those left out are missing. fps: frames a second.

    note: what was understood, where that is not plain.
    """

    frames: np.ndarray
    fps: float
    note: str = ""


def read_clock(texts: list[str], unit: str | None, fps: float | None) -> Clock:
    """The clock that the times of N rows are of. unit: "s", "ms", "us" or "ns" if a header names one.

    fps: used where the times do not tell. Raises InputError, without the name of the file.
    """
    texts = [DATE.sub("", text) for text in texts]
    if CODE.fullmatch(texts[0]):
        return _of_codes(texts, fps)
    seconds = np.array([_seconds(text) for text in texts])
    if CLOCK.fullmatch(texts[0]):
        return _of_times(_past_midnight(seconds), fps)
    if unit in UNITS:
        return _of_times(seconds * UNITS[unit], fps)
    step = _single_step(seconds)
    if unit is None and step > 1 / FACES[0]:
        for name, scale in UNITS.items():
            if FACES[0] <= 1 / (step * scale) <= FACES[1] * 1.001:
                return _of_times(seconds * scale, fps, f"its times are taken for {name}, as they are {step:g} apart")
        if step == 1 and len(seconds) > 2:
            raise InputError("its times count frames and do not tell the frame rate; give it with --fps")
    return _of_times(seconds, fps)


def of_numbers(texts: list[str], fps: float | None) -> Clock:
    """The clock of rows that have a number of a frame, or nothing, in place of a time."""
    if fps is None:
        raise InputError("has no times; give its frame rate with --fps")
    numbers = np.array([_seconds(text) for text in texts])
    _check_increasing(numbers, texts)
    if (numbers % 1 != 0).any() or numbers[-1] - numbers[0] >= ROWS:
        raise InputError("its numbers of frames are not whole, or leave out too many")
    return Clock((numbers - numbers[0]).astype(int), fps)


def _of_codes(texts: list[str], fps: float | None) -> Clock:
    """The clock of timecodes HH:MM:SS:FF."""
    parts = [CODE.fullmatch(text) for text in texts]
    if None in parts:
        raise InputError(f"a time is not HH:MM:SS:FF.mmm or seconds ({texts[parts.index(None)]})")
    hours, minutes, seconds, labels = (np.array([float(part[i]) for part in parts if part]) for i in (1, 2, 3, 5))
    seconds = _past_midnight(hours * 3600 + minutes * 60 + seconds)
    whole, steps = np.floor(labels), np.diff(labels)
    if len(steps) and np.median(np.abs(steps - np.median(steps))) > WANDER and (np.diff(whole) != 0).all():
        labels = whole
    drop = any(part[4] == ";" for part in parts if part) or _leaves_labels_out(seconds, whole)
    if (np.diff(seconds) != 0).any():
        base = _base(seconds, labels, drop)
    elif fps is None or whole.max() >= ceil(fps - 1e-6):
        raise InputError("too short to tell its frame rate from the timecodes; give it with --fps")
    else:
        base = ceil(fps - 1e-6)
    times = _times(seconds, labels, base, drop)
    clock = _of_times(times, fps, texts=texts)
    nominal = base / 1.001 if drop and base % 30 == 0 else float(base)
    far = abs(nominal - clock.fps) / nominal
    if clock.fps in COMMON or far * clock.frames[-1] >= 0.5 or far > DRIFT:
        return clock
    return _of_times(times, fps, rate=nominal)  # fractions of frames that wander


def _times(seconds: np.ndarray, labels: np.ndarray, base: int, drop: bool) -> np.ndarray:
    """(N,) seconds of timecodes whose labels count `base` frames a second."""
    if not drop or base % 30:
        return seconds + labels / base
    minutes = seconds // 60
    left_out = base // 15 * (minutes - minutes // 10)  # two labels of 30 each minute but every tenth: SMPTE ST 12-1
    return (seconds * base + labels - left_out) / (base / 1.001)


def _leaves_labels_out(seconds: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the first labels of minutes are missing, as in drop-frame timecode."""
    dropping = (seconds // 60) % 10 != 0
    if (dropping & (seconds % 60 == 0) & (labels < 2)).any():
        return False
    first, before = labels[1:], labels[:-1]
    turn = dropping[1:] & (seconds[1:] % 60 == 0) & (np.diff(seconds) == 1)
    return bool((turn & (first * 15 == before + 1)).any())


def _base(seconds: np.ndarray, labels: np.ndarray, drop: bool) -> int:
    """Frames that the labels count in a second. A rate that is in use goes before one that would leave fewer frames out."""
    most = int(labels.max()) + 1
    beside, missing = {}, {}
    for base in {most, *(base for base in BASES if base >= most)}:
        times = _times(seconds, labels, base, drop)
        rate, _ = _rate(times)
        where = (times - times[0]) * rate
        frames = _frames(where)
        beside[base] = float(np.std(where - frames))
        missing[base] = int(frames[-1]) + 1 - len(frames)
    least = min(beside.values())
    even = [base for base in beside if beside[base] <= least + EVEN]
    usual = min((base for base in even if base in BASES), key=lambda base: (missing[base], base), default=most)
    ticks = int((np.diff(seconds) != 0).sum())
    if most not in even or usual - most <= (1 if ticks > 3 else 2):
        return usual
    return min(most, usual, key=lambda base: (missing[base], base))


def _of_times(times: np.ndarray, fps: float | None, note: str = "", *, rate: float = 0.0, texts: Sequence[str] = ()) -> Clock:
    """The clock of (N,) seconds; `rate` if it is known, found otherwise."""
    _check_increasing(times, texts)
    if len(times) == 1:
        if times[0] > 0 and not texts:
            return Clock(np.zeros(1, int), _nice(0.5 / times[0]), note)  # frame 0 is in the middle of its time
        if fps is None:
            raise InputError("one row is too little to tell its frame rate; give it with --fps")
        return Clock(np.zeros(1, int), float(fps), note)
    span, step = times[-1] - times[0], _single_step(times)
    if not step > 0 or span / step > ROWS:
        raise InputError(f"its times are not those of frames ({step:g} s apart for {span:g} s)")
    rate = rate or _nice(*_rate(times), span / step)
    if not 1 <= rate <= 1000 or span * rate > ROWS:
        raise InputError(f"its times are not those of frames ({rate:g} a second for {span:g} s)")
    return Clock(_frames((times - times[0]) * rate), rate, note)


def _rate(times: np.ndarray) -> tuple[float, float]:
    """Frames a second, and the share of it by which it may be wrong.

    The rate is where the periodogram of the times has its peak (Lord Rayleigh 1880), which rows that are missing, early or late
    only lower; first of the beginning, then of ever more. Least squares over the numbers of the frames make it exact.
    """
    times = times - times[0]
    step = _single_step(times)
    if not step > 0 or times[-1] / step > ROWS:  # two rows at one time, or none that follow each other evenly
        raise InputError(f"its times are not those of frames ({step:g} s apart for {times[-1]:g} s)")
    rate, reach = 1 / step, 0.2 / step
    if _in_step(times[:FIRST], 2 * rate) > _in_step(times[:FIRST], rate) + 0.3:  # most rows have lost a neighbour
        rate, reach = 2 * rate, 2 * reach
    count = FIRST
    while True:
        some = times[:count]
        if not some[-1] > 0:
            raise InputError("its times are not those of frames")
        spread = max(1 / some[-1], reach / 1000)
        rates = np.clip(rate + np.arange(-reach, reach + spread / 4, spread / 8), rate / 2, None)
        rate = float(rates[np.argmax([_in_step(some, r) for r in rates])])
        if count >= len(times):
            break
        count, reach = 4 * count, spread
    numbers = _frames(times * rate)
    slope, start = np.polyfit(numbers, times, 1)
    if slope > 0 and numbers[-1]:
        beside = float(np.std(times - slope * numbers - start)) * rate
        return float(1 / slope), 3 * beside * (12 / len(times)) ** 0.5 / float(numbers[-1])
    return rate, 0.0


def _in_step(times: np.ndarray, rate: float) -> float:
    """How well times lie on an even clock, 0 to 1: the length of the mean of their phases."""
    return float(np.abs(np.exp(2j * np.pi * rate * times).mean()))


def _single_step(times: np.ndarray) -> float:
    """Mean of the steps that are about as long as most are: neither gaps nor outliers. 0 for a single row."""
    steps = np.diff(times)
    if not len(steps):
        return 0.0
    middle = float(np.median(steps))
    return float(steps[(steps > middle / 2) & (steps < 1.5 * middle)].mean()) if middle > 0 else middle


def _frames(where: np.ndarray) -> np.ndarray:
    """(N,) places in frames -> whole frames, increasing from 0. A row that comes early or late keeps its place in the order.

    A frame is missing where the rows after it stay behind for good, which the median of their places beside the count tells.
    """
    count = np.arange(len(where))
    behind = where - np.median(where - np.rint(where)) - count
    if np.abs(behind - np.rint(behind)).max() > STEADY:
        from scipy.ndimage import median_filter

        behind = median_filter(behind, WINDOW, mode="nearest")
    missing = np.maximum.accumulate(np.rint(behind)).astype(int)
    return count + missing - missing[0]


def _nice(fps: float, doubt: float = 0.0, frames: float = 1.0) -> float:
    """The rate in use that the digits of the times mean, or a common one, if there is one that near.

    No row of so many `frames` is moved by more than a quarter of a frame for it, unless the rate itself is in doubt.
    """
    close = min(NEAR, STEADY / max(frames, 1.0))
    for rates, share in ((USUAL, max(close, doubt)), (COMMON, close)):
        near = min(rates, key=lambda rate: abs(rate - fps))
        if abs(near - fps) < share * near:
            return float(near)
    return float(fps)


def clock_seconds(text: str) -> float | None:
    """Seconds of a clock HH:MM:SS.mmm or MM:SS.mmm; None for another text."""
    clock = CLOCK.fullmatch(text)
    try:
        return int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3].replace(",", ".")) if clock else None
    except ValueError:  # thousands of digits
        return None


def _seconds(text: str) -> float:
    """Seconds of a number or a clock."""
    value = clock_seconds(text)
    try:
        value = float(text) if value is None else value
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"a time is not HH:MM:SS:FF.mmm or seconds ({text[:40]})")
    return value


def _past_midnight(seconds: np.ndarray) -> np.ndarray:
    """Times of day that go on after the day."""
    return seconds + DAY * np.concatenate([[0], np.cumsum(np.diff(seconds) < -DAY / 2)])


def _check_increasing(times: np.ndarray, texts: Sequence[str]) -> None:
    back = np.flatnonzero(np.diff(times) <= 0)
    if len(back):
        what = texts[back[0] + 1] if len(texts) else f"{times[back[0] + 1]:g}"
        raise InputError(f"its times do not increase: {what} in row {back[0] + 2}")
