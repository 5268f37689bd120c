"""The level at which an encoder hears recordings, see `runtime.level_track`, of tensors: for batches, and for exported graphs.

B batch, S samples at 16 kHz, N frames of 20 ms, levels in dB of full scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME
from talkinghead.models.runtime.level_track import (
    CREST,
    FAINTEST,
    NOISE_REACH,
    REACH,
    SILENCE_RMS,
    SMOOTHING,
    SPAN,
    SPEECH_OVER_NOISE,
)

BLOCK = 3000  # frames at a time whose surroundings are laid out in memory


def normalise_level(wave: Tensor) -> Tensor:
    """(B, S) -> (B, S) with zero mean and speech at about unit RMS, as wav2vec 2.0 expects; silence stays silent."""
    wave = wave - wave.mean(dim=1, keepdim=True)
    return wave / _upsampled(speech_rms(frame_level(wave)))[:, : wave.shape[1]]


def frame_level(wave: Tensor) -> Tensor:
    """(B, S) of zero mean -> (B, N) levels."""
    energy = nn.functional.avg_pool1d(wave.square()[:, None], FRAME, ceil_mode=True)[:, 0]
    return 10 * torch.log10(energy.clamp_min(FAINTEST))


def speech_rms(level: Tensor) -> Tensor:
    """(B, N) levels of the frames -> (B, N) amplitude of the speech around each, which is brought to 1."""
    return (10 ** ((running_level(level) - CREST) / 20)).clamp_min(SILENCE_RMS)


def _upsampled(rms: Tensor) -> Tensor:
    """(B, N) at the middles of frames -> (B, N * FRAME), linear between them."""
    return nn.functional.interpolate(rms[:, None], scale_factor=FRAME, mode="linear")[:, 0]


def running_level(level: Tensor) -> Tensor:
    """(B, N) levels of the frames -> (B, N) level of the speech around each."""
    highest, noise = level.amax(1, keepdim=True), -_largest(-level, NOISE_REACH)
    lowest = torch.maximum(highest - SPAN, noise + SPEECH_OVER_NOISE)
    return _smooth(torch.maximum(_largest(level, REACH), lowest).minimum(highest))


def _largest(level: Tensor, reach: int) -> Tensor:
    """(B, N) -> (B, N) the largest within `reach` frames on either side."""
    return nn.functional.max_pool1d(level[:, None], 2 * reach + 1, 1, reach)[:, 0]


def _smooth(level: Tensor) -> Tensor:
    """(B, N) -> (B, N); the first and the last level go on beyond the ends."""
    side = 3 * SMOOTHING
    bell = torch.exp(-0.5 * (torch.arange(-side, side + 1, device=level.device) / SMOOTHING) ** 2)
    bell = bell / bell.sum()
    around = nn.functional.pad(level[:, None], (side, side), mode="replicate")
    if torch.compiler.is_exporting():  # a graph has no pieces, whose number depends on the length
        return nn.functional.conv1d(around, bell[None, None])[:, 0]
    # A sum of products: autocast would make a convolution coarse.
    pieces = around[:, 0].unfold(1, 2 * side + 1, 1).split(BLOCK, 1)
    return torch.cat([(part * bell).sum(-1) for part in pieces], 1)
