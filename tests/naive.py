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
    steps: slice = slice(None),
) -> Tensor:
    """(B, T, H) codes. steps: of which frames, for measuring what a frame costs; the others stay 0."""
    batch, frames = features.shape[:2]
    codes = torch.zeros(batch, frames, prior.shape[0], dtype=torch.long)
    draws = [noise(seed, row, prior.shape) for row in range(batch)]
    blocks = [np.concatenate([next(draw) for _ in range(-(-frames // BLOCK))]) for draw in draws]
    drawn = torch.from_numpy(np.stack(blocks)).to(features)
    heard = prior.hear(features, style)
    for t in range(frames)[steps]:
        for h in range(prior.shape[0]):
            logits = prior.score(heard[:, : t + 1], codes[:, : t + 1])
            codes[:, t, h] = pick(logits[:, t, h], temperature, top_p, drawn[:, t, h])
    return codes
