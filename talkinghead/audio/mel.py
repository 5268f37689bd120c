"""Log-mel spectrograms on the clock of the features. B batch, S samples."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME, RATE

BANDS, WINDOW, HOP = 40, 400, 160  # 25 ms every 10 ms: two columns a frame
FLOOR = 1e-4  # of power: white noise at -60 dBFS
WIDTH = 2 * BANDS  # of log-mel a frame


def log_mel(wave: Tensor) -> Tensor:
    """(B, S) samples at 16 kHz in [-1, 1] -> (B, ceil(S / 320), 80): two columns of log-mel power of 40 bands a frame."""
    frames = max(1, -(-wave.shape[1] // FRAME))
    fft = 512
    left = fft // 2 - HOP // 2  # column k is centred on sample (k + 0.5) * 160
    wave = nn.functional.pad(wave, (left, HOP * (2 * frames - 1) + fft - left - wave.shape[1]))
    window = torch.hann_window(WINDOW, device=wave.device)
    power = torch.stft(wave, fft, HOP, WINDOW, window, center=False, return_complex=True).abs().square()
    mel = _filters(fft).to(wave.device) @ power
    return (mel + FLOOR).log().transpose(1, 2).reshape(len(wave), frames, WIDTH)


def _filters(fft: int) -> Tensor:
    """(BANDS, fft / 2 + 1) triangles, evenly spaced on the mel scale of O'Shaughnessy from 60 to 7600 Hz."""
    low, high = 2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    at = np.arange(fft // 2 + 1) * RATE / fft
    rise = (at - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - at) / np.diff(edges)[1:, None]
    return torch.from_numpy(np.clip(np.minimum(rise, fall), 0, None).astype(np.float32))
