"""Time the priors: from features to codes. `prior_naive` goes through the whole history for every code, as MeshTalk's does.

The naive one is timed at a few frames spread over the recording, and the rest is interpolated: a minute would take it hours.
`times_bounded` is how many times as long it takes as the sampler with bounded memory. What a prior costs does not depend on
its weights: a model that lacks the autoregressive one lends its sizes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

FRAMES = 6  # at which the naive sampler is timed


class Priors:
    """talker: a function that gives the model; frames: T."""

    def __init__(self, talker: Callable, frames: int) -> None:
        self.talker, self.frames, self.bounded_seconds = talker, frames, 0.0

    @cached_property
    def model(self):
        import torch

        from talkinghead.models.speech_to_motion import SpeechToMotion

        given = self.talker().network
        if given.autoregressive is not None:
            return given
        torch.manual_seed(0)
        return SpeechToMotion(replace(given.config, priors=["parallel", "autoregressive"])).eval()

    @cached_property
    def sound(self):
        """(1, T, D) made-up features and nobody's style."""
        import torch

        generator = torch.Generator().manual_seed(0)
        features = torch.randn(1, self.frames, self.model.audio.width, generator=generator)
        return features, torch.zeros(1, dtype=torch.long)

    def parallel(self) -> Callable[[], object]:
        import torch

        model, sound = self.model, self.sound
        return torch.inference_mode()(lambda: model.latent(*sound, "parallel", 1.0))

    def autoregressive(self) -> Callable[[], object]:
        model, sound = self.model, self.sound

        def run() -> None:
            start = time.perf_counter()
            model.latent(*sound, "autoregressive", 1.0, 0.9)
            self.bounded_seconds = time.perf_counter() - start

        return run

    def naive(self) -> Callable[[], object]:
        sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/helpers"))
        import naive
        import torch

        prior, sound = self.model.autoregressive, self.sound
        assert prior is not None, "the model was made with one"
        with torch.inference_mode():
            heard, drawn = prior.condition(*sound), naive.draws(prior, sound[0], 0)
        at = np.linspace(0, self.frames - 1, FRAMES).round().astype(int)
        codes = torch.zeros(1, self.frames, prior.shape[0], dtype=torch.long)

        def run() -> dict:
            spent = []
            for t in at:
                start = time.perf_counter()
                naive.frame(prior, heard, codes, int(t), 1.0, 0.9, drawn)
                spent.append(time.perf_counter() - start)
            seconds = float(np.interp(np.arange(self.frames), at, spent).sum())
            found = {"seconds": round(seconds, 3)}
            return found | ({"times_bounded": round(seconds / self.bounded_seconds, 1)} if self.bounded_seconds else {})

        return run


def stages(talker: Callable, frames: int) -> Iterator[tuple[str, Callable[[], Callable[[], object]]]]:
    """(name, preparation that returns what is to be timed)."""
    priors = Priors(talker, frames)
    yield "prior_parallel", priors.parallel
    yield "prior_autoregressive", priors.autoregressive
    yield "prior_naive", priors.naive
