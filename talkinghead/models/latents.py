"""The latent of one recording, block after block: what is sampled goes on where the block before ended.

B batch, T frames, D features, W width, H heads, C categories, F numbers of an emotion (`models.prior.emotion_input`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.models.autoregressive import AutoregressivePrior, Memory
from talkinghead.models.prior import ParallelPrior
from talkinghead.models.sampling import SmoothGumbel, choose_latent


class Latents:
    """What a prior makes of features, as the decoder takes it.

    temperature: 0 gives the expected latent, above 0 a sample of `seed`. top_p: sampled from the likeliest codes only.
    """

    def __init__(
        self,
        prior: ParallelPrior | AutoregressivePrior,
        style: Tensor,
        temperature: float = 0.0,
        top_p: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.prior, self.style, self.temperature, self.top_p, self.seed = prior, style, temperature, top_p, seed
        batch = len(style)
        self._noise: list[SmoothGumbel] = []
        self._memory: Memory | None = None
        if isinstance(prior, AutoregressivePrior):
            self._memory = prior.begin(batch, seed if temperature else None)
        elif temperature:
            self._noise = [SmoothGumbel(prior.shape, [seed, b]) for b in range(batch)]

    def of(self, features: Tensor, inner: slice = slice(None), emotion: Tensor | None = None) -> Tensor:
        """(B, T, D) features and (B, T, F) emotions -> (B, n, H, C) of the inner frames, which follow those of the last call.

        The prior sees `prior.body.reach` frames to either side, so that many have to be around the inner ones.
        """
        if self._memory is None:
            logits = self.prior(features, self.style, emotion)[:, inner]
            if self.temperature == 0:
                return logits.softmax(-1)
            drawn = choose_latent(logits.cpu().numpy(), self.temperature, self.seed, self.top_p, self._noise)
            return torch.from_numpy(drawn).to(logits)
        assert isinstance(self.prior, AutoregressivePrior)
        heard = self.prior.condition(features, self.style, emotion)[:, inner]
        codes, logits = self.prior.go_on(heard, self._memory, self.temperature, self.top_p)
        if self.temperature == 0:
            return logits.softmax(-1)
        return nn.functional.one_hot(codes, logits.shape[-1]).to(logits.dtype)
