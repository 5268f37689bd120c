"""Nonverbal motion from a seed: blinks, saccades, lids, brows, sway of the head and nods.

Events are drawn in seconds and then sampled at the frames, so a seed gives the same events at any frame rate, and a longer clip
begins like a shorter one. Blinks, eyes, brows and head have random streams of their own: switching one off leaves the others
unchanged. Motion that follows the voice is in `gestures`. T frames. Sources of the figures:

[B] Bentivoglio et al. 1997, Analysis of blink rate patterns in normal subjects. Movement Disorders 12.
[E] Evinger, Manning, Sibony 1991, Eyelid movements: mechanisms and normal data. Investigative Ophthalmology 32.
[F] Becker, Fuchs 1988, Lid-eye coordination during vertical gaze changes in man and monkey. Journal of Neurophysiology 60.
[H] Hadar, Steiner, Grant, Rose 1983, Kinematics of head movements accompanying speech. Human Movement Science 2.
[K] Kendon 1967, Some functions of gaze-direction in social interaction. Acta Psychologica 26 (away as a turn begins).
[L] Lee, Badler, Badler 2002, Eyes alive. ACM Transactions on Graphics 21 (measured saccades of speakers).
[N] Nakano, Kitazawa 2010, Eyeblink entrainment at breakpoints of speech. Experimental Brain Research 205.
[V] VanderWerf et al. 2003, Eyelid movements: behavioral studies of blinking in humans. Journal of Neurophysiology 89.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from talkinghead.audio.clock import frame_times
from talkinghead.audio.curves import smooth
from talkinghead.audio.prosody import Prosody
from talkinghead.blocks import spans
from talkinghead.errors import InputError
from talkinghead.head.head import Head, per_head
from talkinghead.head.landmark_maps import has_lip_gap
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.motion import gestures, listening
from talkinghead.motion.affect import SACCADE, SACCADE_SLOPE, AffectMotion, affect_motion
from talkinghead.motion.animation import Animation
from talkinghead.motion.controls import check_strengths
from talkinghead.motion.easing import ease
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.pauses import sigh_rotation, sighs

BLOCK = 10_000  # frames at a time

# Blinks. Figures without a source were set by eye.
GRID = 100.0  # Hz at which the rate of blinks is integrated, at any frame rate
BLINK_MEAN, BLINK_SPREAD = 3.5, 0.6  # seconds between blinks at rest, 17 a minute [B], and the sigma of their logarithm
FIRST_BLINK = (0.2, 1.0)  # range of the share of an interval before the first blink
BLINK_GAP = 0.4  # least seconds between two blinks
# Ranges of a blink: seconds in which the lid closes, stays shut and opens [E][V], and the weight that it reaches.
BLINK_LOW, BLINK_HIGH = (0.08, 0.045, 0.15, 0.92), (0.1, 0.065, 0.2, 1.0)
DOUBLE, DOUBLE_GAP = 0.06, (0.38, 0.55)  # share of blinks that come as a pair, and range of seconds between the two
BLINK_DELAY = 0.5  # seconds before now whose voice activity counts: blinks are most frequent this long after a phrase [N]
SPEAKING_BLINKS, PHRASE_BLINKS = -0.1, 3.5  # change of the rate while speaking, and at most after a phrase: 26 a minute [B][N]

# Gaze
FIXATION, FIXATION_SPREAD, FIXATION_RANGE = 0.9, 0.55, (0.25, 4.0)  # seconds: median, sigma of the logarithm, limits
NEAR = (1.3, 0.8)  # degrees: spread of fixations around the viewer's face, sideways and up
DIRECTIONS = np.array([15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79])  # % of saccades every 45 degrees from the right [L]
AWAY, AWAY_RANGE = 4.0, (2.0, 9.0)  # degrees of a look away: mean, limits
FROM_VIEWER = 3.0  # degrees: a look away starts nearer to the viewer than this
AWAY_UNKNOWN, AWAY_SILENT, AWAY_SPEAKING = 0.1, 0.06, 0.18  # chance of a look away a fixation; speakers look away more [L]
AWAY_BEGIN, BEGIN = 0.4, (-0.5, 0.6)  # that chance as a phrase begins, and seconds around its begin [K]
AWAY_END, END = 0.02, (-0.2, 0.7)  # the same as it ends; seconds before its end
LID_DOWN, LID_UP = 0.02, 0.04  # weights of eyeBlink and eyeWide a degree of gaze: upper lids go with the eyes [F]

# Brows, smile and lids
RAISED, RAISED_WIDE = 0.1, 0.25  # weight of a raised brow from which on eyes widen, and eyeWide for each 1 above it
FROWN_SQUINT, SMILE_SQUINT = 0.3, 0.3  # eyeSquint for each 1 of browDown, of mouthSmile

# Head
SWAY = np.radians([0.7, 1.1, 0.6])  # RMS about x (nod), y (turn), z (tilt)
SWAY_BAND, SWAY_WAVES = (0.06, 0.7), 9  # Hz, and sines in it: the slow class of head movements [H]; speech keeps it below 1 Hz
SILENT_SWAY, SPEAKING_SWAY, SWAY_SMOOTH = 0.6, 1.2, 1.5  # factors in silence and in speech [H]; seconds of the change

# Voice activity from lips
ACTIVITY_SMOOTH = 0.33  # seconds over which their speed is taken
SPEAKING_LIPS = 0.03  # m/s from which on they are taken for those of a speaker, which do 0.03 to 0.1
NO_ACCENTS = np.zeros((0, 2))
LIP_MOTION = 1e-5  # metres: shapes that move any lip vertex further are not used


def nonverbal_motion(  # noqa: PLR0913
    frames: int,
    fps: float,
    seed: int,
    *,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    head: float = 1.0,
    speech: np.ndarray | None = None,
    voice: Prosody | None = None,
    emotion: np.ndarray | None = None,
    listens: bool = False,
) -> dict[str, np.ndarray]:
    """Motion of eyes, brows and head for `frames` frames at `fps`.

    {"blinks": (T, 2) weights, "gaze": (T, 2, 2) rad, "brows": (T, 2, 3) weights of inner end up, outer end up, down, left and
    right, "rotation": (T, 3) rad}; `gaze` and `rotation` are as in `Animation`.
    blinks: factor of their rate. gaze, brows, head: factors of amplitude. 1 is usual; 0 switches a part off exactly.
    speech: (T,) voice activity in [0, 1], if known. Blinks are then more frequent after phrases; eyes, brows and head move
        more during speech.
    voice: the `Prosody` of the recording, if known. Nods and brow raises are then on its accents, the head changes its posture
        at phrases, and the eyes look away as a phrase begins. `speech` defaults to its `speaking`.
    emotion: (T, 8) curve as in `expressions`, whose effects on head, gaze and blinks are in `affect`. The factors scale them,
        too. A curve of zeros has no effect.
    listens: the voice is another's. Blinks still follow it, the head nods at the ends of its phrases instead of on its accents,
        and eyes, brows and sway are those of somebody silent; see `listening`.
    Raises InputError for strengths below 0 and for a `speech` or `emotion` of another shape.
    """
    check_strengths(blinks=blinks, gaze=gaze, brows=brows, head=head)
    times = frame_times(frames, fps)
    if speech is None and voice is not None:
        speech = np.interp(times, voice.times, voice.speaking)
    if speech is not None:
        speech = np.clip(np.asarray(speech, np.float64), 0, 1)
        if speech.shape != (frames,) or not np.isfinite(speech).all():
            raise InputError(f"nonverbal motion: speech has shape {speech.shape}, expected {frames} finite values")
    affect = _affect(emotion, times, seed, fps)
    own = np.zeros(frames) if listens else speech
    streams = [np.random.default_rng([seed & (2**64 - 1), part]) for part in range(7)]
    closed = _blinks(streams[0], times, speech, blinks, affect)
    rotation = _sway(streams[1], times, own, fps)
    if listens:
        looks, lift = _looks(streams[3], times, own, None), gestures.brows(streams[5], times, NO_ACCENTS, None, None, fps)
        if voice is not None:
            rotation += listening.nods(streams[4], times, voice)
            lift = np.maximum(lift, listening.brows(streams[6], times, voice))
    else:
        accents = gestures.accents_of(streams[2], times, speech, voice, fps)
        rotation += gestures.nods(streams[4], times, accents)
        if voice is not None:
            rotation += gestures.postures(streams[6], times, voice)
        looks, lift = _looks(streams[3], times, speech, voice), gestures.brows(streams[5], times, accents, speech, voice, fps)
    if affect is not None:
        rotation = rotation * affect.moves[:, None] + affect.posture
        looks, lift = looks + affect.gaze, lift * affect.brows[:, None, None]
        if voice is not None and emotion is not None and not listens:
            rotation += sigh_rotation(sighs(emotion, times, voice.phrases, seed))
    rotation *= head
    looks = looks - rotation[:, [1, 0]] * [1, -1]  # eyes stay on the viewer while the head turns
    return {
        "blinks": np.repeat(closed[:, None], 2, 1).astype(np.float32),
        "gaze": np.repeat((gaze * looks)[:, None], 2, 1).astype(np.float32),
        "brows": (brows * lift).clip(0, 1).astype(np.float32),
        "rotation": rotation.astype(np.float32),
    }


def add_nonverbal_motion(  # noqa: PLR0913
    animation: Animation,
    seed: int = 0,
    *,
    strength: float = 1.0,
    blinks: float = 1.0,
    gaze: float = 1.0,
    brows: float = 1.0,
    head: float = 1.0,
    speech: np.ndarray | None = None,
    voice: Prosody | None = None,
    emotion: np.ndarray | None = None,
    listens: bool = False,
    in_place: bool = False,
) -> Animation:
    """The animation with `nonverbal_motion` added: the larger of two blinks; the sum of brows, gaze and rotation.

    `strength` multiplies the four other factors. Without `speech` and `voice` the activity is read from the lips. Upper lids
    follow the eyes, eyes widen a little under raised brows and narrow in a smile. `emotion` changes head, gaze and blinks, not
    the expression; `listens` is as there. Shapes that the head lacks, or that move its lips, are left out. A head without
    eyeballs has no gaze.
    in_place: the weights of `animation` itself are changed, which saves memory where nobody else needs them.
    """
    blinks, gaze, brows, head = strength * blinks, strength * gaze, strength * brows, strength * head
    face = animation.head
    speech = lip_activity(animation) if speech is None and voice is None else speech
    gains = {"blinks": blinks, "gaze": gaze, "brows": brows, "head": head}
    of = {"speech": speech, "voice": voice, "emotion": emotion, "listens": listens}
    added = nonverbal_motion(len(animation), animation.fps, seed, **gains, **of)
    changed: dict[str, np.ndarray] = {}
    if gaze and "eyeballs" in face.regions and {"left_eye", "right_eye"} <= face.joints.keys():
        changed["gaze"] = added["gaze"] if animation.gaze is None else animation.gaze + added["gaze"]
    if upper_face_rows(face) and ("gaze" in changed or brows or blinks):
        weights = animation.coefficients if in_place else animation.coefficients.copy()
        for part in spans(len(weights), BLOCK):
            here = {name: values[part] for name, values in added.items()}
            looks = changed["gaze"][part] if "gaze" in changed else None
            rows, values = upper_face_weights(face, weights[part], here, looks, blinks > 0, brows)
            weights[part, rows] = values
        changed["coefficients"] = weights
    if head:
        changed["rotation"] = added["rotation"]
        if animation.rotation is not None:
            from scipy.spatial.transform import Rotation

            turned = Rotation.from_rotvec(added["rotation"]) * Rotation.from_rotvec(animation.rotation)
            changed["rotation"] = turned.as_rotvec()
    return replace(animation, **changed)


def upper_face_weights(
    head: Head,
    coefficients: np.ndarray,
    added: dict[str, np.ndarray],
    gaze: np.ndarray | None,
    blinks: bool,
    brows: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(M,) rows and (..., M) new weights of the shapes of (..., K) coefficients that eyes and brows move.

    added: of `nonverbal_motion`. gaze: (..., 2, 2) rad, where eyes turn.
    """
    rows, column, smiles = _moved_shapes(head)
    before = coefficients[..., rows]
    first, second = (
        np.zeros((*before.shape[:-1], len(rows) + 1), before.dtype) for _ in range(2)
    )  # the last column: what the head has not
    touched = np.zeros(len(rows) + 1, bool)

    def add(part: np.ndarray, name: str, values: np.ndarray) -> None:
        part[..., column[name]] = values
        touched[column[name]] = True

    for eye, side in enumerate(("Left", "Right")):
        if gaze is not None:
            up = np.degrees(gaze[..., eye, 1])
            add(first, f"eyeBlink{side}", LID_DOWN * np.maximum(-up, 0))
            add(first, f"eyeWide{side}", LID_UP * np.maximum(up, 0))
        if brows:
            inner, outer, down = np.moveaxis(added["brows"][..., eye, :], -1, 0)
            add((first, second)[eye], "browInnerUp", inner / 2)  # of both sides together
            add(first, f"browOuterUp{side}", outer)
            add(first, f"browDown{side}", down)
            add(second, f"eyeWide{side}", RAISED_WIDE * np.maximum(inner - RAISED, 0))
            smile = 0 if smiles[eye] is None else np.minimum(np.maximum(coefficients[..., smiles[eye]], 0), 1)
            add(first, f"eyeSquint{side}", FROWN_SQUINT * down + min(brows, 1) * SMILE_SQUINT * smile)
    out = before
    for part in (first, second):
        moved = np.minimum(np.maximum(out + part[..., :-1], 0), np.maximum(1, out))
        out = np.where(touched[:-1], moved, out)
    if blinks:
        for eye, side in enumerate(("Left", "Right")):
            if (place := column[f"eyeBlink{side}"]) < len(rows):
                out[..., place] = np.maximum(out[..., place], added["blinks"][..., eye])
    return rows, out


