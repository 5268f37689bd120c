"""Stage 1, the motion space: motion and audio -> categorical latent -> motion, as in MeshTalk (Richard et al. 2021).

B batch, T motion frames, K coefficients, H heads, C categories, D features, L template landmarks.
One motion space serves several annotations (ARKit weights, FLAME parameters, shapes of a topology), as in UniTalker (Fan et
al. 2024): only the first layer of the encoder and the last of the decoder are an annotation's own.
Where MeshTalk has LSTMs, these are dilated temporal convolutions: they train in parallel and see both ways.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.models.categorical import straight_through
from talkinghead.models.config import KERNEL, reach, sides


class Temporal(nn.Module):
    """Residual dilated convolutions over time, (B, T, inputs) -> (B, T, width); sees `sum(2 * dilation)` frames per side.

    inputs None: what comes in has the width already. lookahead: frames that are seen after each frame, as few as are said, and
    twice as many before it; None for as many on both sides.
    """

    def __init__(
        self, inputs: int | None, width: int, dilations: list[int], dropout: float = 0.1, lookahead: int | None = None
    ) -> None:
        super().__init__()
        self.enter = nn.Identity() if inputs is None else nn.Linear(inputs, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in dilations])
        self.convs = nn.ModuleList([nn.Conv1d(width, width, KERNEL, dilation=d) for d in dilations])
        self.mixes = nn.ModuleList([nn.Linear(width, width) for _ in dilations])
        self.dropout = nn.Dropout(dropout)
        self.width, self.sides = width, sides(dilations, lookahead)
        self.reach = reach(dilations, lookahead)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.enter(x)
        for i, side in enumerate(self.sides):
            hidden = hidden + self.layer(i, nn.functional.pad(self.norms[i](hidden), (0, 0, *side)))
        return hidden

    def layer(self, i: int, normed: Tensor) -> Tensor:
        """(B, before + T + after, width) normed frames -> (B, T, width), what layer i adds to them; see `sides`."""
        step = nn.functional.gelu(self.convs[i](normed.transpose(1, 2)).transpose(1, 2))
        return self.dropout(self.mixes[i](step))


class MotionEncoder(nn.Module):
    """(B, T, K) motion and (B, T, D) audio features -> (B, T, H, C) logits of the latent. coefficients: annotation -> K."""

    def __init__(
        self, coefficients: dict[str, int], features: int, heads: int, categories: int, width: int, dilations: list[int]
    ) -> None:
        super().__init__()
        self.shape = (heads, categories)
        self.enter = nn.ModuleDict({name: nn.Linear(2 * k, width) for name, k in coefficients.items()})
        self.motion = Temporal(None, width, dilations)
        self.audio = Temporal(features, width, dilations)
        self.fuse = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, heads * categories))

    def forward(self, motion: Tensor, features: Tensor, annotation: str) -> Tensor:
        velocity = torch.diff(motion, dim=1, prepend=motion[:, :1])
        moved = self.motion(self.enter[annotation](torch.cat([motion, velocity], -1)))
        code = torch.cat([moved, self.audio(features)], -1)
        return self.fuse(code).unflatten(-1, self.shape)


class MotionDecoder(nn.Module):
    """(B, T, H, C) latent and (B, L, 3) template landmarks -> (B, T, K) coefficients of an annotation.

    The landmarks (see `template_code`) tell the decoder whose face moves. The output layers start at zero: at rest.
    """

    def __init__(
        self,
        coefficients: dict[str, int],
        landmarks: int,
        heads: int,
        categories: int,
        width: int,
        dilations: list[int],
        lookahead: int | None = None,
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(heads * categories, width)
        self.template = nn.Sequential(nn.Linear(3 * landmarks, 64), nn.GELU(), nn.Linear(64, width))
        self.body = Temporal(width, width, dilations, lookahead=lookahead)
        layers = {name: nn.Linear(width, k) for name, k in coefficients.items()}
        for layer in layers.values():
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.out = nn.ModuleDict(layers)

    def forward(self, latent: Tensor, template: Tensor, annotation: str) -> Tensor:
        return self.decode(self.feature(latent), template, annotation)

    def feature(self, latent: Tensor) -> Tensor:
        """(B, T, H, C) one-hot codes, or the probabilities of codes -> (B, T, width), their (expected) embedding."""
        return self.embed(latent.flatten(-2))

    def decode(self, feature: Tensor, template: Tensor, annotation: str) -> Tensor:
        return self.out[annotation](self.body(feature + self.template(template.flatten(1))[:, None]))


class MotionAutoencoder(nn.Module):
    """Encoder, straight-through sample and decoder; what stage 1 trains."""

    def __init__(self, encoder: MotionEncoder, decoder: MotionDecoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, motion: Tensor, features: Tensor, template: Tensor, annotation: str) -> tuple[Tensor, Tensor]:
        """-> (B, T, K) reconstruction and (B, T, H, C) logits."""
        logits = self.encoder(motion, features, annotation)
        return self.decoder(straight_through(logits), template, annotation), logits
