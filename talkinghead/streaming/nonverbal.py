"""Blinks, gaze, brows and head of a stream: `motion.nonverbal` as far as the voice is known. n rows at a time.

What is drawn of a seed, and the shape of each movement, are those of `motion.nonverbal`, `gestures` and `affect`. A movement
begins when its accent or phrase is known, which is when its sound is heard or up to a tenth of a second later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, hypot

import numpy as np

from talkinghead.motion import gestures, nonverbal
from talkinghead.motion.affect import UNAFFECTED, draw_dart, full_affect, own_posture, saccade_seconds
from talkinghead.motion.pauses import sigh_rotation
from talkinghead.streaming.causal import Ahead, Waves
from talkinghead.streaming.voice import Heard

LATE = 0.35  # seconds in which head and gaze follow a change of emotion
EFFECTS = ("down", "turn", "tilt", "look", "darts", "moves", "brows", "blinks", "slow")


@dataclass(frozen=True)
class Strengths:
    """Factors of the rate of blinks, of gaze, brows and head; 0 switches a part off."""

    blinks: float
    gaze: float
    brows: float
    head: float


class Nonverbal:
    """Motion of eyes, brows and head, row after row. times: (first row, count) -> (n,) seconds."""

    def __init__(self, seed: int, strengths: Strengths, fps: float, times: Callable[[int, int], np.ndarray]) -> None:
        self._fps, self._strengths, self._row = fps, strengths, 0
        streams = [np.random.default_rng([seed & (2**64 - 1), part]) for part in range(7)]
        self._affect = Affect(seed, fps)
        self._blinks = Blinks(streams[0], fps)
        self._gaze = Gaze(streams[3], fps)
        self._sway = Waves(nonverbal.sway_waves(streams[1]), times)
        self._head = HeadMotion(streams[4], streams[6], fps)
        self._brows = Brows(streams[5], fps, times)
        self._slow, self._slower = 0.0, 0.0  # activity of the voice, over the seconds of brows' tone and of the sway

    def __call__(self, heard: Heard, emotion: np.ndarray | None, sigh: np.ndarray | None, count: int) -> dict[str, np.ndarray]:
        """`count` rows as of `nonverbal.nonverbal_motion`: blinks (n,), gaze (n, 2), brows, rotation, the same for both eyes.

        heard: what was heard before them. emotion: (n, E) of what is asked for, sigh: (n, 2); None where there is none.
        """
        strengths, speaking = self._strengths, float(heard.speaking[-1])
        self._slow += (1 - exp(-count / (gestures.TONE_SMOOTH * self._fps))) * (speaking - self._slow)
        self._slower += (1 - exp(-count / (nonverbal.SWAY_SMOOTH * self._fps))) * (speaking - self._slower)
        moves, brow_moves, blinks, slow = 1.0, 1.0, 1.0, 1.0
        spread = nonverbal.SILENT_SWAY + (nonverbal.SPEAKING_SWAY - nonverbal.SILENT_SWAY) * self._slower
        rotation = self._sway(self._row, count) * spread + self._head(heard, count)
        looks = self._gaze(heard, count)
        if emotion is not None:
            posture, gaze, moves, brow_moves, blinks, slow = self._affect(emotion)
            rotation, looks = rotation * moves + posture, looks + gaze
        if sigh is not None and sigh.any():
            rotation = rotation + sigh_rotation(sigh)
        rotation *= strengths.head
        looks -= rotation[:, [1, 0]] * [1, -1]  # eyes stay on the viewer
        closed = self._blinks(speaking, strengths.blinks * blinks, slow, count)
        brows = self._brows(heard, self._slow, self._row, count) * (strengths.brows * brow_moves)
        self._row += count
        return {
            "blinks": closed,
            "gaze": looks * strengths.gaze,
            "brows": np.minimum(brows, 1),
            "rotation": rotation,
        }


class Affect:
    """Effects of an emotion on head, gaze and blinks, which follow it late; see `motion.affect.AffectMotion`."""

    def __init__(self, seed: int, fps: float) -> None:
        rng = np.random.default_rng([seed & (2**64 - 1), 7])
        self._own, self._rng, self._fps = own_posture(rng), rng, fps
        self._full = np.stack([full_affect(name) for name in EFFECTS], 1)
        self._usual = np.array([UNAFFECTED[name] for name in EFFECTS])
        self._late: np.ndarray | None = None
        self._darts, self._wait, self._target = Ahead(fps, 1.0, 2), 0.0, np.zeros(2)

    def __call__(self, emotion: np.ndarray) -> tuple:
        """(n, E) -> posture, gaze, moves, brows, blinks and slow of these rows."""
        felt = emotion[-1, 1:]
        if self._late is None:
            self._late = felt.copy()
        self._late += (1 - exp(-len(emotion) / (LATE * self._fps))) * (felt - self._late)
        down, turn, tilt, look, darts, *rest = (self._usual + self._late @ self._full).tolist()
        gaze = np.zeros((len(emotion), 2))
        if darts > 0:
            self._wait -= len(emotion) / self._fps
            if self._wait <= 0:
                self._wait, target = draw_dart(self._rng)
                self._darts.go(saccade_seconds(target - self._target), target - self._target)
                self._target = target
            gaze = darts * self._darts.next(len(emotion))
        gaze[:, 1] -= np.radians(look)
        posture = np.radians([down, turn, tilt]) * self._own
        return posture, gaze, *rest


class Blinks:
    """Both lids. Blinks come at a rate that follows the voice."""

    def __init__(self, rng: np.random.Generator, fps: float) -> None:
        self._rng, self._fps = rng, fps
        self._lids, past = Ahead(fps, 2.0, merge=np.maximum), max(1, round(nonverbal.BLINK_DELAY * fps))
        self._past = deque([0.0] * past, past)  # voice activity
        self._since, self._drawn = 1.0, nonverbal.draw_blink(rng)  # seconds since the last one
        self._left = self._drawn[0] * rng.uniform(*nonverbal.FIRST_BLINK)  # seconds at the rate of rest

    def __call__(self, speaking: float, rate: float, slow: float, count: int) -> np.ndarray:
        """Voice activity, factors of rate and length -> (count,) weights of both lids."""
        before = self._past[0]
        self._past.extend([speaking] * count)
        self._since += count / self._fps
        self._left -= count / self._fps * rate * float(nonverbal.blink_rate(speaking, before))
        if rate and self._left <= 0 and self._since >= nonverbal.BLINK_GAP:
            _, shape, again = self._drawn
            shape[:3] *= slow
            for begin in (0.0, again) if again else (0.0,):
                self._lids.add(shape[:3].sum(), lambda since: nonverbal.blink(since, *shape), begin)
            self._since, self._drawn = -again, nonverbal.draw_blink(self._rng)
            self._left += self._drawn[0]
        return self._lids.next(count)


class Gaze:
    """Fixations near the viewer and looks away, with saccades between; see `nonverbal._looks`."""

    def __init__(self, rng: np.random.Generator, fps: float) -> None:
        self._rng, self._fps, self._path = rng, fps, Ahead(fps, 1.0, 2)
        self._drawn = nonverbal.draw_look(rng)
        self._left, self._begun = self._drawn[0], 1e9  # seconds to the next saccade, and since a phrase began

    def __call__(self, heard: Heard, count: int) -> np.ndarray:
        """(count, 2) rad, yaw and pitch."""
        self._left -= count / self._fps
        self._begun = 0.0 if heard.began else self._begun + count / self._fps
        if self._left <= 0:
            _, near, far, draw = self._drawn
            target = self._path.place
            away = draw < self._chance(heard) and hypot(*target) < np.radians(nonverbal.FROM_VIEWER)
            step = (far if away else near) - target
            self._path.go(saccade_seconds(step), step)
            self._drawn = nonverbal.draw_look(self._rng)
            self._left += self._drawn[0]
        return self._path.next(count)

    def _chance(self, heard: Heard) -> float:
        """Of a look away."""
        if self._begun < nonverbal.BEGIN[1]:
            return nonverbal.AWAY_BEGIN
        if heard.quiet is not None and 0 < heard.quiet < -nonverbal.END[0]:
            return nonverbal.AWAY_END
        silent, speaks = nonverbal.AWAY_SILENT, nonverbal.AWAY_SPEAKING
        return silent + (speaks - silent) * float(heard.speaking[-1])


class HeadMotion:
    """Nods on accents, a new posture with a phrase, which goes back in long pauses."""

    def __init__(self, nods: np.random.Generator, postures: np.random.Generator, fps: float) -> None:
        self._nods, self._postures, self._fps = nods, postures, fps
        self._path, self._since, self._back = Ahead(fps, 3.0, 3), 1e9, True

    def __call__(self, heard: Heard, count: int) -> np.ndarray:
        """(count, 3) rad."""
        self._since += count / self._fps
        for size in heard.accents:
            lasts, _, shape = gestures.draw_nod(self._nods, size)
            if shape is not None and self._since >= gestures.NOD_GAP:
                self._since = 0.0
                self._path.add(lasts, lambda since, shape=shape, middle=lasts / 2: shape(since - middle))
        if heard.began:
            draw, how = self._postures.standard_normal(3), self._postures.uniform(gestures.POSTURE_LOW, gestures.POSTURE_HIGH)
            self._back = False
            if how[2] < gestures.POSTURE_CHANCE:
                target = gestures.POSTURE * draw.clip(-gestures.POSTURE_MOST, gestures.POSTURE_MOST)
                self._path.go(how[0], target - self._path.place)
        elif not self._back and (heard.quiet or 0.0) > gestures.LONG_PAUSE:
            self._back = True
            self._path.go(gestures.RETURN, (gestures.RETURN_SHARE - 1) * self._path.place)
        return self._path.next(count)


class Brows:
    """Raises on accents and in some pauses, and a slow motion between; see `gestures.brows`."""

    def __init__(self, rng: np.random.Generator, fps: float, times: Callable[[int, int], np.ndarray]) -> None:
        self._accents, self._pauses, _, between = (np.random.default_rng(rng.integers(2**63)) for _ in range(4))
        self._fps, self._since, self._begun, self._held = fps, 1e9, 1e9, True
        self._raised = Ahead(fps, 3.0, 2, 3, merge=np.maximum)
        self._tone = Waves(gestures.tone_waves(between), times)

    def __call__(self, heard: Heard, slow: float, row: int, count: int) -> np.ndarray:
        """(count, 2, 3) weights; see `gestures.brows`."""
        self._since += count / self._fps
        self._begun = 0.0 if heard.began else self._begun + count / self._fps
        for size in heard.accents:
            raised = gestures.draw_raise(self._accents, size, self._begun < gestures.PHRASE_BEGIN[1])
            if raised is not None and self._since >= gestures.RAISE_GAP:
                self._since = 0.0
                self._raised.add(raised.lasts, raised.shape)
        if heard.began:
            self._held = False
        elif not self._held and (heard.quiet or 0.0) > gestures.HESITATION:
            self._held, draw = True, self._pauses.uniform(size=6)
            if draw[0] < gestures.HESITATION_CHANCE:
                form = gestures.brow_form(draw[3:], False)
                raised = gestures.Raise(0.3, 0.3, 0.5, 0.12 + 0.15 * draw[1], form)
                self._raised.add(raised.lasts, raised.shape)
        out = self._raised.next(count)
        tone = gestures.TONE_SILENT + (gestures.TONE_SPEAKING - gestures.TONE_SILENT) * slow
        out[..., :2] = np.maximum(out[..., :2], (gestures.TONE * (1 + self._tone(row, count)) * tone)[:, None])
        return out
