"""From the rows of a streaming network to those of a face: the order of `animate.compose`, with nothing that looks ahead.

A row is of 20 ms. n rows at a time, always as many, of B streams; P phonemes, K shapes of a head, E emotions. Phonemes are
known some rows before the motion (`ahead`), which is the notice that lips have of what they are to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from talkinghead.head.head import Head
from talkinghead.motion.articulation import AFTER, bite_level, bite_lip, round_lips
from talkinghead.motion.articulation import RAMP as ROUNDING
from talkinghead.motion.controls import apply_gains, manner_of, whole_expression
from talkinghead.motion.easing import smoothstep
from talkinghead.motion.expressions import authored_weights, posed
from talkinghead.motion.lip_closure import close_lips, closure_level
from talkinghead.motion.nonverbal import upper_face_weights
from talkinghead.motion.pauses import rest_mouth, show_pauses
from talkinghead.motion.tongue import RAMP, put_out_tongue, raise_tongue, tongue_tip
from talkinghead.speech.heard import COLUMNS
from talkinghead.streaming.causal import Past, moving_mean
from talkinghead.streaming.nonverbal import Nonverbal, Strengths
from talkinghead.streaming.pauses import Pauses, Rest
from talkinghead.streaming.settings import StreamSettings
from talkinghead.streaming.variance import Variance, enlarge
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
        self.hop, self.ahead, self.before = hop, ahead, rows_held(fps, ahead)
        self.round, self.tongue = moving_mean(round_window(fps), hop), moving_mean(tongue_window(fps), hop)
        rows = max(ahead, self.before + self.round.shape[1] - hop, self.tongue.shape[1] - hop)
        self.past = Past(rows, sum(COLUMNS))


def articulate(streams: Sequence[Articulation], heard: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(B, n, 10) of `speech.heard`, `ahead` rows before -> the same now, (B, n, 2) of rounding and (B, n, 5) of the tongue."""
    one, hop = streams[0], streams[0].hop
    rows = np.stack([stream.past(here) for stream, here in zip(streams, heard, strict=True)])
    goals = rows[:, -(one.before + one.round.shape[1]) :, 3:5]
    held = goals[:, one.before :]
    for later in range(one.before):
        held = np.maximum(held, goals[:, later : later + one.round.shape[1]])
    start = rows.shape[1] - hop - one.ahead
    return rows[:, start : start + hop], one.round @ held, one.tongue @ rows[:, -one.tongue.shape[1] :, 5:]


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
        self.head, self._names = head, tuple(names)
        self.width = len(head.names) + EXTRA
        self._columns = None if self._names == head.names else [head.index(name) for name in names]
        self._tip = tongue_tip(head)
        self._authored, self._expressions = authored, authored_weights(self._names, manner_of(settings.seed))
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
        self._gains = settings.expressiveness, settings.articulation, settings.upper_face, settings.lower_face
        self.has_gaze, self.has_tongue = bool(self._strengths.gaze), self._tip is not None
        self._nonverbal = Nonverbal(settings.seed, self._strengths, fps, times) if idle else None
        # Streams of which this is the same are made together.
        self.kind = id(head), self._names, authored, self._gains, self._strengths, idle > 0, fps, hop, ahead

    def early(self, heard: np.ndarray) -> None:
        """Follow (n, 10) of what is heard before there is any motion."""
        self._articulation.past(heard)
        self._rest(heard[:, 1].tolist())

    def _paused(self, one: Moment, out: np.ndarray) -> np.ndarray | None:
        """Write the (n, 3) of `pauses.Pauses`; the sigh."""
        if not one.emotional:
            return None
        expressiveness, _, _, lower = self._gains
        found = self._pauses(one.voice, one.asked * min(1.0, expressiveness * lower))
        if found is None:
            return None
        out[:, 0], out[:, 1:] = found
        return out[:, 1:]

    def _moved(self, one: Moment, sigh: np.ndarray | None) -> dict[str, np.ndarray] | None:
        """Eyes, brows and head; None if they stay as they are."""
        if self._nonverbal is None:
            return None
        return self._nonverbal(one.voice, one.asked if one.emotional else None, sigh, len(one.asked))

    def _lips(
        self, weights: np.ndarray, at: np.ndarray, rounding: np.ndarray, tongue: np.ndarray, rest: np.ndarray
    ) -> np.ndarray:
        """Lips and tongue by phonemes and by silence. A layer whose degree is 0 changes nothing and is left out."""
        head, moving = self.head, self._moving
        bite, closure = moving * bite_level(at[..., 2]), closure_level(at[..., 0])
        if rounding.any():
            weights = round_lips(weights, moving * rounding, head)
        if bite.any():
            weights = bite_lip(weights, bite, head)
        weights = put_out_tongue(weights, moving * tongue, head)
        if closure.any():
            weights = close_lips(weights, closure, head)
        return rest_mouth(weights, rest, head) if rest.any() else weights

    def _scattered(self, values: np.ndarray) -> np.ndarray:
        """(..., K') weights of the network's shapes -> (..., K) of the head's."""
        if self._columns is None:
            return values
        out = np.zeros((*values.shape[:-1], len(self.head.names)), np.float32)
        out[..., self._columns] = values
        return out

    def _add_nonverbal(self, out: np.ndarray, weights: np.ndarray, each: Sequence[dict[str, np.ndarray]]) -> None:
        """As `nonverbal.add_nonverbal_motion`, in place."""
        added = {name: np.stack([one[name] for one in each]) for name in each[0]}
        added |= {"blinks": np.stack([added["blinks"]] * 2, -1), "gaze": np.stack([added["gaze"]] * 2, -2)}
        looks = added["gaze"] if self.has_gaze else None
        strengths = self._strengths
        rows, values = upper_face_weights(self.head, weights, added, looks, strengths.blinks > 0, strengths.brows)
        weights[..., rows] = values
        out[..., -9:-6] = added["rotation"]
        if looks is not None:
            out[..., -4:] = looks.reshape(*looks.shape[:-2], 4)


