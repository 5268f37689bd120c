"""One micro-batch of windows. B windows, T frames at 50 a second, K coefficients, D features."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from talkinghead.motion.emotions import EMOTIONS as EMOTIONS
from talkinghead.speech.labels import UNKNOWN as UNKNOWN


@dataclass
class Batch:
    """One micro-batch of B windows, all of one annotation. Either features or wave is there."""

    annotation: str
    motion: Tensor  # (B, T, K) coefficients, in the order of the annotation's names
    style: Tensor  # (B,) int64: 0 nobody, 1 + index into the speakers
    features: Tensor | None  # (B, T, D) float32
    wave: Tensor | None  # (B, T * 320) samples at 16 kHz of the same windows, where nothing is cached
    emotion: Tensor  # (B,) int64 index into EMOTIONS
    intensity: Tensor  # (B,) float32 in [0, 1]
    quiet: Tensor  # (B, T) float32: 1 where nobody speaks
    mask: Tensor  # (B, K) float32: 1 where the clip's motion has the coefficient; where it is 0, so is `motion`
    phones: Tensor | None = None  # (B, T) int64 index into PHONES, UNKNOWN where the data do not tell
    mel: Tensor | None = None  # (B, T, 80) of the sound before it was made worse, see `models.sync.log_mel`

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device."""
        moved = {f.name: v.to(device) for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)}
        return replace(self, **moved)

    def pin_memory(self) -> Batch:
        """The same in memory that a GPU copies from while it works; torch's loader calls this."""
        tensors = {f.name: v.pin_memory() for f in fields(self) if isinstance(v := getattr(self, f.name), Tensor)}
        return replace(self, **tensors)
