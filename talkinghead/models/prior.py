"""Stage 2, the prior: which latent codes belong to this sound. B batch, T frames, D features, H heads, C categories."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.models.motion_autoencoder import Temporal

# Expected codes blur: lips that should meet stop halfway. At 3 the shipped model shuts 84 % of the /p b m/ of strangers, at 1
# 70 %, and loses 0.003 of its correlation with real lips (tools/measure_lips.py).
SHARPNESS = 3.0


class ParallelPrior(nn.Module):
    """(B, T, D) audio features and a speaking style -> (B, T, H, C) logits, all frames at once.

    Style 0 is nobody's in particular; training sometimes replaces a speaker's own style by it (the "pivot" of UniTalker),
    so that it means what speakers have in common.
    """

    def __init__(self, features: int, styles: int, heads: int, categories: int, width: int, dilations: list[int]) -> None:
        super().__init__()
        self.shape = (heads, categories)
        self.norm = nn.LayerNorm(features)
        self.style = nn.Embedding(1 + styles, features)
        nn.init.zeros_(self.style.weight)
        self.body = Temporal(features, width, dilations, dropout=0.2)
        self.out = nn.Linear(width, heads * categories)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        hidden = self.body(self.norm(features) + self.style(style)[:, None])
        return self.out(nn.functional.gelu(hidden)).unflatten(-1, self.shape)


def choose(logits: Tensor, temperature: float, seed: int) -> Tensor:
    """(B, T, H, C) logits -> the latent that is decoded: sharpened expected codes at temperature 0, seeded samples above."""
    if temperature == 0:
        return (SHARPNESS * logits).softmax(-1)
    generator = torch.Generator(device="cpu").manual_seed(seed)
    noise = torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7).to(logits.device)
    drawn = (logits / temperature - (-noise.log()).log()).argmax(-1)
    return nn.functional.one_hot(drawn, logits.shape[-1]).to(logits.dtype)
