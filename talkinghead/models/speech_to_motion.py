"""`SpeechToMotion`: sound and conditions in, coefficients and phonemes out. It knows no files, heads or words for emotions.

B batch, S samples at 16 kHz, T frames at 50 a second, D features, H latent heads, C categories, K coefficients of an
annotation, L landmarks of a template, P phonemes, F numbers of an emotion (`models.prior.emotion_input`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FPS
from talkinghead.errors import InputError
from talkinghead.models.audio_encoder import AudioEncoder, is_causal
from talkinghead.models.autoregressive import AutoregressivePrior
from talkinghead.models.config import PRIORS, ModelConfig
from talkinghead.models.latents import Latents
from talkinghead.models.motion_autoencoder import MotionAutoencoder, MotionDecoder, MotionEncoder
from talkinghead.models.prior import ParallelPrior
from talkinghead.motion.emotions import EMOTIONS


class SpeechToMotion(nn.Module):
    """Speech encoder, phoneme classifier, prior and motion space. Raises InputError for a config that makes no model."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.fps != FPS:
            raise InputError(f"model: fps is {config.fps}, the speech encoder gives {FPS:g} features a second")
        for prior in config.priors:
            if prior not in PRIORS:
                raise InputError(f"model: priors has {prior!r}; choose from {', '.join(PRIORS)}")
        if config.streams and config.priors != ["parallel"]:
            raise InputError("model: the prior of a streaming model is parallel, no other")
        if (config.prior_lookahead is None) != (config.decoder_lookahead is None) or config.streams != is_causal(
            config.encoder
        ):
            raise InputError("model: left_context of the encoder, prior_lookahead and decoder_lookahead are all given, or none")
        if config.emotions not in ([], list(EMOTIONS)):
            raise InputError(f"model: emotions are {', '.join(EMOTIONS)}, or none; this one has {', '.join(config.emotions)}")
        self.config = config
        self.audio = AudioEncoder(config.encoder)
        self.phones = nn.Linear(self.audio.width, len(config.phones)) if config.phones else None
        k = {name: len(names) for name, names in config.annotations.items()}
        d, h, c = self.audio.width, config.num_heads, config.categories
        self.motion = MotionAutoencoder(
            MotionEncoder(k, d, h, c, config.width, config.dilations),
            MotionDecoder(k, len(config.landmarks) + 1, h, c, config.width, config.dilations, config.decoder_lookahead),
        )
        conditioner = config.prior_width, config.prior_dilations
        use_emotion = bool(config.emotions)
        self.prior = ParallelPrior(d, len(config.styles), h, c, *conditioner, use_emotion, config.prior_lookahead)
        self.autoregressive: AutoregressivePrior | None = None
        if "autoregressive" in config.priors:
            memory = config.history, config.channels
            self.autoregressive = AutoregressivePrior(
                d, len(config.styles), h, c, *conditioner, *memory, use_emotion=use_emotion
            )

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(
        self, wave: Tensor, style: Tensor, template: Tensor, emotion: Tensor | None = None, annotation: str | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """(B, T, K) coefficients, not sampled, and (B, T, P) log-probabilities of phonemes where the model knows them.

        wave: (B, S). style: (B,) int64, 0 is the average style. template: (L + 1, 3), see `models.template`.
        emotion: (B, T, F). annotation: the first one if not given.
        """
        features = self.audio(wave)
        latent = self.latent(features, style, emotion=emotion)
        return self.decode(latent, template, annotation), None if self.phones is None else self.phoneme_posteriors(features)

    def latent(
        self,
        features: Tensor,
        style: Tensor,
        prior: str = "parallel",
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
        emotion: Tensor | None = None,
    ) -> Tensor:
        """(B, T, H, C) of a prior, as the decoder takes it, from (B, T, D) features, (B,) styles and (B, T, F) emotions.

        The other arguments are as for `models.latents.Latents`.
        """
        return self.latents(style, prior, temperature, top_p, seed).of(features, emotion=emotion)

    def latents(self, style: Tensor, prior: str = "parallel", *sampling: Any) -> Latents:
        """`Latents` of one of the model's priors. sampling: temperature, top_p and seed."""
        chosen = self.prior if prior == "parallel" else self.autoregressive
        assert chosen is not None, "check_prior has seen to it"
        return Latents(chosen, style, *sampling)

    def decode(self, latent: Tensor, template: Tensor, annotation: str | None = None) -> Tensor:
        """(B, T, H, C) latent and (L + 1, 3) or (B, L + 1, 3) template -> (B, T, K) coefficients."""
        if template.ndim == 2:
            template = template[None].expand(len(latent), -1, -1)
        return self.motion.decoder(latent, template, annotation or next(iter(self.config.annotations)))

    def phoneme_posteriors(self, features: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, P) log-probabilities of `config.phones`. Raises InputError for an encoder without phonemes."""
        if self.phones is None:
            raise InputError("model: its speech encoder has not learnt phonemes; use the default model")
        return self.phones(features).log_softmax(-1)
