"""Seeded life for what speech does not decide: blinks, small eye movements, sway of the head and nods.

Events are drawn in seconds and then looked at on the frame clock, so the same seed gives the same person at any frame rate, and
a longer clip begins like a shorter one. Blinks, eyes and head have random streams of their own: switching one off leaves the
others as they are. Legend: T frames. Where the figures come from:

[B] Bentivoglio et al. 1997, Analysis of blink rate patterns in normal subjects. Movement Disorders 12.
[E] Evinger, Manning, Sibony 1991, Eyelid movements: mechanisms and normal data. Investigative Ophthalmology 32.
[H] Hadar, Steiner, Grant, Rose 1983, Kinematics of head movements accompanying speech. Human Movement Science 2.
[L] Lee, Badler, Badler 2002, Eyes alive. ACM Transactions on Graphics 21 (measured saccades of speakers).
[M] Munhall et al. 2004, Visual prosody and speech intelligibility. Psychological Science 15 (the head moves with loudness).
[N] Nakano, Kitazawa 2010, Eyeblink entrainment at breakpoints of speech. Experimental Brain Research 205.
[V] VanderWerf et al. 2003, Eyelid movements: behavioral studies of blinking in humans. Journal of Neurophysiology 89.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from talkinghead.animation import Animation
from talkinghead.audio import frame_times
from talkinghead.errors import InputError

GRID = 100.0  # Hz at which the pace of blinks is summed, whatever the frame rate
BLINK_MEAN, BLINK_SPREAD = 3.5, 0.6  # seconds between blinks at rest, 17 a minute [B], and the sigma of their logarithm
DOUBLE = 0.06  # share of blinks that come as a pair
DIRECTIONS = np.array([15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79])  # % of saccades every 45 degrees from the right [L]
SWAY = np.radians([0.7, 1.1, 0.6])  # RMS about x (nod), y (turn), z (tilt)
SWAY_BAND = (0.06, 0.7)  # Hz: the slow class of head movements [H]; modulation by speech keeps it below 1 Hz


def idle(
    frames: int,
    fps: float,
    seed: int,
    *,
    blinks: float = 1.0,
    gaze: float = 1.0,
    head: float = 1.0,
    speech: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Motion of eyes and head for `frames` at `fps`: {"blinks": (T, 2) weights, "gaze": (T, 2, 2) rad, "rotation": (T, 3) rad}.

    blinks: how often, 1 is usual. gaze, head: how far, 1 is usual. 0 switches a part off exactly.
    speech: (T,) activity in [0, 1], if known: blinks then come more in pauses, eyes wander more and the head
        nods while speaking.
    `gaze` and `rotation` are as in `Animation`. Raises InputError for strengths below 0 and for a `speech` of another shape.
    """
    for name, strength in (("blinks", blinks), ("gaze", gaze), ("head", head)):
        if not 0 <= strength <= 100:
            raise InputError(f"idle: {name} is {strength}, choose 0 (off) or more; 1 is usual")
    times = frame_times(frames, fps)
    if speech is not None:
        speech = np.clip(np.asarray(speech, np.float64), 0, 1)
        if speech.shape != (frames,) or not np.isfinite(speech).all():
            raise InputError(f"idle: speech has shape {speech.shape}, expected {frames} finite values")
    streams = [np.random.default_rng([seed & (2**64 - 1), part]) for part in range(4)]
    closed = _blinks(streams[0], times, speech, blinks)
    rotation = head * (_sway(streams[1], times, speech, fps) + _nods(streams[2], times, speech, fps))
    looks = _looks(streams[3], times, speech) - rotation[:, [1, 0]] * [1, -1]  # the eyes stay with the viewer as the head turns
    return {
        "blinks": np.repeat(closed[:, None], 2, 1).astype(np.float32),
        "gaze": np.repeat((gaze * looks)[:, None], 2, 1).astype(np.float32),
        "rotation": rotation.astype(np.float32),
    }


