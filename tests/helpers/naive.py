"""The plain twin of the autoregressive prior's sampler: for every code it goes through the whole history again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from talkinghead.models.autoregressive import BLOCK, AutoregressivePrior, noise, pick


@torch.inference_mode()
def sample(
    prior: AutoregressivePrior,
    features: Tensor,
    style: Tensor,
    temperature: float = 1.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """(B, T, D) and (B,) -> (B, T, H) codes; the arguments of `AutoregressivePrior.sample`."""
    heard, drawn = prior.condition(features, style), draws(prior, features, seed)
    codes = torch.zeros(*features.shape[:2], prior.shape[0], dtype=torch.long)
    for t in range(features.shape[1]):
        frame(prior, heard, codes, t, temperature, top_p, drawn)
    return codes


@torch.inference_mode()
def frame(
    prior: AutoregressivePrior, heard: Tensor, codes: Tensor, t: int, temperature: float, top_p: float, drawn: Tensor
) -> None:
    """Choose the codes of frame t, given those before it, and write them to `codes`."""
    for h in range(prior.shape[0]):
        logits = prior.score(heard[:, : t + 1], codes[:, : t + 1])
        codes[:, t, h] = pick(logits[:, t, h], temperature, top_p, drawn[:, t, h])


def draws(prior: AutoregressivePrior, features: Tensor, seed: int) -> Tensor:
    """(B, T or more, H, C) of the noise that decides."""
    batch, frames = features.shape[:2]
    rows = [noise(seed, row, prior.shape) for row in range(batch)]
    return torch.from_numpy(np.stack([np.concatenate([next(row) for _ in range(0, frames, BLOCK)]) for row in rows])).to(
        features
    )
