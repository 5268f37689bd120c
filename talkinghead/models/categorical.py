"""The categorical latent of MeshTalk: at every frame, H heads each choose one of C categories.

B batch, T frames, H heads, C categories.
"""

from __future__ import annotations

import torch
from torch import Tensor


def straight_through(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """(B, T, H, C) logits -> one-hot samples whose gradient is that of the Gumbel-softmax (Jang et al. 2017)."""
    noise = -torch.empty_like(logits).exponential_().log()
    soft = ((logits + noise) / temperature).softmax(-1)
    return hard(soft) + soft - soft.detach()


def hard(scores: Tensor) -> Tensor:
    """(..., C) -> one-hot of the largest."""
    return torch.nn.functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(scores.dtype)


def usage(logits: Tensor) -> Tensor:
    """Perplexity of the average category choice, averaged over heads: 1 when collapsed, C when all are used alike."""
    mean = hard(logits).flatten(0, 1).mean(0)
    return (-(mean * (mean + 1e-9).log()).sum(-1)).exp().mean()


def entropy(logits: Tensor) -> Tensor:
    """Entropy of the average category choice in nats, averaged over heads; differentiable, largest when all are used alike."""
    mean = logits.softmax(-1).flatten(0, 1).mean(0)
    return -(mean * (mean + 1e-9).log()).sum(-1).mean()