def apply(
    animation: Animation,
    seed: int = 0,
    *,
    strength: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    head: float = 1.0,
    speech: np.ndarray | None = None,
) -> Animation:
    """The animation with `idle` on top: the larger of two blinks, gaze and rotation added; the lips stay as they are.

    `strength` multiplies the three others. Without `speech` the activity is read from the lips. A head without eyeBlink shapes
    does not blink, one without eyeballs does not look around.
    """
    blinks, gaze, head = strength * blinks, strength * gaze, strength * head
    face = animation.head
    speech = activity(animation) if speech is None else speech
    life = idle(len(animation), animation.fps, seed, blinks=blinks, gaze=gaze, head=head, speech=speech)
    changed: dict[str, np.ndarray] = {}
    lids = [face.names.index(f"eyeBlink{side}") if f"eyeBlink{side}" in face.names else None for side in ("Left", "Right")]
    if blinks and any(row is not None for row in lids):
        changed["coefficients"] = animation.coefficients.copy()
        for eye, row in enumerate(lids):
            if row is not None:
                changed["coefficients"][:, row] = np.maximum(animation.coefficients[:, row], life["blinks"][:, eye])
    if gaze and "eyeballs" in face.regions and {"left_eye", "right_eye"} <= face.joints.keys():
        changed["gaze"] = life["gaze"] if animation.gaze is None else animation.gaze + life["gaze"]
    if head:
        changed["rotation"] = life["rotation"]
        if animation.rotation is not None:
            from scipy.spatial.transform import Rotation

            turned = Rotation.from_rotvec(life["rotation"]) * Rotation.from_rotvec(animation.rotation)
            changed["rotation"] = turned.as_rotvec()
    return replace(animation, **changed)


def activity(animation: Animation) -> np.ndarray | None:
    """(T,) speech activity in [0, 1] as the lips show it: their speed over a third of a second; None without lip landmarks."""
    if not {"lip_upper_inner", "lip_lower_inner"} <= animation.head.landmarks.keys():
        return None
    if len(animation) < 2:
        return np.zeros(len(animation))
    gap = animation.landmark("lip_upper_inner") - animation.landmark("lip_lower_inner")
    speed = np.linalg.norm(np.gradient(gap, axis=0), axis=1) * animation.fps  # m/s
    return np.clip(np.sqrt(_smooth(speed**2, 0.33 * animation.fps)) / 0.03, 0, 1)  # lips of speakers do 0.03 to 0.1 m/s


def _blinks(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, rate: float) -> np.ndarray:
    """(T,) weight of both lids. Closing takes 80-100 ms, opening 150-200 ms; the whole a third of a second [E][V]."""
    closed = np.zeros(len(times))
    if rate == 0:
        return closed
    grid = np.arange(0, times[-1] + 2 / GRID, 1 / GRID)
    pace = np.cumsum(rate * _pace(grid, times, speech)) / GRID  # seconds at rest that the time up to each point counts as
    start, drawn, first = 0.0, 0.0, rng.uniform(0.2, 1)
    while True:
        drawn += first * BLINK_MEAN * np.exp(BLINK_SPREAD * rng.standard_normal() - BLINK_SPREAD**2 / 2)
        first = 1.0
        shape = rng.uniform([0.08, 0.045, 0.15, 0.92], [0.1, 0.065, 0.2, 1.0])  # closing, closed, opening (s), how far
        pair, again = rng.uniform() < DOUBLE, rng.uniform(0.38, 0.55)
        if drawn > pace[-1]:
            return closed
        start = max(start + 0.4, np.interp(drawn, pace, grid))
        for begin in (start, start + again) if pair else (start,):
            span = slice(*np.searchsorted(times, [begin, begin + shape[:3].sum()]))
            closed[span] = np.maximum(closed[span], _blink(times[span] - begin, *shape))
        start += again if pair else 0


def _pace(grid: np.ndarray, times: np.ndarray, speech: np.ndarray | None) -> np.ndarray:
    """How much faster than at rest blinks come: 26 a minute in conversation [B], most of them just after a phrase [N]."""
    if speech is None:
        return np.ones(len(grid))
    active = np.interp(grid, times, speech)
    before = np.interp(grid - 0.5, times, speech)
    return 1.0 + 0.1 * active + 3.5 * np.maximum(before - active, 0)


def _blink(since: np.ndarray, closing: float, shut: float, opening: float, depth: float) -> np.ndarray:
    """Weight of a blink at times since its start; the lid brakes into the open position."""
    down = _ease(since / closing)
    up = _ease(1 - np.sqrt(np.clip((since - closing - shut) / opening, 0, 1)))
    return depth * np.minimum(down, np.where(since < closing + shut, 1.0, up))


