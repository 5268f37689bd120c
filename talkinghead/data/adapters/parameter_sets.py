"""What adapters of parameter sets share: reading strangers' arrays, finding the sound, names of emotions and of parameters."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np

from talkinghead.audio.clock import RATE
from talkinghead.audio.load import load_audio
from talkinghead.errors import InputError
from talkinghead.head.blendshapes import ARKIT
from talkinghead.io.media import open_media
from talkinghead.motion.emotions import EMOTIONS as EMOTIONS
from talkinghead.motion.emotions import SPELLINGS as SPELLINGS

# RAVDESS (Livingstone and Russo 2018): modality, channel, emotion, intensity, statement, repetition, actor
RAVDESS = re.compile(r"(?<!\d)0[1-3]-0[12]-(?P<emotion>0[1-8])-(?P<level>0[12])-0[12]-0[12]-\d\d(?!\d)")
RAVDESS_EMOTIONS = ("neutral", "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")  # its second is calm
LEVEL = re.compile(r"level_([1-3])")  # folders of MEAD's films
JAW = ("jaw_x", "jaw_y", "jaw_z")
EXPRESSIONS = 100  # FLAME's expression parameters
PERCENT = 2.0  # blendshape weights are 0 to 1; whoever writes more than this means per cent
# What a damaged file makes numpy, zipfile and h5py raise.
BROKEN = (OSError, ValueError, LookupError, TypeError, EOFError, MemoryError, BadZipFile, ZlibError, NotImplementedError)


def flame_motion(expression: np.ndarray, jaw: np.ndarray, path: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """(T, up to 100) expression and (T, 3) jaw, axis-angle rad -> names and (T, 103) coefficients.

    EMOCA and DEEPTalk fit the first 50 expression parameters only: the others are 0 in their model, and so they are here.
    """
    if expression.ndim != 2 or jaw.shape != (len(expression), 3) or not 0 < expression.shape[1] <= EXPRESSIONS:
        raise InputError(f"{path}: expression {expression.shape} and jaw {jaw.shape}, expected (T, 100 or 50) and (T, 3)")
    padded = np.zeros((len(expression), EXPRESSIONS + 3), np.float32)
    padded[:, : expression.shape[1]] = expression
    padded[:, EXPRESSIONS:] = jaw
    return flame_names(), padded


def emotion_by_name(path: Path) -> tuple[str | None, float | None]:
    """The emotion and intensity that the name of a film or of its folder tells: RAVDESS's, or a folder named like an emotion.

    Of RAVDESS, normal is 0.5 and strong 1; of MEAD's level_1 to level_3, thirds. (None, None) where nothing is told.
    """
    if found := RAVDESS.search(path.stem):
        emotion = RAVDESS_EMOTIONS[int(found["emotion"]) - 1]
        return emotion, 0.0 if emotion == "neutral" else int(found["level"]) / 2
    folders = [part.lower() for part in path.parts[-4:-1]]
    emotion = next((SPELLINGS[name] for name in reversed(folders) if name in SPELLINGS), None)
    levels = [int(match[1]) for name in folders if (match := LEVEL.fullmatch(name))]
    if emotion is None or emotion == "neutral":
        return emotion, None if emotion is None else 0.0
    return emotion, levels[-1] / 3 if levels else None


def flame_names() -> tuple[str, ...]:
    """expression_000 to expression_099, and the jaw's three."""
    return (*(f"expression_{i:03d}" for i in range(EXPRESSIONS)), *JAW)


def flame_heads(takes: list) -> dict:
    """{"flame": Head} where the user gave a FLAME model, which then is in the takes' details; {} otherwise."""
    from talkinghead.head.flame import read_flame
    from talkinghead.head.head import Head

    model = next((m for take in takes if take.annotation == "flame" and (m := take.details.get("flame"))), None)
    return {"flame": Head.of_flame(read_flame(model))} if model else {}


def frames(values: np.ndarray, name: str, path: Path) -> np.ndarray:
    """(T, C) float32 of an array that may have a leading batch axis of 1."""
    values = np.asarray(values)
    if values.ndim == 3 and len(values) == 1:
        values = values[0]
    if values.ndim != 2 or not len(values) or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} has shape {values.shape} ({values.dtype}), expected (T, C) or (1, T, C) numbers")
    return values.astype(np.float32)


def upright(rotation: np.ndarray) -> np.ndarray | None:
    """Head rotation (T, 3) if it is one of a head that mostly faces the viewer; None for another convention, or no number."""
    angles = np.linalg.norm(rotation, axis=1)
    return rotation if np.isfinite(angles).all() and np.median(angles) < np.pi / 2 else None


def arkit_names(names: list[str] | tuple[str, ...], path: Path) -> tuple[str, ...]:
    """The names as ARKit writes them, from whatever case. Raises InputError for one that is none, or is there twice."""
    table = {name.lower(): name for name in ARKIT}
    wrong = [name for name in names if str(name).lower() not in table]
    if wrong:
        raise InputError(f"{path}: {wrong[0]!r} is no ARKit blendshape")
    if len({str(name).lower() for name in names}) != len(names):
        raise InputError(f"{path}: a blendshape is named twice")
    return tuple(table[str(name).lower()] for name in names)


def check_weights(weights: np.ndarray, path: Path) -> np.ndarray:
    """Blendshape weights as they are; InputError if they are no weights from 0 to 1."""
    largest = float(np.nanmax(np.abs(weights), initial=0))
    if largest > PERCENT:
        raise InputError(f"{path}: weights up to {largest:.4g}; they are 0 to 1: divide by 100 if these are per cent")
    return weights


@lru_cache(maxsize=2)
def _wave(path: str, changed: int) -> np.ndarray:
    return load_audio(path)


def wave_of(path: Path) -> np.ndarray:
    """(n,) samples at 16 kHz; the last two files are kept, for takes that are pieces of one recording."""
    try:
        return _wave(str(path), path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None


def even(times: np.ndarray, values: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows at (N,) increasing seconds -> (T, C) rows at an even rate from the first one on, and (T,) bool: which were filled.

    A row belongs to the frame that it is nearest to; frames that no row belongs to are interpolated.
    """
    index = np.round((times - times[0]) * fps).astype(int)
    count = int(index[-1]) + 1
    if count == len(values) and (np.diff(index) == 1).all():
        return values, None
    kept, first = np.unique(index, return_index=True)
    filled = np.stack([np.interp(np.arange(count), kept, column) for column in values[first].T], 1).astype(np.float32)
    missing = np.ones(count, bool)
    missing[kept] = False
    return filled, missing


def decimate(values: np.ndarray, step: int) -> np.ndarray:
    """(T, ...) -> (T // step, ...): means of `step` frames, whose middles lie where the slower clock shows its frames."""
    count = len(values) // step
    return values[: count * step].reshape(count, step, *values.shape[1:]).mean(axis=1, dtype=np.float32)


def seconds_of(path: Path) -> float | None:
    """Length of a sound file by its header; None if it does not say, or is none."""
    import av
    from av.error import FFmpegError

    try:
        with open_media(path) as container:
            return container.duration / av.time_base if container.duration else None
    except (FFmpegError, OSError, ValueError, IndexError):
        return None


def cut_wave(wave: np.ndarray, start: float, stop: float) -> np.ndarray:
    """The samples from `start` to `stop` seconds, as far as there are any."""
    return wave[round(start * RATE) : round(stop * RATE)]
