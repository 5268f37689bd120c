"""Losses that keep lips in time with speech, with no need for filmed motion. B batch, T frames, K coefficients."""

from __future__ import annotations

from torch import Tensor


def shut(predicted: Tensor, when: Tensor, lips: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared vertical lip gap in mm^2 of (B, T, K) coefficients where `when` (B, T) in {0, 1} says that lips meet.

    Lips that press are not open: only a positive gap counts. lips: a `geometry.gap`.
    """
    matrix, rest = lips
    opening = (predicted @ matrix + rest)[..., 1].clamp_min(0)
    return (opening.square() * when).sum() / when.sum().clamp_min(1)
