"""A model whose emotions are known: the authored layer on the neutral motion of a talker."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.head.head import Head
from talkinghead.motion.emotion_curve import read_emotion
from talkinghead.motion.emotions import EMOTIONS
from talkinghead.motion.expressions import layer


@pytest.fixture
def actor(tiny_talker):
    """A talker that shows exactly what is authored, on lips that open and shut evenly; `actor.shows` replaces it."""
    talker = copy.deepcopy(tiny_talker)
    talker.config.emotions = list(EMOTIONS)

    def speech(head: Head, frames: int) -> np.ndarray:
        out = np.zeros((frames, len(head.names)), np.float32)
        out[:, head.index("jawOpen")] = 0.2 * np.clip(np.sin(np.arange(frames) * 0.25), 0, 1)
        return out

    def animate(audio, *, emotion="neutral", intensity=1.0, head=None, fps=30.0, **_):
        head = head or Head.default()
        plain = Animation(speech(head, 50), fps, head)
        curve = read_emotion(emotion, intensity).at(plain.times)
        return replace(plain, coefficients=talker.shows(plain.coefficients, curve, head.names))

    talker.animate = animate
    talker.shows = layer
    return talker