@per_head
def _moved_shapes(head: Head) -> tuple[np.ndarray, dict[str, int], list[int | None]]:
    """Rows of the shapes that `upper_face_weights` moves; name -> place among them, behind the last if there is none; rows of
    the two smiles.
    """
    own = upper_face_rows(head)
    stems = ("eyeBlink", "eyeWide", "eyeSquint", "browOuterUp", "browDown")
    moved = ["browInnerUp", *(f"{stem}{side}" for stem in stems for side in ("Left", "Right"))]
    there = [name for name in moved if name in own]
    places = {name: there.index(name) if name in own else len(there) for name in moved}
    smiles = [f"mouthSmile{side}" for side in ("Left", "Right")]
    return np.array([own[name] for name in there], int), places, [head.index(n) if n in head.names else None for n in smiles]


@per_head
def upper_face_rows(head: Head) -> dict[str, int]:
    """Rows of the shapes of the upper face that move no lip vertex by more than LIP_MOTION."""
    names = [name for name in head.names if name.startswith(("brow", "eyeBlink", "eyeWide", "eyeSquint"))]
    if "lips" in head.regions:
        lips = np.flatnonzero(head.regions["lips"] > 0)
    else:
        marks = [int(place[0]) for name, place in head.landmarks.items() if name.startswith("lip_")]
        lips = np.unique(head.faces[marks]) if marks else np.zeros(0, int)
    rows = {name: head.index(name) for name in names}
    return {name: row for name, row in rows.items() if np.abs(head.basis[row][lips]).max(initial=0) <= LIP_MOTION}


