"""From the rows of a streaming network to those of a face: the order of `animate.compose`, with nothing that looks ahead.

A row is of 20 ms. n rows at a time, always as many; P phonemes, K shapes of a head, E emotions. Phonemes are known some rows
before the motion (`ahead`), which is the notice that lips have of what they are to do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from talkinghead.head.head import Head
from talkinghead.motion.articulation import AFTER, bite_level, bite_lip, round_lips
from talkinghead.motion.articulation import RAMP as ROUNDING
from talkinghead.motion.controls import apply_gains, manner_of, whole_expression
from talkinghead.motion.lip_closure import close_lips, closure_level
from talkinghead.motion.nonverbal import upper_face_weights
from talkinghead.motion.pauses import rest_mouth, show_pauses
from talkinghead.motion.tongue import RAMP, put_out_tongue, raise_tongue, tongue_tip
from talkinghead.streaming.causal import Fir, Past
from talkinghead.streaming.nonverbal import Nonverbal, Strengths
from talkinghead.streaming.pauses import Pauses, Rest
from talkinghead.streaming.settings import StreamSettings
from talkinghead.streaming.variance import Variance
from talkinghead.streaming.voice import Heard

EXTRA = 3 + 2 + 4  # numbers of a row beside K weights: rotation, tongue, gaze


def rows_held(fps: float, ahead: int) -> int:
    """Rows before the newest phonemes in which a round sound still rounds the lips."""
    return ahead + round(AFTER * fps)


def round_window(fps: float) -> np.ndarray:
    """(N,) weights, whose sum is 1, by which rounding comes and goes."""
    window = np.hanning(round(ROUNDING * fps / 2) + 4)[1:-1]
    return window / window.sum()


def tongue_window(fps: float) -> np.ndarray:
    """(N,) weights, whose sum is 1, by which the tongue goes from place to place."""
    window = np.hanning(max(1, round(RAMP * fps)) + 2)[1:-1]
    return window / window.sum()


class Articulation:
    """Goals of lips and tongue from what is heard: the stream's `articulation.rounding` and `tongue.tongue_goals`."""

    def __init__(self, fps: float, ahead: int, hop: int) -> None:
        self._hop, self._before = hop, rows_held(fps, ahead)
        self._goals, self._past = Past(self._before, 2), Past(ahead, 10)
        self._round, self._tongue = Fir(round_window(fps), hop), Fir(tongue_window(fps), hop)

    def __call__(self, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(n, 10) of `speech.heard`, `ahead` rows before -> (n, 10) now, (n, 2) goals of rounding, (n, 5) of the tongue."""
        goals = self._goals(heard[:, 3:5])
        held = np.stack([goals[i : i + self._before + 1].max(0) for i in range(self._hop)])
        return self._past(heard)[: self._hop], self._round(held), self._tongue(heard[:, 5:])


class Layers:
    """Rows of one stream. names: shapes of the network's motion. authored: whether it learnt authored expressions."""

    def __init__(
        self,
        head: Head,
        names: list[str],
        settings: StreamSettings,
        *,
        authored: bool,
        fps: float,
        hop: int,
        ahead: int,
        times: Callable[[int, int], np.ndarray],
    ) -> None:
        self.head, self._names, self._settings, self._authored = head, tuple(names), settings, authored
        self.width = len(head.names) + EXTRA
        self._columns = None if self._names == head.names else [head.index(name) for name in names]
        self._manner, self._tip = manner_of(settings.seed), tongue_tip(head)
        self._moving = min(1.0, settings.articulation * settings.lower_face)
        self._articulation = Articulation(fps, ahead, hop)
        self._variance = Variance(head.names, fps)
        self._rest, self._pauses = Rest(fps, ahead), Pauses(fps, settings.seed)
        idle = settings.idle
        self._strengths = Strengths(
            idle * settings.blinks,
            idle * settings.gaze * ("eyeballs" in head.regions and {"left_eye", "right_eye"} <= head.joints.keys()),
            idle * settings.brows * settings.expressiveness * settings.upper_face,
            idle * settings.head_motion * settings.expressiveness,
        )
        self.has_gaze, self.has_tongue = bool(self._strengths.gaze), self._tip is not None
        self._nonverbal = Nonverbal(settings.seed, self._strengths, fps, times) if idle else None

    def early(self, heard: np.ndarray) -> None:
        """Follow (n, 10) of what is heard before there is any motion."""
        self._articulation(heard)
        self._rest(heard[:, 1])

    def rows(
        self, motion: np.ndarray, heard: np.ndarray, voice: Heard, asked: np.ndarray, felt: np.ndarray, emotional: bool
    ) -> np.ndarray:
        """(n, width) weights, rotation, tongue, gaze.

        motion: (2, n, K') without and with the emotion. heard: (n, 10), `ahead` rows later than the motion. asked, felt: (n, E)
        emotion as it was asked for and as it is felt. emotional: whether there was any emotion so far.
        """
        head, settings = self.head, self._settings
        at, rounding, tongue = self._articulation(heard)
        rest = self._rest(heard[:, 1])
        change = motion[1] - motion[0] if emotional else np.zeros_like(motion[0])
        if emotional and self._authored:
            change = whole_expression(change, motion[0], felt, self._names, self._manner)
        weights = self._variance(self._scattered(motion[0]))
        gains = settings.expressiveness, settings.articulation, settings.upper_face, settings.lower_face
        weights = apply_gains(weights, self._scattered(change), head, *gains)
        weights = self._lips(weights, at, rounding, tongue, rest * (1 - np.clip(settings.expressiveness * asked.sum(1), 0, 1)))
        sigh = None
        if emotional:
            press, sigh = self._pauses(voice, asked * min(1.0, settings.expressiveness * settings.lower_face))
            if press.any() or sigh.any():
                weights = show_pauses(weights, press, sigh, head)
        out = np.zeros((len(weights), self.width), np.float32)
        if self._tip is not None:
            out[:, -6:-4] = raise_tongue(weights, self._moving * tongue, head, self._tip)
        if self._nonverbal is not None:
            self._add_nonverbal(out, weights, self._nonverbal(voice, asked if emotional else None, sigh, len(out)))
        out[:, : len(head.names)] = weights
        return out

    def _lips(
        self, weights: np.ndarray, at: np.ndarray, rounding: np.ndarray, tongue: np.ndarray, rest: np.ndarray
    ) -> np.ndarray:
        """Lips and tongue by phonemes and by silence. A layer whose degree is 0 changes nothing and is left out."""
        head, moving = self.head, self._moving
        bite, closure = moving * bite_level(at[:, 2]), closure_level(at[:, 0])
        if rounding.any():
            weights = round_lips(weights, moving * rounding, head)
        if bite.any():
            weights = bite_lip(weights, bite, head)
        weights = put_out_tongue(weights, moving * tongue, head)
        if closure.any():
            weights = close_lips(weights, closure, head)
        return rest_mouth(weights, rest, head) if rest.any() else weights

    def _scattered(self, values: np.ndarray) -> np.ndarray:
        """(n, K') weights of the network's shapes -> (n, K) of the head's."""
        if self._columns is None:
            return values
        out = np.zeros((len(values), len(self.head.names)), np.float32)
        out[:, self._columns] = values
        return out

    def _add_nonverbal(self, out: np.ndarray, weights: np.ndarray, added: dict[str, np.ndarray]) -> None:
        """As `nonverbal.add_nonverbal_motion`, in place."""
        looks = added["gaze"] if self.has_gaze else None
        strengths = self._strengths
        rows, values = upper_face_weights(self.head, weights, added, looks, strengths.blinks > 0, strengths.brows)
        weights[:, rows] = values
        out[:, -9:-6] = added["rotation"]
        if looks is not None:
            out[:, -4:] = looks.reshape(-1, 4)
