"""How motion moves: speed, jitter, stillness in silence, beats, dynamics of the upper face. T frames."""

from __future__ import annotations

import numpy as np

BEAT_SIGMA = 0.1  # seconds
STILL = 1e-7  # metres a frame: less is rounding
MOVES = 1e-6  # metres, standard deviation of a curve: less is rounding
BEAT_DEPTH = 0.1  # of the mean speed: how far a slow-down must fall to count as a beat


def motion_spread(offsets: np.ndarray, upper: np.ndarray) -> float:
    """m^2: mean over U of the standard deviation over time of ||offset from the template||^2; the half of FDD."""
    return float((offsets[:, upper] ** 2).sum(-1).std(0, dtype=np.float64).mean())


def fdd(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """FDD = mean over clips of [mean over U of std_t(||g - t||^2)] - [the same of p], in m^2; t is the template. Signed.

    Source: CodeTalker's evaluation code. Below 0 the upper face moves more than the recorded one, above 0 less.
    Traps: signs cancel between clips, so a bad system can be near 0 (see the absolute one); it says nothing about when the
    face moves.
    """
    return motion_spread(g, upper) - motion_spread(p, upper)


def fdd_abs(p: np.ndarray, g: np.ndarray, upper: np.ndarray) -> float:
    """Absolute FDD = mean over clips of |FDD of the clip|, in m^2.

    Source: FaceDiffuser and ScanTalk print it beside the signed one. Trap: it says nothing about when the face moves.
    """
    return abs(fdd(p, g, upper))


def velocity_ratio(p_lips: np.ndarray, g_lips: np.ndarray) -> tuple[float, float]:
    """Velocity ratio = RMS over frames and L of ||x[t+1] - x[t]|| of p, over the same of g; pooled over clips. 1 is best.

    Below 1 the lips are damped (what LVE rewards), above 1 they are exaggerated or shake. Trap: shaking can make up for damped
    speech, see the jitter ratio. (Returned are the two sums of squares.)
    """
    return energy(p_lips, 1), energy(g_lips, 1)


def jitter_ratio(p_lips: np.ndarray, g_lips: np.ndarray) -> tuple[float, float]:
    """Jitter ratio = RMS over frames and L of ||x[t+2] - 2 x[t+1] + x[t]|| of p, over the same of g; pooled over clips.

    Far above 1 the face trembles, far below 1 it glides. Trap: recorded motion has the noise of its tracker, so the best value
    may lie below 1; it grows with the square of the frame rate, but both sides are at the truth's.
    """
    return energy(p_lips, 2), energy(g_lips, 2)


def energy(points: np.ndarray, order: int) -> float:
    """Sum of squares of the differences over time of (T, L, 3); 0 for clips that are too short."""
    return float((np.diff(points.astype(np.float64), n=order, axis=0) ** 2).sum())


def stillness(lips: np.ndarray, quiet: np.ndarray, fps: float) -> tuple[float, int]:
    """Silence motion = mean speed of the lip vertices while the sound is quiet, in mm/s; pooled over frames. 0 is a still face.

    Quiet: 25 dB or more below the clip's loud parts for at least 0.3 s, less 0.1 s at either end. Source: the silence jitter
    that users of such systems complain about; our definition. Trap: real faces are not still either, see the row of the truth.
    (Returned are the sum over frames, and their number.)
    """
    both = quiet[1:] & quiet[:-1]
    speed = np.linalg.norm(np.diff(lips, axis=0)[both], axis=-1).mean(-1) if both.any() else np.zeros(0)
    return float(speed.sum() * fps * 1000), len(speed)


def motion_beats(lips: np.ndarray, fps: float) -> np.ndarray:
    """(n,) seconds of the local minima of the mean speed of the lip vertices that are at least a tenth of its mean deep."""
    from scipy.signal import find_peaks

    speed = np.linalg.norm(np.diff(lips, axis=0), axis=-1).mean(-1)
    if len(speed) < 3 or speed.max() < STILL:
        return np.zeros(0)
    return (find_peaks(-speed, prominence=BEAT_DEPTH * speed.mean())[0] + 1) / fps  # speed t is between frames t and t + 1


def beat_consistency(beats: np.ndarray, sound_beats: np.ndarray, sigma: float = BEAT_SIGMA) -> float:
    """Beat consistency = mean over the beats a of the sound of exp(-min over motion beats b of (a - b)^2 / (2 * 0.1^2)).

    Source: SAiD's beat consistency score. Beats of the sound are librosa's onsets; beats of the motion are the minima of the
    speed of the lip vertices (SAiD takes those of its 32 coefficients, which other faces do not have). 0 without any.
    Traps: the more beats the motion has, the higher the score, so a face that trembles does well: read it beside the truth's
    row and the jitter ratio.
    """
    if not len(beats):
        return 0.0
    distance = np.abs(sound_beats[:, None] - beats[None]).min(1)
    return float(np.exp(-(distance**2) / (2 * sigma**2)).mean())
