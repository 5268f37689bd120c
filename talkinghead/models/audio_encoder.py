"""Speech encoder: a wav2vec 2.0 (or HuBERT, WavLM) from ``transformers`` on this project's frame clock."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

RATE = 16000
FRAME = 320  # samples per feature: wav2vec 2.0's strides multiply to 320, so 50 features a second
FPS = RATE / FRAME
RECEPTIVE = 400  # samples one feature of the convolutional front end sees
WINDOW, CONTEXT = 1000, 100  # features: long audio is encoded in 20 s pieces with 2 s of context on either side
SILENCE_RMS = 1e-3  # -60 dBFS: quieter input is not amplified up to speech level


class AudioEncoder(nn.Module):
    """Features of speech, 50 a second, feature i centred on (i + 0.5) / 50 s.

    `config` is a ``transformers`` configuration as a plain dict (``model_type`` chooses wav2vec2, hubert or wavlm).
    """

    def __init__(self, config: dict) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        settings = dict(config)
        self.config = AutoConfig.for_model(settings.pop("model_type", "wav2vec2"), **settings)
        if prod(self.config.conv_stride) != FRAME:
            raise ValueError(f"audio encoder: conv_stride multiplies to {prod(self.config.conv_stride)}, needs {FRAME}")
        self.model = AutoModel.from_config(self.config)

    @property
    def width(self) -> int:
        """D, the size of one feature."""
        return self.config.hidden_size

    def forward(self, wave: Tensor) -> Tensor:
        """(B, S) samples at 16 kHz in [-1, 1] -> (B, ceil(S / 320), D); any length, in pieces beyond 20 s."""
        frames = max(1, -(-wave.shape[1] // FRAME))
        wave = _normalise(wave)
        # Padding by half of what the receptive field exceeds a frame centres feature i on sample (i + 0.5) * 320.
        side = (RECEPTIVE - FRAME) // 2
        wave = nn.functional.pad(wave, (side, side + frames * FRAME - wave.shape[1]))
        if frames <= WINDOW + 2 * CONTEXT:
            return self.model(wave).last_hidden_state
        pieces = []
        for start in range(0, frames, WINDOW):
            first, last = max(0, start - CONTEXT), min(frames, start + WINDOW + CONTEXT)
            features = self.model(wave[:, first * FRAME : last * FRAME + 2 * side]).last_hidden_state
            pieces.append(features[:, start - first : min(start + WINDOW, frames) - first])
        return torch.cat(pieces, dim=1)


def _normalise(wave: Tensor) -> Tensor:
    """Zero mean and unit RMS, as wav2vec 2.0 expects, with a floor so that silence stays silent."""
    wave = wave - wave.mean(dim=1, keepdim=True)
    rms = wave.square().mean(dim=1, keepdim=True).sqrt()
    return wave / rms.clamp_min(SILENCE_RMS)
