"""Losses of lips by phonemes, without recorded motion: shut in bilabials, at the teeth in labiodentals, open in open vowels.

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
# Phonemes, the part of each (shares of its length, as aligners cut it) and its least frames. Lips are shut in the first part of
# a bilabial, before the burst. In an open vowel they part first, and close in its diphthong; shorter ones are reduced.
PARTS = {"shut": (BILABIALS, 0.0, 0.7, 1), "touch": (LABIODENTALS, 0.15, 0.85, 1), "open": (OPEN, 0.2, 0.6, 4)}
PAUSE, EDGE = 15, 7  # frames: least length of a silence in which lips rest, and least distance to speech
WIDE = 3.0  # mm: lips are at least this far apart in an open vowel; those of GRID's speaker in 88 % of such frames, median 8.6
TURNED_IN = 0.75  # largest distance of a lower lip in front of the incisors that touches them, as a share of that at rest


def shut(predicted: Tensor, when: Tensor, lips: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared vertical lip gap in mm^2 of (B, T, K) coefficients where `when` (B, T) in {0, 1} is 1.

    Only a positive gap counts: pressed lips have a negative one. lips: a `geometry.gap`.
    """
    matrix, rest = lips
    return _mean((predicted @ matrix + rest)[..., 1].clamp_min(0).square(), when)


def wide(predicted: Tensor, when: Tensor, lips: tuple[Tensor, Tensor], least: float = WIDE) -> Tensor:
    """Mean squared amount in mm^2 by which the vertical lip gap falls short of `least` mm where `when` (B, T) is 1."""
    matrix, rest = lips
    return _mean((least - (predicted @ matrix + rest)[..., 1]).clamp_min(0).square(), when)


def touch(predicted: Tensor, when: Tensor, bite: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared distance in mm^2 by which the lower lip misses the edge of the upper incisors where `when` (B, T) is 1.

    It misses them where it is below their edge, or in front of them by more than `TURNED_IN` of its distance at rest, which is
    the thickness of the lip. A higher lip covers the edge. bite: of `bite_of`.
    """
    matrix, rest = bite
    gap = predicted @ matrix + rest
    low, far = (-gap[..., 1]).clamp_min(0), (gap[..., 2] - TURNED_IN * rest[2].clamp_min(0)).clamp_min(0)
    return _mean(low.square() + far.square(), when)


def bite_of(head: Head) -> tuple[Tensor, Tensor] | None:
    """(K, 3) and (3,) in mm: the vector from the edge of the upper incisors to the middle of the lower lip, as `geometry.gap`.

    Linear in the coefficients, since upper teeth do not move. None for a head without teeth, or without ARKit's jaw.
    """
    edge = incisal_edge(head)
    if edge is None or "lip_lower_inner" not in head.landmarks:
        return None
    rest = (head.landmark("lip_lower_inner") - edge).astype(np.float32)
    return torch.from_numpy(landmark_shapes(head, "lip_lower_inner") * MILLIMETRES), torch.from_numpy(rest * MILLIMETRES)


def moments(phones: Tensor) -> dict[str, Tensor]:
    """(B, T) phonemes, indices into PHONES or negative -> (B, T) float32 in {0, 1}: `shut`, `touch`, `open`, `rest`.

    Frames in which lips meet, the lower one touches the teeth, they are apart, they rest. Phonemes that the window cuts off are
    left out; pauses count as far as they are long enough within the window.
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
