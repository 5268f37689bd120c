"""Losses that ask networks whether lips say what is heard. B batch, T frames, E embedding, P phonemes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SPREAD = 1.0  # frames of 20 ms: neighbours sound alike, so they are not quite wrong


def contrast(lips: Tensor, sound: Tensor, when: Tensor, sharpness: float | Tensor) -> Tensor:
    """InfoNCE in nats: each frame of (B, T, E) lips is to find its own moment among all (B, T, E) of the sound.

    Moments at other times of the clip and those of other clips are wrong; those 20 ms away are nearly right (a Gaussian of
    `SPREAD` frames). (B, T) `when` in {0, 1} says which frames ask: in silence all moments are alike. After van den Oord 2018.
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


def alike(lips: Tensor, reference: Tensor) -> Tensor:
    """Mean cosine distance, 0 to 2, of (B, T, E) embeddings of lips from those of the lips they should look like."""
    return (1 - functional.cosine_similarity(lips, reference.detach(), dim=-1)).mean()


def phoneme(logits: Tensor, phones: Tensor) -> Tensor:
    """Cross-entropy in nats of (B, T, P) phonemes read off lips with (B, T) those that are spoken; negative: not known."""
    known = phones >= 0
    if not known.any():
        return (logits * 0).sum()
    return functional.cross_entropy(logits[known], phones[known])
