"""Lip-reading networks: mouth crops at 25 pictures a second in, features of each picture out.

The small one ships, trained on this project's own renders (`tools/train/train_lipreader.py`); others may be given as
TorchScript. B batch, T pictures, S pixels a side, D features, P phonemes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError, brief
from talkinghead.files import asset
from talkinghead.models.pretrained import load_network, save_network
from talkinghead.speech.phonemes import PHONES, SILENCE

FPS = 25.0  # of the pictures, as in all lip-reading sets (LRW, LRS2, LRS3, GRID)
GRAY_MEAN, GRAY_SPREAD = 0.421, 0.165  # of LRW's mouth crops; networks for LRW get inputs normalised by them
LRW_FRAMES, LRW_SIZE = 29, 88
# Phonemes that look alike (Jeffers and Barley 1971), and silence
VISEMES = {
    "silence": (SILENCE,),
    "lips shut": ("B", "M", "P"),
    "lip on teeth": ("F", "V"),
    "tongue between teeth": ("DH", "TH"),
    "rounded": ("ER", "OW", "R", "UH", "UW", "W"),
    "open to rounded": ("AW",),
    "rounded to open": ("AO", "OY"),
    "protruded": ("CH", "JH", "SH", "ZH"),
    "teeth together": ("S", "Z"),
    "spread or open": ("AA", "AE", "AH", "AY", "EH", "EY", "IH", "IY", "Y"),
    "tongue behind teeth": ("D", "L", "N", "T"),
    "back of the mouth": ("G", "HH", "K", "NG"),
}


@dataclass
class LipReaderConfig:
    """Shapes of the weights; stored beside them."""

    size: int = 88
    phones: list[str] = field(default_factory=lambda: list(PHONES))
    channels: list[int] = field(default_factory=lambda: [24, 48, 64])
    width: int = 128
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4])


class LipReader(nn.Module):
    """Spatiotemporal and plane convolutions over the pictures, dilated convolutions over time.

    The architecture of lip-reading networks (Stafylakis and Tzimiropoulos 2017; Martinez et al. 2020), much smaller. Features
    are normalised by groups and not by batches, so that those of a window do not depend on others.
    """

    frames = 16  # pictures of the windows that a loss compares

    def __init__(self, config: LipReaderConfig | None = None) -> None:
        super().__init__()
        self.config = LipReaderConfig() if config is None else config
        first, second, third = self.config.channels
        width, self.size = self.config.width, self.config.size
        self.front = nn.Conv3d(1, first, (3, 5, 5), (1, 2, 2), (1, 2, 2))
        self.norms = nn.ModuleList(nn.GroupNorm(8, channels) for channels in self.config.channels)
        self.planes = nn.ModuleList([nn.Conv2d(first, second, 3, 2, 1), nn.Conv2d(second, third, 3, 2, 1)])
        side = -(-self.size // 16)
        self.gather = nn.Linear(third * side * side, width)
        self.times = nn.ModuleList(nn.Conv1d(width, width, 3, padding=d, dilation=d) for d in self.config.dilations)
        self.time_norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(len(self.config.dilations) + 1))
        self.drop = nn.Dropout(0.2)
        self.phones = nn.Linear(width, len(self.config.phones))

    def features(self, crops: Tensor) -> Tensor:
        """(B, T, S, S) grey in [0, 1] -> (B, T, D): features of each picture and its neighbours."""
        b, t = crops.shape[:2]
        small = nn.functional.avg_pool2d(crops.flatten(0, 1)[:, None], 2).unflatten(0, (b, t)).transpose(1, 2)
        x = self.front((small - 0.5) / 0.25).transpose(1, 2).flatten(0, 1)
        x = nn.functional.relu(self.norms[0](x))
        for plane, norm in zip(self.planes, list(self.norms)[1:], strict=True):
            x = nn.functional.relu(norm(plane(x)))
        x = self.gather(self.drop(x.flatten(1))).unflatten(0, (b, t))
        for time, norm in zip(self.times, self.time_norms, strict=False):
            x = x + nn.functional.gelu(time(norm(x).transpose(1, 2)).transpose(1, 2))
        return self.time_norms[-1](x)

    def forward(self, crops: Tensor) -> Tensor:
        """(B, T, S, S) -> (B, T, P) logits of the phonemes `config.phones`."""
        return self.phones(self.drop(self.features(crops)))

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None) -> LipReader:
        """The one that ships, or one of a folder. Frozen. Raises InputError for anything that is none."""
        folder = asset("models/lipreader") if folder is None else Path(folder)
        return load_network(cls, LipReaderConfig, folder, "lip reader").requires_grad_(False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors, in float16."""
        save_network(self, self.config, Path(folder))


class ScriptedReader(nn.Module):
    """A lip-reading network in TorchScript, such as the `lrw.pth` of the package `fae`, with frozen weights.

    Its input is that of networks for LRW: 29 pictures of 88 x 88, (x - 0.421) / 0.165, one window at a time, since a traced
    network takes nothing else. Features are those of each picture where it has the parts `frontend3D` and `trunk`, else its
    output. Loading executes the TorchScript in the file (not pickle); that language has no access to files or the network,
    but load only trusted files, and mind the licence: LRW's terms allow research only.
    """

    frames, size = LRW_FRAMES, LRW_SIZE

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        super().__init__()
        try:
            self.network = torch.jit.load(str(path), map_location=device).eval()
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(f"lip reader {path}: is no TorchScript archive ({brief(error)})") from None
        for weight in self.network.parameters():
            weight.requires_grad = False
        try:
            with torch.no_grad():
                self.features(torch.full((1, LRW_FRAMES, LRW_SIZE, LRW_SIZE), 0.4, device=device))
        except (RuntimeError, TypeError) as error:
            wanted = f"{LRW_FRAMES} pictures of {LRW_SIZE} x {LRW_SIZE}"
            raise InputError(f"lip reader {path}: does not take (1, 1, 29, 88, 88), {wanted} ({brief(error)})") from None

    def features(self, crops: Tensor) -> Tensor:
        """(B, 29, 88, 88) grey in [0, 1] -> (B, 29, D) of each picture, or (B, 1, D) of the window."""
        return torch.cat([self._one(window[None, None]) for window in (crops - GRAY_MEAN) / GRAY_SPREAD])

    def _one(self, window: Tensor) -> Tensor:
        if hasattr(self.network, "frontend3D") and hasattr(self.network, "trunk"):
            planes = self.network.frontend3D(window)  # (1, C, T, H, W)
            return self.network.trunk(planes.transpose(1, 2).flatten(0, 1)).flatten(1)[None]
        out = self.network(window, torch.tensor([window.shape[2]], device=window.device))
        return out.reshape(1, -1, out.shape[-1])

    def train(self, mode: bool = True) -> ScriptedReader:
        """Stays frozen."""
        return super().train(False)


def load_lipreader(name: str, device: str | torch.device = "cpu") -> LipReader | ScriptedReader:
    """name: "default", which ships; a folder of `LipReader.save_pretrained`; or a TorchScript file (see `ScriptedReader`)."""
    if name == "default":
        return LipReader.from_pretrained().to(device)
    if Path(name).is_dir():
        return LipReader.from_pretrained(name).to(device)
    if not Path(name).is_file():
        raise InputError(f"lip reader {name}: no such file or folder; 'default' is the one that ships")
    return ScriptedReader(name, device)