def lip_activity(animation: Animation) -> np.ndarray | None:
    """(T,) voice activity in [0, 1] estimated from the speed of the lips; None without landmarks."""
    if not has_lip_gap(animation.head):
        return None
    if len(animation) < 2:
        return np.zeros(len(animation))
    upper, lower = (animation.landmark(name) for name in INNER_LIPS)
    speed = np.linalg.norm(np.gradient(upper - lower, axis=0), axis=1) * animation.fps  # m/s
    return np.clip(np.sqrt(smooth(speed**2, ACTIVITY_SMOOTH * animation.fps)) / SPEAKING_LIPS, 0, 1)


def _affect(emotion: np.ndarray | None, times: np.ndarray, seed: int, fps: float) -> AffectMotion | None:
    """Effects of the emotion, or None if it is 0 throughout. Raises InputError for a curve of another shape."""
    if emotion is None:
        return None
    emotion = np.asarray(emotion)
    if emotion.shape != (len(times), len(EMOTIONS)):
        raise InputError(f"nonverbal motion: emotion has shape {emotion.shape}, expected {(len(times), len(EMOTIONS))}")
    return affect_motion(emotion, times, seed, fps) if emotion[:, 1:].any() else None


def _blinks(
    rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, rate: float, affect: AffectMotion | None = None
) -> np.ndarray:
    """(T,) weight of both lids. A blink takes a third of a second."""
    closed = np.zeros(len(times))
    if rate == 0:
        return closed
    grid = np.arange(0, times[-1] + 2 / GRID, 1 / GRID)
    rates = rate * _pace(grid, times, speech)
    if affect is not None:
        rates *= np.interp(grid, times, affect.blinks)
    pace = np.cumsum(rates) / GRID  # integral of the rate: seconds at the rate of rest
    start, drawn, first = 0.0, 0.0, rng.uniform(*FIRST_BLINK)
    while True:
        wait, shape, again = draw_blink(rng)
        drawn, first = drawn + first * wait, 1.0
        if drawn > pace[-1]:
            return closed
        start = max(start + BLINK_GAP, np.interp(drawn, pace, grid))
        if affect is not None:
            shape[:3] *= np.interp(start, times, affect.slow)
        for begin in (start, start + again) if again else (start,):
            span = slice(*np.searchsorted(times, [begin, begin + shape[:3].sum()]))
            closed[span] = np.maximum(closed[span], blink(times[span] - begin, *shape))
        start += again


