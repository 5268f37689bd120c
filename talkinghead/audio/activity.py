"""Voice activity: where a recording has silence, and where it has speech. T frames, M moments (100 a second).

`quiet_frames` is strict about silence: a face should rest there. `speaking_moments` is strict about speech: it needs a voice.
`motion.nonverbal.lip_activity` reads speech from the motion of lips.
"""

from __future__ import annotations

import numpy as np

from talkinghead.audio.clock import MOMENTS
from talkinghead.audio.curves import smooth

SILENT = 1e-4  # largest sample of a sound track that has no sound
QUIET, QUIET_RUN, QUIET_EDGE = 25.0, 0.3, 0.1  # decibels under speech; seconds: shortest silence, and its unsure ends
FLOOR = -55.0  # decibels of full scale below which nothing is speech
UNDER, OVER = 26.0, 8.0  # decibels: speech is at most so far below the loudest voice and at least so far over the softest sound
PAUSE, WORD = 0.3, 0.15  # seconds: a shorter silence does not end a phrase, a shorter sound is no speech


def runs(mask: np.ndarray) -> np.ndarray:
    """(n, 2) first and one past the last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def without_short_runs(mask: np.ndarray, gap: int, least: int) -> np.ndarray:
    """The mask with inner gaps of fewer than `gap` values filled, then runs of fewer than `least` removed."""
    mask = mask.copy()
    for value, length in ((False, gap), (True, least)):
        edges = np.flatnonzero(np.diff(np.concatenate([[not value], mask, [not value]]) == value))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if end - start < length and (value or 0 < start < end < len(mask)):
                mask[start:end] = not value
    return mask


def quiet_frames(wave: np.ndarray, rate: int, frames: int, fps: float) -> np.ndarray:
    """(T,) bool: frames in a silence of the sound, where a face should rest.

    Quiet: the RMS of the 40 ms around the frame is 25 dB or more under the clip's 95th percentile. Only runs of 0.3 s count,
    less 0.1 s at either end, because lips prepare the next sound and finish the last one.
    """
    times, half = (np.arange(frames) + 0.5) / fps, 0.02
    power = np.concatenate([[0.0], np.cumsum(wave.astype(np.float64) ** 2)])
    low, high = (np.clip(np.round((times + side) * rate).astype(int), 0, len(wave)) for side in (-half, half))
    level = 10 * np.log10((power[high] - power[low]) / np.maximum(high - low, 1) + 1e-12)
    mask, edge = np.zeros(frames, bool), round(QUIET_EDGE * fps)
    for start, end in runs((level < np.percentile(level, 95) - QUIET) & (high > low)):
        if end - start >= QUIET_RUN * fps:
            mask[start + edge : end - edge] = True
    return mask


def speaking_moments(pitch: np.ndarray, level: np.ndarray) -> np.ndarray:
    """(M,) Hz, 0 where there is no voice, and (M,) decibels of full scale -> (M,) bool: moments of speech.

    Speech is loud compared with the seconds around it and has a voiced sound within 0.2 s. Noise has no voiced sounds; a
    steady hum is not louder than the softest sound around it.
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d

    top = maximum_filter1d(np.where(pitch > 0, level, -100.0), 10 * MOMENTS + 1, mode="nearest")
    room = minimum_filter1d(smooth(level, 0.1 * MOMENTS), 8 * MOMENTS + 1, mode="nearest")
    near = maximum_filter1d((pitch > 0).astype(np.uint8), round(0.4 * MOMENTS) + 1, mode="nearest") > 0
    loud = level > np.maximum(np.maximum(top - UNDER, room + OVER), FLOOR)
    return without_short_runs(loud & near, round(PAUSE * MOMENTS), round(WORD * MOMENTS))
