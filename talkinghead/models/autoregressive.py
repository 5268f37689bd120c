"""MeshTalk's prior (Richard et al. 2021): head h of frame t depends on all heads of earlier frames and on heads < h of its own.

B batch, T frames, D features, W width, H heads, C categories, N channels of a head.
Earlier frames go through dilated causal convolutions, which get the sound in every layer and are the same for all heads of a
frame. Earlier heads of the frame are added on top, one layer deep. So sampling runs the deep part once a frame for all heads,
and a product of N x C for each head in turn. Ring buffers keep the last frames of each layer: a second of sound costs the same
at the end of an hour as at its beginning, 0.08 CPU seconds (top-p 0.9; a sampler that reads the whole history for every code
takes 8 at 10 s and 43 at 60 s). `tools/bench/bench.py --only prior` times both.

The model card of the default model compares it with the parallel prior, whose lips are better.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from talkinghead.models.prior import AudioConditioner

BLOCK = 100  # frames whose noise is drawn at once
CORRUPTED = 1.0  # largest share of past codes that training replaces at random, or the prior relies on them more than on sound


class CausalLayer(nn.Module):
    """Residual convolution over this frame and the one `dilation` frames ago, with the sound. (B, T, W) -> (B, T, W)."""

    def __init__(self, width: int, dilation: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Linear(3 * width, width)
        self.mix = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, heard: Tensor) -> Tensor:
        now = self.norm(hidden)
        before = functional.pad(now, (0, 0, self.dilation, 0))[:, : now.shape[1]]
        return self._add(hidden, before, now, heard)

    def step(self, hidden: Tensor, heard: Tensor, ring: Tensor, frame: int) -> Tensor:
        """The same for one frame, (B, W) -> (B, W). ring: (B, dilation, W), the last frames, which this updates."""
        now, slot = self.norm(hidden), ring[:, frame % self.dilation]
        out = self._add(hidden, slot, now, heard)
        slot.copy_(now)
        return out

    def _add(self, hidden: Tensor, before: Tensor, now: Tensor, heard: Tensor) -> Tensor:
        return hidden + self.dropout(self.mix(functional.gelu(self.conv(torch.cat([before, now, heard], -1)))))


@dataclass
class Memory:
    """Where `AutoregressivePrior.go_on` is in a recording.

    hidden: (B, W) of the codes of the last frame. rings: what the layers remember. draws: of each row, blocks of noise; drawn:
    the (B, BLOCK, H, C) in use. frame: how many frames there were.
    """

    hidden: Tensor
    rings: list[Tensor]
    draws: list[Iterator[np.ndarray]]
    drawn: Tensor | None = None
    frame: int = 0


class AutoregressivePrior(AudioConditioner):
    """Audio features and a speaking style -> codes, each drawn knowing those before it.

    width, dilations: of what listens to the sound (`AudioConditioner`). history: dilations of what remembers the codes; with
    [1, 2, 4, 8, 16] it sees the last 32 frames. channels: N.
    """

    def __init__(
        self,
        features: int,
        styles: int,
        heads: int,
        categories: int,
        width: int,
        dilations: list[int],
        history: list[int],
        channels: int,
        use_emotion: bool = False,
    ) -> None:
        super().__init__(features, styles, width, dilations, use_emotion)
        self.shape = (heads, categories)
        self.codes = nn.Embedding(heads * categories, width)
        self.start = nn.Parameter(torch.zeros(width))  # in place of the codes before the first frame
        self.layers = nn.ModuleList([CausalLayer(width, d) for d in history])
        self.context = nn.Linear(width, heads * channels)
        self.within = nn.Parameter(torch.randn(heads, categories, heads, channels) * channels**-0.5)  # of a head, to later ones
        self.out = nn.Parameter(torch.randn(heads, channels, categories) * channels**-0.5)
        self.bias = nn.Parameter(torch.zeros(heads, categories))
        self.register_buffer("first", categories * torch.arange(heads), persistent=False)  # row of each head's first code
        self.register_buffer("later", torch.ones(heads, heads).triu(1)[:, None, :, None], persistent=False)
        self.first: Tensor
        self.later: Tensor

    def forward(self, features: Tensor, style: Tensor, codes: Tensor, emotion: Tensor | None = None) -> Tensor:
        """Teacher-forced: (B, T, D), (B,) and the true (B, T, H) codes -> (B, T, H, C) logits of each given earlier ones."""
        return self.score(self.condition(features, style, emotion), self._corrupt(codes) if self.training else codes)

    def score(self, heard: Tensor, codes: Tensor) -> Tensor:
        """(B, T, W) of `condition` and (B, T, H) codes -> (B, T, H, C) logits of each code given the earlier ones."""
        said = self._embed(codes)
        hidden = torch.cat([self.start.expand(len(said), 1, -1), said[:, :-1]], 1)
        for layer in self.layers:
            hidden = layer(hidden, heard)
        one_hot = functional.one_hot(codes, self.shape[1]).to(hidden.dtype)
        earlier = one_hot.flatten(-2) @ (self.within * self.later).flatten(2).flatten(0, 1)
        return self._logits((self.context(hidden) + earlier).unflatten(-1, (self.shape[0], -1)))

    @torch.inference_mode()
    def sample(
        self,
        features: Tensor,
        style: Tensor,
        temperature: float = 1.0,
        top_p: float = 1.0,
        seed: int = 0,
        emotion: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """(B, T, D) and (B,) -> (B, T, H) codes, and the (B, T, H, C) logits that each was drawn from.

        temperature 0 takes the likeliest each time. Row b draws from `noise(seed, b)`; the same seed gives the same codes.
        """
        heard = self.condition(features, style, emotion)
        return self.go_on(heard, self.begin(len(heard), seed if temperature else None), temperature, top_p)

    def begin(self, batch: int, seed: int | None) -> Memory:
        """What `go_on` needs before the first frame; seed None: nothing is drawn."""
        layers: list[CausalLayer] = list(self.layers)  # type: ignore[arg-type]
        rings = [self.start.new_zeros(batch, layer.dilation, len(self.start)) for layer in layers]
        draws = [] if seed is None else [noise(seed, b, self.shape) for b in range(batch)]
        return Memory(self.start.expand(batch, -1), rings, draws)

    @torch.inference_mode()
    def go_on(self, heard: Tensor, memory: Memory, temperature: float, top_p: float) -> tuple[Tensor, Tensor]:
        """(B, T, W) of `condition` -> what `sample` gives, of frames that follow those that `memory` knows."""
        (batch, frames, _), (heads, categories) = heard.shape, self.shape
        layers: list[CausalLayer] = list(self.layers)  # type: ignore[arg-type]
        within, out = self.within * self.later, self.out.unbind(0)
        codes = self.first.new_zeros(batch, frames, heads)
        logits = heard.new_zeros(batch, frames, heads, categories)
        hidden, draws = memory.hidden, memory.draws
        for t in range(frames):
            number = memory.frame + t
            if draws and number % BLOCK == 0:
                memory.drawn = torch.from_numpy(np.stack([next(draw) for draw in draws])).to(heard)
            for layer, ring in zip(layers, memory.rings, strict=True):
                hidden = layer.step(hidden, heard[:, t], ring, number)
            inputs = self.context(hidden).unflatten(-1, (heads, -1))
            for h in range(heads):
                found = torch.addmm(self.bias[h], functional.gelu(inputs[:, h]), out[h])
                draw = None if memory.drawn is None else memory.drawn[:, number % BLOCK, h]
                code = pick(found, temperature, top_p, draw)
                inputs = inputs + within[h].index_select(0, code)
                logits[:, t, h], codes[:, t, h] = found, code
            hidden = self._embed(codes[:, t])
        memory.hidden, memory.frame = hidden, memory.frame + frames
        return codes, logits

    def _embed(self, codes: Tensor) -> Tensor:
        """(..., H) -> (..., W), the sum of the embeddings of all heads' codes."""
        return self.codes(codes + self.first).sum(-2) * self.shape[0] ** -0.5

    def _logits(self, inputs: Tensor) -> Tensor:
        """(B, T, H, N) -> (B, T, H, C), by each head's own layer."""
        return torch.einsum("bthn,hnc->bthc", functional.gelu(inputs), self.out) + self.bias

    def _corrupt(self, codes: Tensor) -> Tensor:
        share = CORRUPTED * torch.rand(len(codes), 1, 1, device=codes.device)
        replaced = torch.rand(codes.shape, device=codes.device) < share
        return torch.where(replaced, torch.randint_like(codes, self.shape[1]), codes)


def pick(logits: Tensor, temperature: float, top_p: float, noise: Tensor | None) -> Tensor:
    """(B, C) logits -> (B,) categories: the likeliest at temperature 0, else a sample by (B, C) Gumbel noise."""
    if noise is None or temperature == 0:
        return logits.argmax(-1)
    return (nucleus(logits / temperature, top_p) + noise).argmax(-1)


def noise(seed: int, row: int, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """Endless blocks (BLOCK, H, C) of standard Gumbel noise; whoever samples with this seed gets these."""
    rng = np.random.default_rng([seed, row])
    while True:
        yield rng.gumbel(size=(BLOCK, *shape))


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """(..., C) logits, -inf but for the likeliest categories that together have `top_p` of the probability (at least one).

    Top-p sampling of Holtzman et al. 2020; `sampling.nucleus` of tensors, since it is called for each head of each frame.
    """
    if top_p >= 1:
        return logits
    ordered, _ = logits.softmax(-1).sort(dim=-1, descending=True)
    kept = (ordered.cumsum(-1) - ordered < top_p).sum(-1, keepdim=True)  # how many
    least = logits.sort(dim=-1, descending=True)[0].gather(-1, kept - 1)
    return logits.masked_fill(logits < least, -torch.inf)
