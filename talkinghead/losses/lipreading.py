"""Lip-reading loss on rendered lips: the perceptual loss of SPECTRE and EMOTE. B batch, T frames, K coefficients.

Filntisis et al. 2022 ("SPECTRE") and Danecek et al. 2023 ("EMOTE") compare features of a frozen lip-reading network on pictures
of the predicted and of the true face. Such features weigh what makes speech readable, such as lips that meet for a moment, far
beyond its size in mm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

PICTURES = 32  # drawn for a micro-batch, of prediction and target each: bounds the cost
STEP = 2  # motion frames (50 a second) for each picture (25 a second)


class Reader(Protocol):
    """A frozen lip-reading network, such as those of `talkinghead.models.perceptual.lipreader`."""

    frames: int  # pictures in a window

    def features(self, crops: Tensor) -> Tensor:
        """(B, frames, S, S) -> (B, frames or 1, D)."""
        ...


def lipreading(
    predicted: Tensor,
    target: Tensor,
    draw: Callable[[Tensor], Tensor],
    reader: Reader,
    rng: np.random.Generator,
    pictures: int = PICTURES,
) -> Tensor:
    """Mean cosine distance, 0 to 2, of `reader`'s features on the predicted and on the true motion.

    predicted, target: (B, T, K) coefficients at 50 frames a second. draw: (B, T, K) -> (B, T, S, S) mouth crops, such as a
    `MouthRenderer`. Only random windows are drawn, of `pictures` pictures together, or one of the reader's if that is longer.
    Only `predicted` gets a gradient.
    """
    frames, count = reader.frames, max(1, pictures // reader.frames)
    clips = rng.integers(len(predicted), size=count)
    starts = [int(rng.integers(max(1, predicted.shape[1] // STEP - frames + 1))) for _ in range(count)]
    mine = torch.stack([window(predicted[clip], start, frames) for clip, start in zip(clips, starts, strict=True)])
    with torch.no_grad():
        true = torch.stack([window(target[clip], start, frames) for clip, start in zip(clips, starts, strict=True)])
        wanted = reader.features(draw(true))
    return (1 - functional.cosine_similarity(reader.features(draw(mine)), wanted, dim=-1)).mean()


def window(motion: Tensor, start: int, frames: int) -> Tensor:
    """(T, K) at 50 frames a second -> (frames, K) at 25 from picture `start` on; past the end of a clip its last picture.

    A picture is the mean of two frames and lies between them in time (see the frame clock in `talkinghead.audio.load`).
    """
    pairs = motion[: len(motion) // STEP * STEP].unflatten(0, (-1, STEP)).mean(1) if len(motion) >= STEP else motion
    at = torch.arange(start, start + frames, device=motion.device).clamp_max(len(pairs) - 1)
    return pairs[at]
