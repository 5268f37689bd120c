"""A model that torch runs, on any device. T frames, D features, H latent heads, C categories, F numbers of an emotion."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from talkinghead.audio.waveform import Waveform
from talkinghead.head.head import Head
from talkinghead.models.latents import Latents
from talkinghead.models.pretrained import load_model
from talkinghead.models.runtime.threads import apply_limit
from talkinghead.models.speech_to_motion import SpeechToMotion


class TorchLatents:
    """`load.LatentStream` of a network."""

    def __init__(self, latents: Latents, device: torch.device) -> None:
        self.latents, self.device = latents, device

    @torch.inference_mode()
    def of(self, features: np.ndarray, inner: slice, emotion: np.ndarray | None) -> np.ndarray:
        told = None if emotion is None else torch.from_numpy(emotion)[None].to(self.device)
        return self.latents.of(torch.from_numpy(features)[None].to(self.device), inner, told)[0].cpu().numpy()


class TorchRuntime:
    """`load.Runtime` of a network, which may go on learning."""

    def __init__(self, network: SpeechToMotion) -> None:
        self.network, self.config = network, network.config
        self.prior_reach, self.decoder_reach = network.prior.body.reach, network.motion.decoder.body.reach

    def stream(self, recording: Waveform) -> Iterator[np.ndarray]:
        return self.network.audio.stream(recording)

    @torch.inference_mode()
    def phoneme_posteriors(self, features: np.ndarray) -> np.ndarray:
        return self.network.phoneme_posteriors(torch.from_numpy(features).to(self.network.device)).cpu().numpy()

    def latents(self, style: int, prior: str, temperature: float, top_p: float, seed: int) -> TorchLatents:
        device = self.network.device
        styles = torch.tensor([style], device=device)
        return TorchLatents(self.network.latents(styles, prior, temperature, top_p, seed), device)

    @torch.inference_mode()
    def decode(self, latent: np.ndarray, template: np.ndarray, annotation: str) -> np.ndarray:
        device = self.network.device
        codes, code = torch.from_numpy(latent)[None].to(device), torch.from_numpy(template).to(device)
        return self.network.decode(codes, code, annotation)[0].cpu().numpy()


def load_torch_runtime(folder: Path, device: str = "cpu") -> tuple[TorchRuntime, dict[str, Head]]:
    """As `models.pretrained.load_model`."""
    apply_limit()
    network, heads = load_model(folder, device)
    return TorchRuntime(network), heads
