"""What computes a speech-to-motion model: torch, or ONNX Runtime, which needs no torch and starts sooner.

T frames at 50 a second, D features, H latent heads, C categories, K coefficients of an annotation, L landmarks of a template,
P phonemes, F numbers of an emotion (`models.emotion_input`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError
from talkinghead.head.head import Head
from talkinghead.models.config import ModelConfig
from talkinghead.models.folder import model_folder

if TYPE_CHECKING:  # torch is imported where a torch model is asked for
    from talkinghead.models.speech_to_motion import SpeechToMotion


class LatentStream(Protocol):
    """The latent of one recording under one condition, block after block."""

    def of(self, features: np.ndarray, inner: slice, emotion: np.ndarray | None) -> np.ndarray:
        """(T, D) features and (T, F) emotion -> (n, H, C) of the inner frames, which follow those of the last call."""
        ...


class Runtime(Protocol):
    """A model that can be run. prior_reach, decoder_reach: frames that prior and decoder see on either side."""

    config: ModelConfig
    prior_reach: int
    decoder_reach: int

    @property
    def network(self) -> SpeechToMotion:
        """The same model in torch."""
        ...

    def stream(self, recording: Waveform) -> Iterator[np.ndarray]:
        """Features (n, D) of a recording, in blocks that follow each other."""
        ...

    def phoneme_posteriors(self, features: np.ndarray) -> np.ndarray:
        """(T, D) -> (T, P) log-probabilities. Raises InputError for a model that has not learnt phonemes."""
        ...

    def latents(self, style: int, prior: str, temperature: float, top_p: float, seed: int) -> LatentStream: ...

    def decode(self, latent: np.ndarray, template: np.ndarray, annotation: str) -> np.ndarray:
        """(T, H, C) latent and (L + 1, 3) template -> (T, K) coefficients."""
        ...


def load_runtime(name: str | Path | None = None, device: str = "cpu") -> tuple[Runtime, dict[str, Head]]:
    """A model and the heads of its annotations: the one that ships, a folder, or the id of a Hub repository.

    On a CPU, a folder with graphs that `talkinghead export-model` made of its weights runs on ONNX Runtime, any other on torch.
    Raises InputError for anything that is not such a model, or for a lack of torch.
    """
    from talkinghead.models.runtime.onnx_runtime import OnnxRuntime, has_graphs

    folder = model_folder(name)
    if device == "cpu" and has_graphs(folder):
        return OnnxRuntime.load(folder)
    try:
        from talkinghead.models.runtime.torch_runtime import load_torch_runtime
    except ModuleNotFoundError as error:
        raise InputError(
            f"model {folder}: has no ONNX graphs of its weights and needs {error.name}; pip install 'talkinghead[torch]'"
        ) from None
    return load_torch_runtime(folder, device)