def draw_blink(rng: np.random.Generator) -> tuple[float, np.ndarray, float]:
    """Seconds at the rate of rest until a blink, what `blink` takes of it, and the seconds to the second of a pair, or 0."""
    wait = BLINK_MEAN * np.exp(BLINK_SPREAD * rng.standard_normal() - BLINK_SPREAD**2 / 2)
    shape = rng.uniform(BLINK_LOW, BLINK_HIGH)
    pair, again = rng.uniform() < DOUBLE, rng.uniform(*DOUBLE_GAP)
    return wait, shape, again if pair else 0.0


def _pace(grid: np.ndarray, times: np.ndarray, speech: np.ndarray | None) -> np.ndarray:
    """Rate of blinks relative to rest."""
    if speech is None:
        return np.ones(len(grid))
    return blink_rate(np.interp(grid, times, speech), np.interp(grid - BLINK_DELAY, times, speech))


def blink_rate(active: Any, before: Any) -> Any:
    """Rate of blinks relative to rest, by voice activity now and BLINK_DELAY before; numbers or (T,)."""
    return 1.0 + SPEAKING_BLINKS * active + PHRASE_BLINKS * np.maximum(before - active, 0)


def blink(since: np.ndarray, closing: float, closed: float, opening: float, depth: float) -> np.ndarray:
    """Weight of a blink at times since its start; the lid slows down as it opens."""
    down = ease(since / closing)
    up = ease(1 - np.sqrt(np.clip((since - closing - closed) / opening, 0, 1)))
    return depth * np.minimum(down, np.where(since < closing + closed, 1.0, up))


