"""The level at which an encoder hears a recording. B batch, S samples at 16 kHz, N frames of 20 ms, levels in dB of full scale.

With one gain for a whole recording, lips hardly move for a second speaker who is 20 dB softer. The gain therefore follows a
running level: the loudest frame near by, within bounds, smoothed. The numbers were set by hand on uneven recordings, on steady
noise and on pauses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME

# Frames on either side.
REACH = 25  # 0.5 s: the loudest frame in it is the level, so that pauses between words do not raise the gain
NOISE_REACH = 60  # 1.2 s: the faintest frame in it is the noise; speech has a pause as often
SMOOTHING = 15  # 0.3 s, standard deviation of the Gaussian that smooths the level: gain changes slower than syllables
# Decibels.
SPEECH_OVER_NOISE = 22.0  # the level is at least so far above the noise: steady noise is not amplified like speech
SPAN = 32.0  # the level is at most so far below the loudest frame of the recording: what is fainter is no second speaker
CREST = 1.5  # of the loudest frame of a second over the RMS of its speech, which is brought to 1
# Amplitude, full scale 1.
SILENCE_RMS = 1e-3  # -60 dBFS: quieter input is not amplified up to speech level


def normalise_level(wave: Tensor) -> Tensor:
    """(B, S) -> (B, S) with zero mean and speech at about unit RMS, as wav2vec 2.0 expects; silence stays silent."""
    wave = wave - wave.mean(dim=1, keepdim=True)
    rms = (10 ** ((running_level(wave) - CREST) / 20)).clamp_min(SILENCE_RMS)
    return wave / nn.functional.interpolate(rms[:, None], scale_factor=FRAME, mode="linear")[:, 0, : wave.shape[1]]


def running_level(wave: Tensor) -> Tensor:
    """(B, S) of zero mean -> (B, N) level of the speech around each frame."""
    energy = nn.functional.avg_pool1d(wave.square()[:, None], FRAME, ceil_mode=True)[:, 0]
    level = 10 * torch.log10(energy.clamp_min(1e-12))
    highest, noise = level.amax(1, keepdim=True), -_largest(-level, NOISE_REACH)
    lowest = torch.maximum(highest - SPAN, noise + SPEECH_OVER_NOISE)
    return _smooth(torch.maximum(_largest(level, REACH), lowest).minimum(highest))


def _largest(level: Tensor, reach: int) -> Tensor:
    """(B, N) -> (B, N) the largest within `reach` frames on either side."""
    return nn.functional.max_pool1d(level[:, None], 2 * reach + 1, 1, reach)[:, 0]


def _smooth(level: Tensor) -> Tensor:
    """(B, N) -> (B, N); the first and the last level go on beyond the ends."""
    # A sum of products: autocast would make a convolution coarse.
    side = 3 * SMOOTHING
    bell = torch.exp(-0.5 * (torch.arange(-side, side + 1, device=level.device) / SMOOTHING) ** 2)
    around = nn.functional.pad(level[:, None], (side, side), mode="replicate")[:, 0].unfold(1, 2 * side + 1, 1)
    return (around * (bell / bell.sum())).sum(-1)
