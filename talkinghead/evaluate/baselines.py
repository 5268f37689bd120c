"""What a system must beat: a still face, mean motion, a jaw that follows loudness, the motion of the most similar sound.

They work on the weights of a head's shapes, so on ARKit coefficients and on vertex sets alike, and learn from the training
clips of the data set, of which at most `MOST` are read. K weights, T frames, D numbers that describe a window of sound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from talkinghead.audio.clock import RATE, frame_times
from talkinghead.audio.load import load_audio
from talkinghead.data.manifest import Clip
from talkinghead.errors import InputError
from talkinghead.evaluate.cache import state
from talkinghead.evaluate.measures.clip import Recorded, read_motion_of
from talkinghead.motion.animation import Animation

NOTES = {
    "still": "the template, unmoved",
    "mean": "the mean weights of the training clips, unmoved",
    "loudness": "a jaw that opens with loudness, fitted to the training clips; all else as in mean",
    "nearest": "motion of the training clip's half second whose sound is most similar, cross-faded",
}
MOST = 300  # training clips that are read, evenly spread
LIBRARY = 2**27  # bytes of motion that the nearest neighbour may keep
WINDOW, HOP = 0.5, 0.25  # seconds: what is compared, and how far apart
BANDS, STEP = 24, 0.05  # of the description of sound: mel bands, seconds between its columns
SMOOTH = 0.06  # seconds of the Gaussian over loudness: jaws are slower than syllables' onsets


@dataclass
class Baseline:
    """One of `NOTES`, as a system (see `systems.System`). Fitted when it is first asked, per kind of motion."""

    name: str
    folder: Path
    clips: list[Clip]  # of the training split
    deterministic: bool = True
    _fitted: dict = field(default_factory=dict, repr=False)

    @property
    def note(self) -> str:
        return NOTES[self.name]

    def has(self, recorded_id: str) -> bool:
        return True

    def identity(self, recorded_id: str) -> str | None:
        return f"baseline {self.name} {state(self.folder / 'manifest.jsonl')}"

    def samples(self, recorded: Recorded, count: int) -> list[Animation]:
        return self.motions(recorded)

    def motions(self, recorded: Recorded) -> list[Animation]:
        motion, clip = recorded.motion, recorded.clip
        frames, k = len(motion), len(motion.head.names)
        if self.name == "still":
            weights = np.zeros((frames, k), np.float32)
        else:
            key = (clip.annotation, k)
            if key not in self._fitted:
                self._fitted[key] = FITS[self.name](self._training(clip.annotation, k))
            weights = self._fitted[key](recorded.wave, frames, motion.fps)
        return [Animation(weights, motion.fps, motion.head)]

    def _training(self, annotation: str, k: int) -> Training:
        clips = [clip for clip in self.clips if clip.annotation == annotation]
        if not clips:
            raise InputError(f"baseline {self.name}: the data set has no training clips of {annotation} motion to learn from")
        return Training(self.folder, clips[:: -(-len(clips) // MOST)], k)


@dataclass
class Training:
    """Clips to learn from, read one at a time: sound (n,) at 16 kHz, weights (T, K), frames a second."""

    folder: Path
    clips: list[Clip]
    k: int

    def __iter__(self):
        for clip in self.clips:
            motion = read_motion_of(self.folder, clip)
            if motion.coefficients.shape[1] == self.k:
                yield load_audio(self.folder / clip.audio), motion


def fit_mean(training: Training):
    """Mean weights over all frames."""
    mean = _mean(training)
    return lambda wave, frames, fps: np.tile(mean, (frames, 1))


def fit_loudness(training: Training):
    """One shape, jawOpen where there is one and the first otherwise, as a line of loudness, by least squares."""
    shape, mean, sums = 0, _mean(training), np.zeros((2, 2))
    moment = np.zeros(2)
    for wave, motion in training:
        shape = motion.head.names.index("jawOpen") if "jawOpen" in motion.head.names else 0
        x = np.stack([loudness(wave, len(motion), motion.fps), np.ones(len(motion))], 1)
        sums += x.T @ x
        moment += x.T @ motion.coefficients[:, shape]
    slope, offset = np.linalg.lstsq(sums, moment, rcond=None)[0]

    def predict(wave: np.ndarray, frames: int, fps: float) -> np.ndarray:
        weights = np.tile(mean, (frames, 1))
        if frames and len(mean):
            weights[:, shape] = slope * loudness(wave, frames, fps) + offset
        return weights

    return predict


def fit_nearest(training: Training):
    """Windows of training sound and the motion under them; a new sound takes the motion of the nearest ones."""
    fps, sounds, motions, size = None, [], [], 0
    for wave, motion in training:
        fps = fps or motion.fps
        motion = motion.resample(fps)
        length = max(2, round(WINDOW * fps))
        for start in range(0, len(motion) - length + 1, max(1, round(HOP * fps))):
            sounds.append(describe(wave, start / fps))
            motions.append(motion.coefficients[start : start + length].astype(np.float16))
            size += motions[-1].nbytes
        if size > LIBRARY:  # every other window is enough, and so on
            sounds, motions = sounds[::2], motions[::2]
            size = sum(m.nbytes for m in motions)
    if not motions or fps is None:
        raise InputError(f"baseline nearest: no training clip lasts {WINDOW:g} s")
    library, moves, rate = np.stack(sounds), np.stack(motions), fps
    mean, std = library.mean(0), library.std(0) + 1e-6
    library = (library - mean) / std
    norms = (library**2).sum(1)

    def predict(wave: np.ndarray, frames: int, fps: float) -> np.ndarray:
        length = moves.shape[1]
        hop = max(1, length // 2)
        count = max(length, int(np.ceil(frames / fps * rate)) + 1)
        fade = np.bartlett(length + 2)[1:-1, None]
        total, share = np.zeros((count + length, moves.shape[2])), np.zeros((count + length, 1))
        for start in range(-hop, count, hop):
            query = (describe(wave, start / rate) - mean) / std
            best = int((norms - 2 * library @ query).argmin())
            skip = max(0, -start)
            total[start + skip : start + length] += (fade * moves[best])[skip:]
            share[start + skip : start + length] += fade[skip:]
        curve, clock = (total / share.clip(1e-6))[:count], frame_times(count, rate)
        wanted = frame_times(frames, fps)
        return np.stack([np.interp(wanted, clock, column) for column in curve.T], 1).astype(np.float32)

    return predict


FITS = {"mean": fit_mean, "loudness": fit_loudness, "nearest": fit_nearest}


def loudness(wave: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """(T,) root of the RMS around each frame, smoothed, over its 95th percentile in the clip: recordings differ in level."""
    from scipy.ndimage import gaussian_filter1d

    fine = 100.0  # values a second
    hop = int(RATE / fine)
    padded = np.pad(wave, (0, -len(wave) % hop + hop))
    level = np.sqrt(np.sqrt((padded.reshape(-1, hop).astype(np.float64) ** 2).mean(1)))
    level = gaussian_filter1d(level, SMOOTH * fine)
    level /= max(np.percentile(level, 95), 1e-6)
    return np.interp(frame_times(frames, fps), frame_times(len(level), fine), level)


def describe(wave: np.ndarray, start: float) -> np.ndarray:
    """(D,) log-mel energies of the `WINDOW` seconds from `start` on; silence beyond the ends."""
    columns, size = round(WINDOW / STEP), round(STEP * RATE)
    first = round(start * RATE)
    piece = np.zeros(columns * size)
    low, high = max(first, 0), min(first + len(piece), len(wave))
    if high > low:
        piece[low - first : high - first] = wave[low:high]
    power = np.abs(np.fft.rfft(piece.reshape(columns, size) * np.hanning(size), axis=1)) ** 2
    return np.log(power @ _mel(size) + 1e-4).ravel()


@lru_cache(maxsize=2)
def _mel(size: int) -> np.ndarray:
    """(size // 2 + 1, BANDS) triangular bands evenly spaced in mel from 80 to 7600 Hz."""
    low, high = 2595 * np.log10(1 + np.array([80.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(size, 1 / RATE)[:, None]
    rise = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rise, fall))


def _mean(training: Training) -> np.ndarray:
    total, frames = np.zeros(training.k), 0
    for _, motion in training:
        total += motion.coefficients.sum(0, dtype=np.float64)
        frames += len(motion)
    if not frames:
        raise InputError("baselines: no training clip has the shapes of the clips that are measured")
    return (total / frames).astype(np.float32)