def _looks(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, voice: Prosody | None) -> np.ndarray:
    """(T, 2) rad, yaw and pitch: fixations around the viewer's face and occasional looks away, with saccades between.

    A saccade has the speed profile of least jerk: 5 degrees peak at 250 degrees/s.
    Directions are those of [L]; its distances (6.9 degrees on average) are shortened, since the viewer here is a camera.
    """
    targets, moments, moment = [np.zeros(2), np.zeros(2)], [-1.0], 0.0
    while moment < times[-1]:
        wait, near, far, draw = draw_look(rng)
        moment += wait
        chance = AWAY_UNKNOWN
        if speech is not None:
            chance = AWAY_SILENT + (AWAY_SPEAKING - AWAY_SILENT) * np.interp(moment, times, speech)
        if voice is not None and len(voice.phrases):
            begun, left = moment - voice.phrases[:, 0], voice.phrases[:, 1] - moment
            chance = AWAY_BEGIN if ((begun > BEGIN[0]) & (begun < BEGIN[1])).any() else chance
            chance = AWAY_END if ((left > END[0]) & (left < END[1])).any() else chance
        away = draw < chance and np.linalg.norm(targets[-1]) < np.radians(FROM_VIEWER)
        targets.append(far if away else near)
        moments.append(moment)
    targets, moments = np.array(targets), np.array(moments)
    steps = np.diff(targets, axis=0)
    lasts = SACCADE + SACCADE_SLOPE * np.degrees(
        np.hypot(*steps.T)
    )  # shorter than any fixation, so one saccade is under way at a time
    now = np.searchsorted(moments, times, side="right") - 1
    return targets[now] + ease((times - moments[now]) / lasts[now])[:, None] * steps[now]


