"""The level at which a causal encoder hears speech: as `input_level`, from what has been heard so far.

B batch, S samples at 16 kHz, N frames of 20 ms, levels in dB of full scale. The numbers are those of `runtime.level_track`
where both have them. The loudest frame of the last seconds is the level; what has long been heard counts less and less.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from talkinghead.audio.clock import FRAME
from talkinghead.models.runtime.level_track import CREST, FAINTEST, SILENCE_RMS, SPEECH_OVER_NOISE

HELD, FALL = 75, 0.4  # frames for which the loudest one counts in full; dB by which it counts less with each frame after them
PAST = 125  # frames: the faintest one of these is the noise
MEAN = 50  # frames whose mean is taken as the microphone's offset
FIRST_LOUD, FIRST_NOISE = -24.0, -60.0  # before anything has been heard: speech as it is usually recorded, and a quiet room


class LevelState(NamedTuple):
    """The past: (B, PAST) levels for speech and for noise, (B, MEAN) offsets, (B, 2) the last offset and RMS."""

    loud: Tensor
    noise: Tensor
    offsets: Tensor
    last: Tensor


def first_state(batch: int) -> LevelState:
    """The state before a recording begins."""
    rms = 10 ** ((FIRST_LOUD - CREST) / 20)
    return LevelState(
        torch.full((batch, PAST), FIRST_LOUD),
        torch.full((batch, PAST), FIRST_NOISE),
        torch.zeros(batch, MEAN),
        torch.tensor([[0.0, rms]]).expand(batch, 2),
    )


def follow_level(sound: Tensor, state: LevelState) -> tuple[Tensor, LevelState]:
    """(B, N * FRAME) -> the same at unit level without an offset, and the state after it. Gains change within a frame."""
    frames = sound.unflatten(1, (-1, FRAME))
    offset = frames.mean(2)
    energy = (frames.square().mean(2) - offset.square()).clamp_min(FAINTEST)
    level = 10 * torch.log10(energy)
    loud, noise = torch.cat([state.loud, level], 1), torch.cat([state.noise, level], 1)
    offsets = torch.cat([state.offsets, offset], 1)
    age = torch.arange(PAST, -1, -1, device=sound.device)
    heard = (loud.unfold(1, PAST + 1, 1) - FALL * (age - HELD).clamp_min(0)).amax(2)
    faintest = noise.unfold(1, PAST + 1, 1).amin(2)
    rms = 10 ** ((torch.maximum(heard, faintest + SPEECH_OVER_NOISE) - CREST) / 20)
    now = torch.stack([offsets.unfold(1, MEAN + 1, 1).mean(2), rms.clamp_min(SILENCE_RMS)], 2)  # (B, N, 2)
    before = torch.cat([state.last[:, None], now[:, :-1]], 1)
    share = (torch.arange(FRAME, device=sound.device) + 1) / FRAME
    taken, gain = (before[..., None] + (now - before)[..., None] * share).unbind(2)  # (B, N, FRAME)
    return ((frames - taken) / gain).flatten(1), LevelState(loud[:, -PAST:], noise[:, -PAST:], offsets[:, -MEAN:], now[:, -1])
