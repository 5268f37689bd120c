"""Stage 2, the prior: codes of the latent from sound. B batch, T frames, D features, H heads, C categories, E emotions.

This file has the parallel prior, all frames at once; `autoregressive.py` has MeshTalk's prior, `sampling.py` chooses a latent.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.motion_autoencoder import Temporal


def emotion_input(curve: Tensor, manner: Tensor) -> Tensor:
    """`models.emotion_input.emotion_input` of tensors: (B, T, E) curves and (B, 3) manners -> (B, T, EMOTION_SIZE)."""
    intensity = curve[..., 1:]
    return torch.cat([intensity, (intensity[..., None] * manner[:, None, None]).flatten(-2)], -1)


class AudioConditioner(nn.Module):
    """(B, T, D) audio features, a speaking style and an emotion -> (B, T, width) features.

    Style 0 is the average style: training replaces the style of a speaker by it at random (the "pivot" of UniTalker). The
    emotion (`use_emotion`), see `emotion_input`, enters by a layer without a bias, so that no emotion adds nothing.
    """

    def __init__(
        self,
        features: int,
        styles: int,
        width: int,
        dilations: list[int],
        use_emotion: bool = False,
        lookahead: int | None = None,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.style = nn.Embedding(1 + styles, features)
        nn.init.zeros_(self.style.weight)
        self.body = Temporal(features, width, dilations, dropout=0.2, lookahead=lookahead)
        self.emotion = nn.Linear(EMOTION_SIZE, features, bias=False) if use_emotion else None

    def condition(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        return nn.functional.gelu(self.body(self.conditions(features, style, emotion)))

    def conditions(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        """(B, T, D) features with style and emotion."""
        x = self.norm(features) + self.style(style)[:, None]
        return x if self.emotion is None or emotion is None else x + self.emotion(emotion)

    def copy_conditioning(self, other: AudioConditioner) -> None:
        """Copy the weights of the conditioner of another prior of the same sizes."""
        for own, theirs in ((self.norm, other.norm), (self.style, other.style), (self.body, other.body)):
            own.load_state_dict(theirs.state_dict())
        if self.emotion is not None and other.emotion is not None:
            self.emotion.load_state_dict(other.emotion.state_dict())


class ParallelPrior(AudioConditioner):
    """(B, T, D) audio features, a speaking style and an emotion -> (B, T, H, C) logits, all frames at once."""

    def __init__(
        self,
        features: int,
        styles: int,
        heads: int,
        categories: int,
        width: int,
        dilations: list[int],
        use_emotion: bool = False,
        lookahead: int | None = None,
    ) -> None:
        super().__init__(features, styles, width, dilations, use_emotion, lookahead)
        self.shape = (heads, categories)
        self.out = nn.Linear(width, heads * categories)

    def forward(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        return self.out(self.condition(features, style, emotion)).unflatten(-1, self.shape)