def draw_look(rng: np.random.Generator) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Seconds until the next saccade, (2,) rad of a fixation near the viewer and of a look away, a number that decides."""
    wait = np.clip(FIXATION * np.exp(FIXATION_SPREAD * rng.standard_normal()), *FIXATION_RANGE)
    near = np.radians(NEAR) * rng.standard_normal(2)
    angle = np.pi / 4 * (rng.choice(8, p=DIRECTIONS / DIRECTIONS.sum()) + rng.uniform(-0.5, 0.5))
    far = np.radians(np.clip(rng.exponential(AWAY), *AWAY_RANGE)) * np.array([np.cos(angle), np.sin(angle)])
    return wait, near, far, rng.uniform()


def _sway(rng: np.random.Generator, times: np.ndarray, speech: np.ndarray | None, fps: float) -> np.ndarray:
    """(T, 3) rad: sums of slow waves, larger while speaking."""
    waves, sway = sway_waves(rng), np.zeros((len(times), 3))
    for part in spans(len(times), BLOCK):
        sway[part] = waves(times[part])
    if speech is None:
        return sway
    return sway * (SILENT_SWAY + (SPEAKING_SWAY - SILENT_SWAY) * smooth(speech, SWAY_SMOOTH * fps))[:, None]


def sway_waves(rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """What gives the (T, 3) rad of slow waves at (T,) seconds."""
    low, high = np.log(SWAY_BAND)
    rates = np.exp(low + (high - low) * (np.arange(SWAY_WAVES) + rng.uniform(size=(3, SWAY_WAVES))) / SWAY_WAVES)  # Hz
    phases = rng.uniform(0, 2 * np.pi, (3, SWAY_WAVES))
    sizes = rates**-0.5
    sizes *= np.sqrt(2 / (sizes**2).sum(1, keepdims=True)) * SWAY[:, None]
    return lambda times: (sizes * np.sin(2 * np.pi * times[:, None, None] * rates + phases)).sum(-1)
