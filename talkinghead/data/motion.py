"""What every adapter writes for a clip: its motion, and its sound cut to it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from talkinghead.animation import Animation
from talkinghead.audio import RATE
from talkinghead.errors import InputError
from talkinghead.files import replacing

SILENT = 1e-4  # largest sample of a sound track that has no sound


def cut_sound(wave: np.ndarray, start: float, duration: float) -> np.ndarray:
    """`duration` seconds of (n,) samples at 16 kHz from `start` on, silence beyond the ends. InputError if it has no sound."""
    first, length = round(start * RATE), round(duration * RATE)
    piece = np.zeros(length, np.float32)
    low, high = max(first, 0), min(first + length, len(wave))
    if high > low:
        piece[low - first : high - first] = wave[low:high]
    if np.abs(piece).max() < SILENT:
        raise InputError("no sound")
    return piece


def write_motion(path: Path, animation: Animation, meta: dict) -> None:
    """The arrays of an animation and `meta` as one JSON string, readable with numpy alone."""
    arrays = {n: v for n in ("rotation", "translation", "gaze") if (v := getattr(animation, n)) is not None}
    with replacing(path) as fresh:
        np.savez(
            fresh,
            coefficients=animation.coefficients,
            names=np.array(animation.head.names),
            fps=np.float64(animation.fps),
            meta=np.array(json.dumps(meta)),
            **arrays,
        )


def read_meta(path: Path) -> dict:
    """What `write_motion` noted; {} if there is no such file or it is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return json.loads(str(file["meta"]))
    except (OSError, ValueError, KeyError, EOFError):
        return {}
