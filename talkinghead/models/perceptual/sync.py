"""Audio-visual sync: two small networks that embed sound and lips in one space, after SyncNet.

B batch, S samples, T frames at 50 a second, E embedding, P phonemes.

Chung and Zisserman 2016 ("Out of time") compare sound with pictures of a mouth; here lips are four landmarks in mm relative to
the head, so that any mesh with these landmarks fits, and a loss has a gradient. The sound is log-mel, not the features of the
model that is trained or measured. A second head reads phonemes off the lips.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from talkinghead.audio.mel import WIDTH
from talkinghead.files import asset
from talkinghead.head.landmark_maps import LIP_LANDMARKS
from talkinghead.models.motion_autoencoder import Temporal
from talkinghead.models.pretrained import load_network, save_network
from talkinghead.speech.phonemes import PHONES

NAMES = ("loss", "metric")  # one for losses, one for metrics: a metric must not be what was trained on


@dataclass
class SyncConfig:
    """Shapes of the weights."""

    phones: list[str] = field(default_factory=lambda: list(PHONES))
    width: int = 64
    embedding: int = 64
    dilations: list[int] = field(default_factory=lambda: [1, 1, 2])  # sees 8 frames to either side: 0.34 s


class SyncNet(nn.Module):
    """Embeddings of lips and of sound, of length 1, and phonemes read off lips."""

    def __init__(self, config: SyncConfig) -> None:
        super().__init__()
        self.config = config
        self.lips = Temporal(6 * len(LIP_LANDMARKS), config.width, config.dilations)
        self.sound = Temporal(WIDTH, config.width, config.dilations)
        self.lips_out = nn.Linear(config.width, config.embedding)
        self.sound_out = nn.Linear(config.width, config.embedding)
        self.phones = nn.Sequential(nn.GELU(), nn.Linear(config.width, len(config.phones)))
        self.sharpness = nn.Parameter(torch.tensor(2.0))  # log of the factor of cosines

    def forward(self, lips: Tensor, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, 12) mm and (B, T, 80) log-mel -> (B, T, E) of the lips, (B, T, E) of the sound, (B, T, P) logits."""
        embedded, logits = self.encode_visual(lips)
        return embedded, self.encode_audio(mel), logits

    def encode_visual(self, lips: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 12) mm -> (B, T, E) and (B, T, P)."""
        speed = torch.diff(lips, dim=1, prepend=lips[:, :1])
        hidden = self.lips(torch.cat([lips / 5, speed], -1))
        return nn.functional.normalize(self.lips_out(hidden), dim=-1), self.phones(hidden)

    def encode_audio(self, mel: Tensor) -> Tensor:
        """(B, T, 80) -> (B, T, E). The mean over time, which is room and microphone, is subtracted."""
        return nn.functional.normalize(self.sound_out(self.sound((mel - mel.mean(1, keepdim=True)) / 2)), dim=-1)

    @classmethod
    def from_pretrained(cls, name: str = "loss", folder: Path | None = None) -> SyncNet:
        """One of the two that ship (`NAMES`), or of a folder of tools/train/train_sync.py; frozen. Raises InputError."""
        folder = folder or asset("models/sync")
        return load_network(cls, SyncConfig, folder, "sync network", f"{name}.safetensors").requires_grad_(False)

    def save_pretrained(self, folder: Path, name: str) -> None:
        """Write config.json and NAME.safetensors in float16."""
        save_network(self, self.config, folder, f"{name}.safetensors")
