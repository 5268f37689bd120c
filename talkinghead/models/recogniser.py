"""Phonemes of a recording, as the speech encoder hears them. T frames at 50 a second, P phonemes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError

if TYPE_CHECKING:  # torch is only needed where a recogniser is asked for
    from talkinghead.models.speech_to_motion import SpeechToMotion


class PhonemeRecogniser:
    """The encoder and phoneme classifier of a model. phones: P names in ARPAbet."""

    def __init__(self, network: SpeechToMotion) -> None:
        self.network, self.phones = network, tuple(network.config.phones)

    def posteriors(self, wave: np.ndarray | Waveform) -> np.ndarray:
        """(n,) samples at 16 kHz -> (T, P) log-probabilities. Raises InputError for an encoder without phonemes."""
        import torch

        pieces = []
        with torch.inference_mode():
            for features in self.network.audio.stream(Waveform.of(wave)):
                heard = torch.from_numpy(features)[None].to(self.network.device)
                pieces.append(self.network.phoneme_posteriors(heard)[0].cpu().numpy())
        return np.concatenate(pieces)


@lru_cache(maxsize=1)
def shipped_recogniser() -> PhonemeRecogniser | None:
    """The recogniser of the model that ships; None if none does, or if it has not learnt phonemes."""
    from talkinghead.models.pretrained import load_model

    try:
        network, _ = load_model()
    except InputError:
        return None
    return PhonemeRecogniser(network) if network.config.phones else None