class Moment(NamedTuple):
    """What the layers of one stream take of a step.

    motion: (2, n, K') without and with the emotion. heard: (n, 10), `ahead` rows later than the motion. asked, felt: (n, E)
    emotion as it was asked for and as it is felt. emotional: whether there was any emotion so far.
    """

    motion: np.ndarray
    heard: np.ndarray
    voice: Heard
    asked: np.ndarray
    felt: np.ndarray
    emotional: bool


def rows_together(streams: Sequence[Layers], moments: Sequence[Moment]) -> np.ndarray:
    """(B, n, width) weights, rotation, tongue, gaze of streams of one `kind`; each is, bit for bit, what it is alone.

    Products are stacks of those of each stream: BLAS adds up rows of a larger matrix in another order.
    """
    one, head = streams[0], streams[0].head
    motion, heard, asked = (np.stack([getattr(m, name) for m in moments]) for name in ("motion", "heard", "asked"))
    at, rounding, tongue = articulate([stream._articulation for stream in streams], heard)
    silence = heard[..., 1].tolist()
    rest = smoothstep(np.array([stream._rest(probabilities) for stream, probabilities in zip(streams, silence, strict=True)]))
    neutral, emotional = motion[:, 0], np.array([moment.emotional for moment in moments])
    change = np.where(emotional[:, None, None], motion[:, 1] - neutral, 0)
    if one._authored and emotional.any():
        authored = posed(np.stack([m.felt for m in moments]), np.stack([stream._expressions for stream in streams]))
        change = whole_expression(change, neutral, authored, one._names)
    weights = enlarge([stream._variance for stream in streams], one._scattered(neutral))
    weights = apply_gains(weights, one._scattered(change), head, *one._gains)
    expressed = np.minimum(np.maximum(one._gains[0] * asked.sum(-1), 0), 1)
    weights = one._lips(weights, at, rounding, tongue, rest * (1 - expressed))
    pauses = [np.zeros((weights.shape[1], 3)) for _ in streams]
    sighs = [stream._paused(moment, out) for stream, moment, out in zip(streams, moments, pauses, strict=True)]
    paused = np.stack(pauses)
    if paused.any():
        weights = show_pauses(weights, paused[..., 0], paused[..., 1:], head)
    out = np.zeros((*weights.shape[:2], one.width), np.float32)
    if one._tip is not None:
        out[..., -6:-4] = raise_tongue(weights, one._moving * tongue, head, one._tip)
    moved = [stream._moved(moment, sigh) for stream, moment, sigh in zip(streams, moments, sighs, strict=True)]
    if one._nonverbal is not None:
        one._add_nonverbal(out, weights, [parts for parts in moved if parts is not None])
    out[..., : len(head.names)] = weights
    return out
