"""The emotion of a stream: what is asked for, which may change while it runs, and its slow changes. E emotions, n rows."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.motion.affect import (
    ACCENT,
    BEFORE_WORDS,
    MOST,
    ONSET,
    PAUSE,
    bump,
    fluctuate,
    fluctuation_waves,
)
from talkinghead.motion.easing import ease
from talkinghead.motion.emotion_curve import AUTO, EmotionCurve, EmotionSpec, check_intensity, read_emotion
from talkinghead.streaming.causal import Ahead, Waves
from talkinghead.streaming.voice import Heard

CHANGE = 0.5  # seconds in which one emotion becomes another: onsets take 0.3 to 0.7 s, see `motion.affect`
BREATH = 0.5  # seconds in which the share of pauses comes and goes
StreamEmotion = EmotionSpec | tuple[EmotionSpec, float]


def curve_of(emotion: Any, intensity: float = 1.0) -> EmotionCurve:
    """The curve of a `StreamEmotion`: as for `animate`, or with an intensity of its own. Raises InputError."""
    if isinstance(emotion, tuple):
        if len(emotion) != 2:
            raise InputError(f"emotion: a name and an intensity are expected, not {len(emotion)} values")
        return curve_of(emotion[0], check_intensity(emotion[1]))
    if isinstance(emotion, str) and emotion == AUTO:
        raise InputError(f"emotion {AUTO} is heard from a whole recording; in a stream, set the emotion while it runs")
    return read_emotion(emotion, intensity)


class Feeling:
    """What is felt in each row. times: (first row, count) -> (n,) seconds. lively: whether a held emotion changes slowly."""

    def __init__(
        self, curve: EmotionCurve, seed: int, lively: bool, fps: float, times: Callable[[int, int], np.ndarray]
    ) -> None:
        self._curves = [(-np.inf, _at(curve))]  # when each begins to come, and what gives its (n, E)
        self._times, self._fps, self._lively = times, fps, lively
        self._waves = Waves(fluctuation_waves(seed), times)
        self._accents = Ahead(fps, 1.0)
        self._words = Ahead(fps, ONSET + 0.1)  # on the way to 1 with the first words
        self._comes = curve.constant and lively  # keyframes say themselves when an emotion comes
        self._spoke, self._pause = False, 1.0
        self.any = bool(curve.values.any())  # whether there has been an emotion at all

    def change(self, curve: EmotionCurve, row: int) -> None:
        """Another emotion, from `row` on."""
        start = float(self._times(row, 1)[0])
        self._curves = [entry for entry in self._curves if entry[0] < start]
        self._curves.append((start, _at(curve)))
        self.any |= bool(curve.values.any())

    def asked(self, first: int, count: int) -> np.ndarray:
        """(count, E) as it was asked for, of rows that follow those before."""
        times = self._times(first, count)
        while len(self._curves) > 1 and times[0] >= self._curves[1][0] + CHANGE:
            del self._curves[0]
        out = self._curves[0][1](times)
        for start, at in self._curves[1:]:
            out = out + ease((times - start) / CHANGE)[:, None] * (at(times) - out)
        return out

    def felt(self, asked: np.ndarray, first: int, heard: Heard | None) -> np.ndarray:
        """(n, E) of `asked` rows with slow changes: waves, accents and pauses of the voice that was heard so far."""
        if not self._lively or not self.any:
            return asked
        change = self._waves(first, len(asked)).copy()
        if heard is not None:
            for size in heard.accents:
                self._accents.add(1.0, lambda since, size=size: ACCENT * size * bump((since - 0.5) / 0.5))
            self._pause += (1 - exp(-len(asked) / (BREATH * self._fps))) * (1 - heard.speaking[-1] - self._pause)
            if heard.began and not self._spoke:
                self._spoke = True
                self._words.go(ONSET, np.ones(()))
        change += self._accents.next(len(asked)) - PAUSE * self._pause
        factor = 1 + change.clip(-MOST, MOST)
        if self._comes:
            factor *= BEFORE_WORDS + (1 - BEFORE_WORDS) * self._words.next(len(asked))
        return fluctuate(asked, factor)


def _at(curve: EmotionCurve) -> Callable[[np.ndarray], np.ndarray]:
    """`EmotionCurve.at`; that of a constant emotion takes no time."""
    if not curve.constant:
        return curve.at
    held = curve.at(np.zeros(1))
    return lambda times: np.repeat(held, len(times), 0)
