"""What is measured of one clip: displacement and content of the mouth."""

from __future__ import annotations

import numpy as np
import pytest

from talkinghead import Animation
from talkinghead.evaluate.emotion.clip import displacement, preserved
from talkinghead.head.head import Head


def test_displacement_and_content_are_what_they_say():
    head = Head.default()
    weights = np.zeros((30, len(head.names)), np.float32)
    plain = Animation(weights, 50.0, head)
    moved = weights.copy()
    moved[:, head.index("jawOpen")] = 0.5
    face = np.maximum(head.regions["upper_face"], head.regions["lower_face"]) > 0.5
    wanted = 500 * np.linalg.norm(head.basis[head.index("jawOpen"), face], axis=1).mean()
    assert displacement(Animation(moved, 50.0, head), plain) == pytest.approx(wanted, rel=1e-4)
    wave = np.sin(np.arange(50) / 3)
    assert preserved(3 + wave, wave) == (pytest.approx(1), pytest.approx(0, abs=1e-9))  # an emotion may hold an offset
    assert preserved(2 * wave, wave)[1] == pytest.approx(wave.std(), rel=1e-6)
