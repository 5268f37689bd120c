"""The mouth in the pauses of a stream, which are known only once they last: rest, pressed lips, sighs. n rows at a time.

The stream's part of `motion.pauses`, whose shapes, degrees and seconds it uses.
"""

from __future__ import annotations

import numpy as np

from talkinghead.motion.easing import ease, smoothstep
from talkinghead.motion.pauses import (
    ANGRY,
    CLOSING,
    PRESS_CLOSING,
    PRESS_LEAST,
    SAD,
    SIGH_CHANCE,
    SIGH_IN,
    SIGH_OUT,
    SURE,
)
from talkinghead.streaming.causal import Ahead
from talkinghead.streaming.voice import Heard

# Seconds.
WAIT = 0.45  # of sure silence before the mouth begins to close
OPENING = 0.06  # that lips take to part: a voice is known so long before they are to move
SIGH_WAIT, SIGH_FADE = 0.6, 0.12  # of silence before a sigh may begin; in which it ends when the voice goes on
OVERLAP = 0.2  # by which breath in and breath out overlap


class Ramp:
    """A degree in [0, 1] that rises or falls by so much in each row."""

    def __init__(self, fps: float, rises: float, falls: float, start: float) -> None:
        self._up, self._down, self.level = 1 / (rises * fps), 1 / (falls * fps), start

    def toward(self, one: bool) -> float:
        """The degree in the next row, on the way to 1 or to 0."""
        self.level = min(1.0, self.level + self._up) if one else max(0.0, self.level - self._down)
        return self.level


class Rest:
    """How far the mouth rests: from the beginning until a voice comes, and where silence has lasted for WAIT."""

    def __init__(self, fps: float, ahead: int) -> None:
        self._ramp, self._least, self._ahead = Ramp(fps, CLOSING, OPENING, 1.0), round(WAIT * fps), ahead
        self._quiet = 1 << 30  # rows of sure silence

    def __call__(self, silence: list[float]) -> list[float]:
        """n probabilities of silence, `ahead` rows before -> n phases, of which `smoothstep` makes degrees."""
        out = []
        for value in silence:
            self._quiet = self._quiet + 1 if value > SURE else 0
            out.append(self._ramp.toward(self._quiet > self._least + self._ahead))
        return out


class Pauses:
    """What an emotion does in pauses: anger presses the lips, sadness sighs; the seed decides which pauses have a sigh."""

    def __init__(self, fps: float, seed: int) -> None:
        self._ramp, self._fps = Ramp(fps, PRESS_CLOSING, OPENING, 0.0), fps
        self._rng = np.random.default_rng([seed & (2**64 - 1), 9])
        self._sighs, self._free = Ahead(fps, SIGH_IN + SIGH_OUT + OVERLAP, 2), False  # free: this pause may have a sigh

    def __call__(self, heard: Heard, felt: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """(n, E) of what is felt -> (n,) how far lips are pressed, (n, 2) how far a sigh is drawn and let out.

        None for both where they are 0.
        """
        quiet = heard.quiet or 0.0
        if heard.began:
            self._sighs.fade(SIGH_FADE)
        if heard.quiet == 0:
            self._free = True
        elif self._free and quiet > SIGH_WAIT:
            self._free = False
            chance, depth = self._rng.uniform([0, 0.7], 1)
            if chance <= SIGH_CHANCE and felt[-1, SAD] > 0:
                self._sigh(depth)
        phases = [self._ramp.toward(quiet > PRESS_LEAST) for _ in felt]
        if not any(phases) and self._sighs.still:
            return None
        press = smoothstep(np.array(phases))
        return press * felt[:, ANGRY].clip(0, 1), self._sighs.next(len(felt)) * felt[:, [SAD]].clip(0, 1)

    def _sigh(self, depth: float) -> None:
        for column, (wait, lasts, rises) in enumerate(((0.0, SIGH_IN + OVERLAP, 0.7), (SIGH_IN, SIGH_OUT, 0.3))):

            def breath(since: np.ndarray, lasts: float = lasts, rises: float = rises, column: int = column) -> np.ndarray:
                phase = since / lasts
                size = depth * np.minimum(ease(phase / rises), 1 - ease((phase - rises) / (1 - rises)))
                return size[:, None] * np.eye(2)[column]

            self._sighs.add(lasts, breath, wait)
