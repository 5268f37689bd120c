"""Phonemes of a recording, as the speech encoder hears them. T frames at 50 a second, P phonemes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError
from talkinghead.models.runtime.load import Runtime, load_runtime


class PhonemeRecogniser:
    """The encoder and phoneme classifier of a model. phones: P names in ARPAbet."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.phones = runtime, tuple(runtime.config.phones)

    def posteriors(self, wave: np.ndarray | Waveform) -> np.ndarray:
        """(n,) samples at 16 kHz -> (T, P) log-probabilities. Raises InputError for an encoder without phonemes."""
        stream = self.runtime.stream(Waveform.of(wave))
        return np.concatenate([self.runtime.phoneme_posteriors(features) for features in stream])


@lru_cache(maxsize=1)
def shipped_recogniser() -> PhonemeRecogniser | None:
    """The recogniser of the model that ships; None if none does, or if it has not learnt phonemes."""
    try:
        runtime, _ = load_runtime()
    except InputError:
        return None
    return PhonemeRecogniser(runtime) if runtime.config.phones else None
