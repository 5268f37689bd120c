"""A stand-in of a streaming network: a mouth that opens with the loudness, phonemes by the pitch of a tone, no weights."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace

import numpy as np

from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.speech.phonemes import PHONES

FRAME, RATE = 320, 16000
LOUD = 0.003  # root mean square above which somebody speaks
BILABIAL, ROUND = 100, 300  # Hz: a tone below is /p/, one between the two is /uw/, one above is /aa/


class StandIn:
    """Has what a stream asks of `models.runtime.streaming.StreamingRuntime`."""

    encoder_delay, delay, offset = 2, 4, -0.0275

    def __init__(self, emotions: bool = True) -> None:
        self.steps = 0
        self.names = list(Head.default().names)
        self.config = ModelConfig(
            annotations={"arkit": self.names},
            styles=["a"],
            landmarks=["lip_upper_inner", "lip_lower_inner"],
            phones=list(PHONES),
            emotions=list(EMOTIONS) if emotions else [],
        )

    def start(self, style: int = 0, template: np.ndarray | None = None) -> SimpleNamespace:
        zero = (np.zeros(len(PHONES), np.float32), 0.0)
        return SimpleNamespace(frames=deque([zero] * (self.delay + 1), self.delay + 1), felt=deque([0.0] * 3, 3))

    def step(self, states, sound, emotion) -> SimpleNamespace:
        self.steps += 1
        count, hop = len(states), sound.shape[1] // FRAME
        posteriors = np.zeros((count, hop, len(PHONES)), np.float32)
        motion = np.zeros((count, 2, hop, len(self.names)), np.float32)
        jaw, brow = self.names.index("jawOpen"), self.names.index("browInnerUp")
        for b, state in enumerate(states):
            for j in range(hop):
                state.frames.append(self._frame(sound[b, j * FRAME : (j + 1) * FRAME]))
                state.felt.append(float(emotion[b, j, 0]))
                posteriors[b, j] = state.frames[-1 - self.encoder_delay][0]
                motion[b, :, j, jaw] = state.frames[-1 - self.delay][1]
                motion[b, 1, j, brow] = state.felt[0]
        return SimpleNamespace(posteriors=posteriors, motion=motion)

    def _frame(self, sound: np.ndarray) -> tuple[np.ndarray, float]:
        loud = float(np.sqrt(np.mean(sound.astype(np.float64) ** 2)))
        crossings = int(np.sum(sound[1:] * sound[:-1] < 0)) * RATE / FRAME / 2
        name = "SIL" if loud < LOUD else "P" if crossings < BILABIAL else "UW" if crossings < ROUND else "AA"
        out = np.full(len(PHONES), 0.02 / (len(PHONES) - 1), np.float32)
        out[PHONES.index(name)] = 0.98
        return out, min(1.0, 2 * loud)


def tone(hertz: float, seconds: float, size: float = 0.4, rate: int = RATE) -> np.ndarray:
    """(n,) float32."""
    return (size * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