def _looks(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None) -> np.ndarray:
    """(T, 2) rad, yaw and pitch: fixations around the viewer's face, now and then a look away, saccades between.

    A saccade of A degrees lasts 25 ms + 2.4 ms A [L] with the speed profile of least jerk: 5 degrees peak at 250 degrees/s.
    Directions are those of [L]; its distances (6.9 degrees on average) are shortened, since the viewer here is a camera.
    """
    targets, moments, moment = [np.zeros(2), np.zeros(2)], [-1.0], 0.0
    while moment < times[-1]:
        moment += np.clip(0.9 * np.exp(0.55 * rng.standard_normal()), 0.25, 4.0)
        near = np.radians([1.3, 0.8]) * rng.standard_normal(2)
        angle = np.pi / 4 * (rng.choice(8, p=DIRECTIONS / DIRECTIONS.sum()) + rng.uniform(-0.5, 0.5))
        far = np.radians(min(max(rng.exponential(4.0), 2.0), 9.0)) * np.array([np.cos(angle), np.sin(angle)])
        chance = 0.1 if speech is None else 0.06 + 0.12 * np.interp(moment, times, speech)  # speakers look away more often [L]
        away = rng.uniform() < chance and np.linalg.norm(targets[-1]) < np.radians(3)
        targets.append(far if away else near)
        moments.append(moment)
    targets, moments = np.array(targets), np.array(moments)
    steps = np.diff(targets, axis=0)
    lasts = 0.025 + 0.0024 * np.degrees(np.hypot(*steps.T))  # shorter than any fixation, so one saccade is under way at a time
    now = np.searchsorted(moments, times, side="right") - 1
    return targets[now] + _ease((times - moments[now]) / lasts[now])[:, None] * steps[now]


def _sway(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, fps: float) -> np.ndarray:
    """(T, 3) rad: sums of slow waves; twice as far while speaking as in silence [H]."""
    waves = 9
    low, high = np.log(SWAY_BAND)
    rates = np.exp(low + (high - low) * (np.arange(waves) + rng.uniform(size=(3, waves))) / waves)  # Hz
    phases = rng.uniform(0, 2 * np.pi, (3, waves))
    sizes = rates**-0.5
    sizes *= np.sqrt(2 / (sizes**2).sum(1, keepdims=True)) * SWAY[:, None]
    angles = 2 * np.pi * times[:, None, None] * rates + phases
    sway = (sizes * np.sin(angles)).sum(-1)
    if speech is None:
        return sway
    return sway * (0.6 + 0.6 * _smooth(speech, 1.5 * fps))[:, None]


def _nods(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, fps: float) -> np.ndarray:
    """(T, 3) rad: short nods, 1 to 2 degrees in 0.4 to 0.6 s, on the strong places of speech [M]."""
    out = np.zeros((len(times), 3))
    if speech is None:
        return out
    smooth = _smooth(speech, 0.15 * fps)
    moment = 0.0
    while moment < times[-1]:
        moment += np.clip(1.3 * np.exp(0.4 * rng.standard_normal()), 0.6, 4)
        lasts, depth, tilt = rng.uniform(0.4, 0.6), rng.uniform(0.8, 1.8), rng.uniform(-0.3, 0.3)
        near = slice(*np.searchsorted(times, [moment - 0.3, moment + 0.3]))
        if near.start == near.stop:
            continue
        peak = near.start + smooth[near].argmax()
        span = slice(*np.searchsorted(times, [times[peak] - lasts / 2, times[peak] + lasts / 2]))
        bump = smooth[peak] * np.cos(np.pi * (times[span] - times[peak]) / lasts) ** 2
        out[span] += np.radians(depth) * bump[:, None] * [1.0, 0.0, tilt]
    return out


def _ease(phase: np.ndarray) -> np.ndarray:
    """0 to 1 with the least jerk (Flash and Hogan 1985) as phase goes from 0 to 1."""
    phase = np.clip(phase, 0, 1)
    return phase**3 * (10 - 15 * phase + 6 * phase**2)


def _smooth(values: np.ndarray, width: float) -> np.ndarray:
    """(T,) mean with a raised cosine over about `width` frames; the ends are held."""
    half = max(1, round(width))
    window = 1 + np.cos(np.pi * np.arange(-half, half + 1) / (half + 1))
    padded = np.pad(values, half, "edge")
    return np.convolve(padded, window / window.sum(), "valid")
