"""Stage 2, the prior: codes of the latent from sound. B batch, T frames, D features, H heads, C categories, E emotions.

This file has the parallel prior, all frames at once, and the choice of the latent; `autoregressive.py` has MeshTalk's prior.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FPS
from talkinghead.models.motion_autoencoder import Temporal
from talkinghead.motion.emotions import EMOTIONS

SMOOTH = 0.1  # seconds, standard deviation of the Gaussian that smooths the noise of samples

MANNER_SIZE = 3  # numbers of a `motion.expressions.Manner`
EMOTION_SIZE = (len(EMOTIONS) - 1) * (1 + MANNER_SIZE)  # numbers per frame: intensities, and their products with the manner


def emotion_input(curve: Tensor, manner: Tensor) -> Tensor:
    """(B, T, E) curves and (B, 3) manners -> (B, T, EMOTION_SIZE).

    The intensity of each emotion but neutral, and its products with the manner: 0 where there is no emotion.
    """
    intensity = curve[..., 1:]
    return torch.cat([intensity, (intensity[..., None] * manner[:, None, None]).flatten(-2)], -1)


class AudioConditioner(nn.Module):
    """(B, T, D) audio features, a speaking style and an emotion -> (B, T, width) bidirectional features.

    Style 0 is the average style: training replaces the style of a speaker by it at random (the "pivot" of UniTalker). The
    emotion (`use_emotion`), see `emotion_input`, enters by a layer without a bias, so that no emotion adds nothing.
    """

    def __init__(self, features: int, styles: int, width: int, dilations: list[int], use_emotion: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.style = nn.Embedding(1 + styles, features)
        nn.init.zeros_(self.style.weight)
        self.body = Temporal(features, width, dilations, dropout=0.2)
        self.emotion = nn.Linear(EMOTION_SIZE, features, bias=False) if use_emotion else None

    def condition(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        x = self.norm(features) + self.style(style)[:, None]
        if self.emotion is not None and emotion is not None:
            x = x + self.emotion(emotion)
        return nn.functional.gelu(self.body(x))

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
    ) -> None:
        super().__init__(features, styles, width, dilations, use_emotion)
        self.shape = (heads, categories)
        self.out = nn.Linear(width, heads * categories)

    def forward(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        return self.out(self.condition(features, style, emotion)).unflatten(-1, self.shape)


def choose_latent(
    logits: Tensor, temperature: float, seed: int, top_p: float = 1.0, noise: list[SmoothGumbel] | None = None
) -> Tensor:
    """(B, T, H, C) logits -> the latent that is decoded: expected codes at temperature 0, seeded samples above.

    A sample is one category for each frame and head, with the probabilities of softmax(logits / temperature). Its noise is
    smooth in time (`SmoothGumbel`): with independent noise, neighbouring frames would differ and the mouth would flicker.
    noise: of each row, where these frames follow others for which it was drawn; without it, that of `seed` from the start.
    """
    if temperature == 0:
        return logits.softmax(-1)
    noise = noise or [SmoothGumbel(logits.shape[2:], [seed, b]) for b in range(len(logits))]
    values = np.stack([row.take(logits.shape[1]) for row in noise])
    drawn = nucleus(logits / temperature, top_p) + torch.from_numpy(values).to(logits)
    return nn.functional.one_hot(drawn.argmax(-1), logits.shape[-1]).to(logits.dtype)


def nucleus(logits: Tensor, top_p: float) -> Tensor:
    """(..., C) logits, -inf but for the likeliest categories that together have `top_p` of the probability (at least one).

    Top-p sampling of Holtzman et al. 2020.
    """
    if top_p >= 1:
        return logits
    ordered, _ = logits.softmax(-1).sort(dim=-1, descending=True)
    kept = (ordered.cumsum(-1) - ordered < top_p).sum(-1, keepdim=True)  # how many
    least = logits.sort(dim=-1, descending=True)[0].gather(-1, kept - 1)
    return logits.masked_fill(logits < least, -torch.inf)


class SmoothGumbel:
    """Standard Gumbel noise (T, ...) that is smooth along time: argmax(logits + noise) is then a smooth sample.

    A Gaussian copula: white Gaussian noise is smoothed by a bell of SMOOTH seconds, scaled back to unit variance, and each
    value goes through the Gaussian distribution function and the inverse of Gumbel's. So the categories at one frame have
    exactly the probabilities of the softmax (the Gumbel-max trick), whatever the frames beside it are. The first frames do
    not depend on how many follow.
    """

    def __init__(self, shape: tuple[int, ...], seed: list[int]) -> None:
        self.side = round(3 * SMOOTH * FPS)
        self._rng = np.random.default_rng(seed)
        self._white = self._rng.standard_normal((2 * self.side, *shape))  # under the bells of the frames to come

    def take(self, frames: int) -> np.ndarray:
        """(frames, ...) float32, those that follow the ones that were taken before."""
        from scipy.ndimage import convolve1d
        from scipy.special import log_ndtr

        bell = np.exp(-0.5 * (np.arange(-self.side, self.side + 1) / (SMOOTH * FPS)) ** 2)
        bell /= np.sqrt(np.square(bell).sum())
        white = np.concatenate([self._white, self._rng.standard_normal((frames, *self._white.shape[1:]))])
        self._white = white[frames:]
        smooth = convolve1d(white, bell, axis=0)[self.side : self.side + frames]
        return -np.log(-log_ndtr(smooth)).astype(np.float32)
