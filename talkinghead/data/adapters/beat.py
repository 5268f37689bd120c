"""BEAT (Liu et al. 2022): conversational speech with ARKit weights from an iPhone, 60 fps -> dataset. Checked on fixtures only.

Files ID_NAME_TYPE_START_END.json with {"names": [51], "frames": [{"weights": [51], "time": seconds}, ...]}, and of the same
stem a .wav (or other sound), and a .TextGrid where the words are known; in one folder or in any folders under the paths given.
TYPE is even for speech and odd for conversation, which is neutral; the emotion of speech goes by START.

`names` decides the order. Where a file has none, it is taken to be Apple's (eyeBlinkLeft, eyeLookDownLeft, ...), which the
authors confirmed for their files, without tongueOut; `order="alphabetical"` (browDownLeft, browDownRight, ...) if yours differ.
Unless the order was given, a recording whose eyes would blink together only in the other order is dropped.

Recordings are minutes long: they are cut into clips of at most `longest` seconds, in pauses between words where a TextGrid is
there, otherwise where the sound is quietest. Splits are by speaker; the authors' split, which has all speakers in all parts,
is not used.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.data.adapters.parameter_sets import arkit_names, cut_wave, even, seconds_of, wave_of
from talkinghead.data.convert.recording import Recording, Take
from talkinghead.data.convert.segment import LONGEST, pieces, settle
from talkinghead.errors import InputError
from talkinghead.export.csv import LIVE_LINK
from talkinghead.files import file_name
from talkinghead.head.blendshapes import ARKIT
from talkinghead.io.files import SOUNDS, files_under, load_json
from talkinghead.motion.emotions import SPELLINGS
from talkinghead.speech.spans import cut_spans
from talkinghead.speech.textgrid import read_textgrid, words_and_phonemes

VERSION = 1
LICENCE = "BEAT: non-commercial research only"
FPS = 60.0
NAME = re.compile(r"(?P<id>\d+)_(?P<name>[A-Za-z]+)_(?P<type>[0-7])_(?P<start>\d+)_(?P<end>\d+|[ab])")
FIRST = (  # sentence from which on speech has the emotion, by the authors' description
    *((0, "neutral"), (65, "happiness"), (73, "anger"), (81, "sadness"), (87, "contempt"), (95, "surprise"), (103, "fear")),
    *((111, "disgust"), (119, None)),
)
# Apple's order is Live Link's but for the jaw's left and right.
SIDES = {"JawLeft": "JawRight", "JawRight": "JawLeft", "MouthLeft": "MouthRight", "MouthRight": "MouthLeft"}
APPLE = tuple(f"{name[0].lower()}{name[1:]}" for name in (SIDES.get(name, name) for name in LIVE_LINK) if name != "TongueOut")
ORDERS = {"apple": APPLE, "alphabetical": tuple(name for name in ARKIT if name != "tongueOut")}
RATES = (15.0, 240.0)
APART = 2.0  # seconds by which sound and motion of a long recording, started and stopped on two devices, may differ in length
TOGETHER, APARTLY = 0.9, 0.8  # correlation of the eyes' blinks: of a right order at least, of a wrong one at most
OFF = 0.02  # share by which the times may differ from 60 fps before they are believed


def takes(paths: list[Path], *, order: str | None = None, longest: float = LONGEST) -> tuple[list[Take], dict[str, str]]:
    """Pieces of the recordings.

    order: of the weights in files without names, apple (if not given) or alphabetical. longest: seconds of a clip.
    """
    if order is not None and order not in ORDERS:
        raise InputError(f"order {order!r} is not known; one of {', '.join(ORDERS)}")
    if not longest >= 2:
        raise InputError(f"longest is {longest} seconds; at least 2 are needed")
    files = [path for path in files_under(paths, "*.json") if NAME.fullmatch(path.stem)]
    if not files:
        raise InputError(f"{paths[0] if paths else 'no paths'}: no recordings named ID_NAME_TYPE_START_END.json")
    sounds, grids = by_stem(paths, SOUNDS), by_stem(paths, (".textgrid",))
    found, dropped = [], {}
    for path in files:
        name = file_name(path.stem)
        try:
            sound = sounds.get(path.stem)
            if sound is None:
                raise InputError(f"no {path.stem}.wav")
            more = recording_takes(path, sound, grids.get(path.stem), longest, annotation="arkit", order=order)
            found += more
        except InputError as error:
            dropped[name] = str(error)
    return found, dropped


def read(take: Take) -> Recording:
    """One piece."""
    path, sound = take.files[:2]
    values, names, fps, missing = _frames(str(path), path.stat().st_mtime_ns, take.details["order"])
    first, last, wave = piece_of(take, wave_of(sound), fps, len(values))
    gone = None if missing is None else missing[first:last]
    return Recording(wave, fps, names, values[first:last], missing=gone)


def emotion_of(stem: str) -> str | None:
    """Emotion by the name of a recording of BEAT or BEAT2."""
    match = NAME.fullmatch(stem)
    if match is None:
        return None
    spelled = [name for first, name in FIRST if int(match["start"]) >= first][-1] if int(match["type"]) % 2 == 0 else "neutral"
    return SPELLINGS[spelled] if spelled else None


def recording_takes(path: Path, sound: Path, grid: Path | None, longest: float, **details) -> list[Take]:
    """The takes of one recording of BEAT or BEAT2: its pieces, with what is said in them."""
    seconds = seconds_of(sound)
    if seconds is None:
        raise InputError(f"{sound}: is not a sound file that says how long it is")
    words, phonemes = words_and_phonemes(read_textgrid(grid)) if grid else (None, None)
    match = NAME.fullmatch(path.stem)
    speaker = f"{match['id']}_{match['name']}" if match else path.stem.split("_")[0]
    annotation, split = details.pop("annotation"), details.pop("split", None)
    cuts, out = pieces(seconds, words or phonemes, longest), []
    for i, (start, stop, settled) in enumerate(cuts):
        said = cut_spans(words, start, stop, by_middle=True)
        out.append(
            Take(
                id=file_name(path.stem) if len(cuts) == 1 else f"{file_name(path.stem)}_{i:03d}",
                speaker=speaker,
                files=(path, sound, *([grid] if grid else [])),
                split=split,
                annotation=annotation,
                emotion=emotion_of(path.stem),
                transcript=" ".join(word for _, _, word in said) if said else None,
                words=said,
                phonemes=cut_spans(phonemes, start, stop, by_middle=True),
                details={"start": start, "stop": stop, "seconds": seconds, "settled": settled, "longest": longest} | details,
            )
        )
    return out


def piece_of(take: Take, wave: np.ndarray, fps: float, count: int) -> tuple[int, int, np.ndarray]:
    """First and past the last frame of a take's piece of `count` frames, and its sound, which begins with that frame."""
    start, stop, seconds = (take.details[key] for key in ("start", "stop", "seconds"))
    if start <= 0 and stop >= seconds - 1e-3:  # nothing was cut: whoever checks the lengths must see both
        return 0, count, wave
    if abs(count / fps - seconds) > APART:
        raise InputError(f"{take.files[0]}: {count / fps:.1f} s of motion, {seconds:.1f} s of sound: more than {APART} s apart")
    if not take.details["settled"]:
        start, stop = settle(wave, start, stop, seconds, take.details["longest"])
    first, last = round(start * fps), min(round(stop * fps), count)
    if last <= first:
        raise InputError(f"{take.files[0]}: its motion ends at {count / fps:.1f} s, before this piece begins")
    return first, last, cut_wave(wave, first / fps, last / fps)


