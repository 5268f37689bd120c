"""The level at which an encoder hears a recording. B batch, S samples at 16 kHz, N frames of 20 ms, levels in dB of full scale.

With one gain for a whole recording, lips hardly move for a second speaker who is 20 dB softer. The gain therefore follows a
running level: the loudest frame near by, within bounds, smoothed. The numbers were set by hand on uneven recordings, on steady
noise and on pauses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME
from talkinghead.audio.waveform import Waveform

# Frames on either side.
REACH = 25  # 0.5 s: the loudest frame in it is the level, so that pauses between words do not raise the gain
NOISE_REACH = 60  # 1.2 s: the faintest frame in it is the noise; speech has a pause as often
SMOOTHING = 15  # 0.3 s, standard deviation of the Gaussian that smooths the level: gain changes slower than syllables
BLOCK = 3000  # frames at a time whose surroundings are laid out in memory
# Decibels.
SPEECH_OVER_NOISE = 22.0  # the level is at least so far above the noise: steady noise is not amplified like speech
SPAN = 32.0  # the level is at most so far below the loudest frame of the recording: what is fainter is no second speaker
CREST = 1.5  # of the loudest frame of a second over the RMS of its speech, which is brought to 1
# Amplitude, full scale 1.
SILENCE_RMS = 1e-3  # -60 dBFS: quieter input is not amplified up to speech level


def normalise_level(wave: Tensor) -> Tensor:
    """(B, S) -> (B, S) with zero mean and speech at about unit RMS, as wav2vec 2.0 expects; silence stays silent."""
    wave = wave - wave.mean(dim=1, keepdim=True)
    return wave / _upsampled(speech_rms(frame_level(wave)))[:, : wave.shape[1]]


class LevelTrack:
    """What `normalise_level` has to know of a whole recording, so that any part of it can then be normalised alone."""

    def __init__(self, recording: Waveform) -> None:
        self.recording = recording
        self.mean = torch.tensor(recording.mean(lambda block: float(torch.from_numpy(block).mean())), dtype=torch.float32)
        levels = [frame_level(torch.from_numpy(block)[None] - self.mean) for block in recording.blocks()]
        self.rms = speech_rms(torch.cat(levels, 1))

    def part(self, start: int, stop: int) -> Tensor:
        """(1, stop - start) samples of `normalise_level`; 0 before the first and after the last."""
        first, last = max(0, start), min(stop, len(self.recording))
        lowest = max(0, first // FRAME - 1)  # a gain lies between those of two frames
        gain = _upsampled(self.rms[:, lowest : last // FRAME + 2])[:, first - lowest * FRAME : last - lowest * FRAME]
        heard = (torch.from_numpy(self.recording.samples(first, last))[None] - self.mean) / gain
        return nn.functional.pad(heard, (first - start, stop - last))


def frame_level(wave: Tensor) -> Tensor:
    """(B, S) of zero mean -> (B, N) levels."""
    energy = nn.functional.avg_pool1d(wave.square()[:, None], FRAME, ceil_mode=True)[:, 0]
    return 10 * torch.log10(energy.clamp_min(1e-12))


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
    # A sum of products: autocast would make a convolution coarse.
    side = 3 * SMOOTHING
    bell = torch.exp(-0.5 * (torch.arange(-side, side + 1, device=level.device) / SMOOTHING) ** 2)
    around = nn.functional.pad(level[:, None], (side, side), mode="replicate")[:, 0].unfold(1, 2 * side + 1, 1)
    return torch.cat([(part * (bell / bell.sum())).sum(-1) for part in around.split(BLOCK, 1)], 1)
