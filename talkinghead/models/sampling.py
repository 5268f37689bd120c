"""The choice of a latent from the logits of a prior. B batch, T frames, H heads, C categories."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d
from scipy.special import log_ndtr, softmax

from talkinghead.audio.clock import FPS

SMOOTH = 0.1  # seconds, standard deviation of the Gaussian that smooths the noise of samples


def choose_latent(
    logits: np.ndarray, temperature: float, seed: int, top_p: float = 1.0, noise: list[SmoothGumbel] | None = None
) -> np.ndarray:
    """(B, T, H, C) logits -> the latent that is decoded: expected codes at temperature 0, seeded samples above.

    A sample is one category for each frame and head, with the probabilities of softmax(logits / temperature). Its noise is
    smooth in time (`SmoothGumbel`): with independent noise, neighbouring frames would differ and the mouth would flicker.
    noise: of each row, where these frames follow others for which it was drawn; without it, that of `seed` from the start.
    """
    if temperature == 0:
        return softmax(logits, -1)
    noise = noise or [SmoothGumbel(logits.shape[2:], [seed, b]) for b in range(len(logits))]
    values = np.stack([row.take(logits.shape[1]) for row in noise])
    drawn = nucleus(logits / temperature, top_p) + values
    return np.eye(logits.shape[-1], dtype=logits.dtype)[drawn.argmax(-1)]


def nucleus(logits: np.ndarray, top_p: float) -> np.ndarray:
    """(..., C) logits, -inf but for the likeliest categories that together have `top_p` of the probability (at least one).

    Top-p sampling of Holtzman et al. 2020.
    """
    if top_p >= 1:
        return logits
    ordered = -np.sort(-softmax(logits, -1), -1)
    kept = (np.cumsum(ordered, -1) - ordered < top_p).sum(-1, keepdims=True)  # how many
    least = np.take_along_axis(-np.sort(-logits, -1), kept - 1, -1)
    return np.where(logits < least, -np.inf, logits)


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
        bell = np.exp(-0.5 * (np.arange(-self.side, self.side + 1) / (SMOOTH * FPS)) ** 2)
        bell /= np.sqrt(np.square(bell).sum())
        white = np.concatenate([self._white, self._rng.standard_normal((frames, *self._white.shape[1:]))])
        self._white = white[frames:]
        smooth = convolve1d(white, bell, axis=0)[self.side : self.side + frames]
        return -np.log(-log_ndtr(smooth)).astype(np.float32)