def by_stem(paths: list[Path], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of these suffixes by their stems; of several, the one whose suffix comes first, then the first by path."""
    files = [path for path in files_under(paths, "*") if path.suffix.lower() in suffixes]
    return {path.stem: path for path in sorted(files, key=lambda p: (suffixes.index(p.suffix.lower()), p), reverse=True)}


@lru_cache(maxsize=2)
def _frames(path: str, changed: int, order: str | None) -> tuple[np.ndarray, tuple[str, ...], float, np.ndarray | None]:
    """(T, K) weights, names, fps and the frames that were filled, of a file."""
    where, content = Path(path), load_json(Path(path))
    rows = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and "weights" in row for row in rows):
        raise InputError(f"{where}: not a recording of BEAT: no frames with weights")
    assert isinstance(content, dict)
    try:
        values = np.array([row["weights"] for row in rows], np.float32)
        times = np.array([row["time"] for row in rows], np.float64) if all("time" in row for row in rows) else None
    except (ValueError, TypeError):
        raise InputError(f"{where}: its frames have different numbers of weights, or some that are no numbers") from None
    names = _names(content.get("names"), values, order, where)
    if times is None or len(times) < 2:
        return values, names, FPS, None
    fps = _rate(times, where)
    values, missing = even(times, values, fps)
    return values, names, fps, missing


def _names(found, values: np.ndarray, given: str | None, where: Path) -> tuple[str, ...]:
    order = given or "apple"
    if values.ndim != 2:
        raise InputError(f"{where}: its weights are no list of numbers a frame")
    if found is None and values.shape[1] != len(ORDERS[order]):
        raise InputError(f"{where}: {values.shape[1]} weights a frame and no names; 51 are expected")
    if found is not None and (not isinstance(found, list) or len(found) != values.shape[1]):
        raise InputError(f"{where}: its names do not fit {values.shape[1]} weights a frame")
    if found is not None:
        return arkit_names(found, where)
    together = {name: _blinks(values, names) for name, names in ORDERS.items()}
    other = max(together, key=lambda name: together[name])
    if given is None and other != order and together[other] > TOGETHER and together[order] < APARTLY:
        raise InputError(f"{where}: has no names, and its eyes blink as if the order were {other}: give --order {other}")
    return ORDERS[order]


def _blinks(values: np.ndarray, names: tuple[str, ...]) -> float:
    """Correlation of the two eyes' blinks, if the columns have these names; 0 where they keep still."""
    left, right = (values[:, names.index(f"eyeBlink{side}")].astype(np.float64) for side in ("Left", "Right"))
    if min(left.std(), right.std()) < 1e-3 or not np.isfinite(left.sum() + right.sum()):
        return 0.0
    return float(np.corrcoef(left, right)[0, 1])


def _rate(times: np.ndarray, where: Path) -> float:
    """60, or what the times say where that is clearly another rate."""
    steps = np.diff(times)
    if not np.isfinite(times).all() or not (steps > 0).all():
        raise InputError(f"{where}: the times of its frames do not increase")
    fps = float(1 / np.median(steps))
    if abs(fps - FPS) <= OFF * FPS:
        return FPS
    if not RATES[0] <= fps <= RATES[1] or (times[-1] - times[0]) * fps > 20 * len(times):
        raise InputError(f"{where}: the times of its frames are not those of {FPS:g} fps ({fps:.4g})")
    return float(round(fps)) if abs(fps - round(fps)) < OFF * fps else fps
