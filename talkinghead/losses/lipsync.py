"""Losses that keep lips in time with speech, with no need for filmed motion: phonemes say where lips are. No weights to train.

B batch, T frames at 50 a second, K coefficients.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from talkinghead.head.head import Head
from talkinghead.head.landmark_maps import MILLIMETRES, landmark_shapes
from talkinghead.head.teeth import incisal_edge
from talkinghead.speech.phonemes import BILABIALS, LABIODENTALS, PHONES, SILENCE

OPEN = ("AA", "AE", "AO", "AY", "AW")
# Which part of a phoneme, as aligners cut it: lips are shut in the first part of a bilabial, then comes the burst; they part
# into an open vowel and close out of its diphthong. And how many frames it must last, so that it is no reduced one.
PARTS = {"shut": (BILABIALS, 0.0, 0.7, 1), "touch": (LABIODENTALS, 0.15, 0.85, 1), "open": (OPEN, 0.2, 0.6, 4)}
PAUSE, EDGE = 15, 7  # frames: in silences this long, and this far from speech, lips rest
WIDE = 3.0  # mm: lips are at least this far apart in an open vowel; those of GRID's speaker in 88 % of such frames, median 8.6
TURNED_IN = 0.75  # of its depth in front of the incisors at rest, lip that is: how far a lower lip stays that touches them


def shut(predicted: Tensor, when: Tensor, lips: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared vertical lip gap in mm^2 of (B, T, K) coefficients where `when` (B, T) in {0, 1} says that lips meet.

    Lips that press are not open: only a positive gap counts. lips: a `geometry.gap`.
    """
    matrix, rest = lips
    return _mean((predicted @ matrix + rest)[..., 1].clamp_min(0).square(), when)


def wide(predicted: Tensor, when: Tensor, lips: tuple[Tensor, Tensor], least: float = WIDE) -> Tensor:
    """Mean squared amount in mm^2 by which the vertical lip gap falls short of `least` mm where `when` (B, T) says."""
    matrix, rest = lips
    return _mean((least - (predicted @ matrix + rest)[..., 1]).clamp_min(0).square(), when)


def touch(predicted: Tensor, when: Tensor, bite: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared distance in mm^2 by which the lower lip misses the edge of the upper incisors where `when` (B, T) says.

    It misses them if it is lower than their edge, or not drawn in: its middle is in front of them by more than `TURNED_IN` of
    what it is at rest, which is the thickness of the lip. A lip that is higher covers the edge. bite: of `bite_of`.
    """
    matrix, rest = bite
    gap = predicted @ matrix + rest
    low, far = (-gap[..., 1]).clamp_min(0), (gap[..., 2] - TURNED_IN * rest[2].clamp_min(0)).clamp_min(0)
    return _mean(low.square() + far.square(), when)


def bite_of(head: Head) -> tuple[Tensor, Tensor] | None:
    """(K, 3) and (3,) in mm: the vector from the edge of the upper incisors to the middle of the lower lip, as `geometry.gap`.

    Linear in the coefficients, since upper teeth are fast on the skull. None for a head without teeth, or without ARKit's jaw.
    """
    edge = incisal_edge(head)
    if edge is None or "lip_lower_inner" not in head.landmarks:
        return None
    rest = (head.landmark("lip_lower_inner") - edge).astype(np.float32)
    return torch.from_numpy(landmark_shapes(head, "lip_lower_inner") * MILLIMETRES), torch.from_numpy(rest * MILLIMETRES)


def moments(phones: Tensor) -> dict[str, Tensor]:
    """(B, T) phonemes, indices into PHONES or negative -> (B, T) float32 in {0, 1}: `shut`, `touch`, `open`, `rest`.

    When lips meet, when the lower one touches the teeth, when they are apart and when they rest. Phonemes and pauses that the
    window cuts off count as far as is sure whatever came before or comes after it.
    """
    place, length, cut = _runs(phones)
    share = (place + 0.5) / length
    out = {}
    for name, (members, first, last, least) in PARTS.items():
        one = _among(phones, members) & (share >= first) & (share <= last) & (length >= least) & ~cut
        out[name] = one.float()
    far = (place >= EDGE) & (length - 1 - place >= EDGE) & (length >= PAUSE)
    out["rest"] = (_among(phones, (SILENCE,)) & far).float()
    return out


def _runs(phones: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T) each: place in the run of equal phonemes, its length, and whether the window cuts it off at either end."""
    frames = phones.shape[1]
    index = torch.arange(frames, device=phones.device).expand_as(phones)
    new = torch.ones_like(phones, dtype=torch.bool)
    new[:, 1:] = phones[:, 1:] != phones[:, :-1]
    start = torch.where(new, index, 0).cummax(1).values
    last = torch.ones_like(new)
    last[:, :-1] = new[:, 1:]
    end = torch.where(last, index, frames).flip(1).cummin(1).values.flip(1)
    return index - start, end - start + 1, (start == 0) | (end == frames - 1)


def _among(phones: Tensor, names: tuple[str, ...]) -> Tensor:
    return torch.isin(phones, torch.tensor([PHONES.index(name) for name in names], device=phones.device))


def _mean(values: Tensor, when: Tensor) -> Tensor:
    return (values * when).sum() / when.sum().clamp_min(1)
