"""The tool that measures, measured: on motion that is known."""

import importlib.util

import numpy as np
import pytest

from talkinghead.data.manifest import read_manifest
from talkinghead.face.head import Head


@pytest.fixture(scope="module")
def measure(root):
    pytest.importorskip("librosa")
    spec = importlib.util.spec_from_file_location("measure_lips", root / "tools/measure_lips.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_score_finds_the_lag(measure):
    clock = (np.arange(400) + 0.5) / 50
    times = (np.arange(200) + 0.5) / 25

    def lips(t):
        return np.sin(7 * t) + np.sin(3.1 * t + 1)

    late = measure.score([(times, lips(times), lips(clock - 0.06))])
    assert late["best_lag_ms"] == 60 and late["r_at_best_lag"] > 0.99 > late["r"]


def test_the_linear_floor_learns_jaws_that_follow_loudness(measure, tiny_data):
    clips = read_manifest(tiny_data)
    floor = measure.ridge(tiny_data, [c for c in clips if c.split == "train"])
    from talkinghead import load_audio

    clip = clips[0]
    lips = measure.real_lips(tiny_data, clip)
    predicted = floor(load_audio(tiny_data / clip.audio))[:, 0]
    assert measure.score([(lips.times, lips.aperture, predicted)])["r"] > 0.6


def test_phones_counts_a_mouth_that_never_opens_as_shut(measure, tiny_speech):
    from talkinghead.animation import Animation

    class Still:
        def animate(self, path, fps, idle):
            return Animation(np.zeros((75, len(Head.default().names)), np.float32), fps, Head.default())

    report = measure.phones(Still(), tiny_speech, 2)
    assert report["bilabials"] == 2 and report["shut"] == 1.0 and report["open_mm"] < 0.1
