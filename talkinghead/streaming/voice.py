"""What a voice does beside its sounds, as far as it is known while it speaks: phrases, accents, activity.

The stream's `audio.prosody`: silence is told by the network's phonemes, loudness by the sound. Rows of 20 ms.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp, log10

import numpy as np

from talkinghead.audio.activity import PAUSE
from talkinghead.audio.clock import FRAME
from talkinghead.audio.prosody import ACCENT, AROUND

SILENT = 0.5  # probability of silence from which on a row is none of speech
WORD = 0.06  # seconds: a shorter sound begins no phrase
SPREAD = 2  # rows on either side over which loudness is averaged
LOUDNESS = 15.0  # decibels over the usual loudness that are an accent of size 1; in `audio.prosody` pitch counts, too
LEARNT = 0.5  # seconds of speech until its usual loudness is known
PROMINENCE, APART = 0.15, 0.2  # least rise of an accent from the lowest value before it; least seconds between two
SOFT = 0.08  # seconds in which activity follows phrases


@dataclass
class Heard:
    """What is news in some rows. speaking: (n,) activity of the voice in [0, 1]; began: a phrase; ended: one, PAUSE ago;
    accents: their sizes in (0, 1]; quiet: seconds since the last phrase's voice, 0 while it lasts, None before the first.
    """

    speaking: np.ndarray
    began: bool = False
    ended: bool = False
    accents: list[float] = field(default_factory=list)
    quiet: float | None = None


class Voice:
    """Follows the sound and the probability of silence, whose rows are `late` rows behind those of the sound."""

    def __init__(self, fps: float, late: int) -> None:
        self._fps, self._soft = fps, 1 - exp(-1 / (SOFT * fps))
        self._levels: deque[float] = deque([-100.0] * (late + SPREAD + 1), late + SPREAD + 1)  # decibels of the last rows
        self._usual, self._counted = 0.0, 0  # mean loudness of speech, and of how many rows it is
        self._saliences, self._lowest, self._since = (0.0, 0.0), 0.0, 1 << 30  # of the last two rows; since the last accent
        self._phrase, self._row, self._sounds, self._last = False, 0, 0, -1  # rows: now, of sound in a run, the last of speech
        self._active = 0.0

    def level(self, sound: np.ndarray) -> None:
        """Follow (n * FRAME,) samples."""
        for frame in sound.reshape(-1, FRAME):
            self._levels.append(10 * log10(float(frame @ frame) / FRAME + 1e-10))

    def follow(self, sound: np.ndarray, silence: np.ndarray) -> Heard:
        """(n * FRAME,) samples, and (n,) probabilities of silence some rows earlier."""
        out = Heard(np.zeros(len(silence)))
        for i, (frame, silent) in enumerate(zip(sound.reshape(-1, FRAME), silence.tolist(), strict=True)):
            self.level(frame)
            self._phrases(silent < SILENT, out)
            size = self._accent(silent < SILENT)
            if size:
                out.accents.append(size)
            self._active += self._soft * (self._phrase - self._active)
            out.speaking[i] = self._active
            self._row += 1
        out.quiet = None if self._last < 0 else 0.0 if self._phrase else (self._row - 1 - self._last) / self._fps
        return out

    def _phrases(self, speaks: bool, out: Heard) -> None:
        self._sounds = self._sounds + 1 if speaks else 0
        if speaks and (self._phrase or self._sounds >= WORD * self._fps):
            out.began |= not self._phrase
            self._phrase, self._last = True, self._row
        elif self._phrase and self._row - self._last >= PAUSE * self._fps:
            self._phrase, out.ended = False, True

    def _accent(self, speaks: bool) -> float:
        """The size of an accent a row ago, 0 for none."""
        near = list(self._levels)[: 2 * SPREAD + 1]
        level, salience = sum(near) / len(near), 0.0
        if speaks:
            self._counted += 1
            self._usual += (level - self._usual) / min(self._counted, AROUND * self._fps)
            salience = min(max((level - self._usual) / LOUDNESS, -1.0), 1.0) * min(1.0, self._counted / (LEARNT * self._fps))
        before, last = self._saliences
        self._saliences = last, salience
        self._since += 1
        self._lowest = min(self._lowest, salience)
        peak = before < last >= salience and last >= ACCENT and last - self._lowest >= PROMINENCE
        if not peak or self._since < APART * self._fps:
            return 0.0
        self._since, self._lowest = 0, salience
        return last
