"""Losses on embeddings of lips and of sound. B batch, T frames, E embedding, P phonemes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SPREAD = 1.0  # frames of 20 ms: sigma of the target distribution, since neighbouring frames sound alike


def contrast(lips: Tensor, sound: Tensor, when: Tensor, sharpness: float | Tensor) -> Tensor:
    """InfoNCE in nats: classifies, for each frame of (B, T, E) lips, its own frame among all (B, T, E) of the sound.

    The target is a Gaussian of `SPREAD` frames around it; other times and other clips are negatives. (B, T) `when` in {0, 1}:
    frames that count; frames of silence cannot be told apart. After van den Oord et al. 2018.
    """
    (b, t), ask = when.shape, when.flatten() > 0
    if not ask.any():
        return (lips * 0).sum()
    logits = sharpness * lips.flatten(0, 1)[ask] @ sound.flatten(0, 1).T
    place = torch.arange(t, device=lips.device)
    near = (-((place[:, None] - place) ** 2) / (2 * SPREAD**2)).exp()
    near = near / near.sum(1, keepdim=True)
    target = torch.block_diag(*[near] * b)[ask]
    return functional.cross_entropy(logits, target)


def embedding_distance(lips: Tensor, reference: Tensor) -> Tensor:
    """Mean cosine distance, 0 to 2, of (B, T, E) embeddings of lips from those of a reference."""
    return (1 - functional.cosine_similarity(lips, reference.detach(), dim=-1)).mean()


def phoneme(logits: Tensor, phones: Tensor) -> Tensor:
    """Cross-entropy in nats of (B, T, P) phonemes read off lips with (B, T) the spoken ones; negative: not known, left out."""
    known = phones >= 0
    if not known.any():
        return (logits * 0).sum()
    return functional.cross_entropy(logits[known], phones[known])
