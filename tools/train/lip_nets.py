"""Small nets from features of speech to the mouth: weights of shapes, lip aperture and lip width.

B batch, T frames at 50 a second, D features (see `speech_features`), K shapes of `LipNetsConfig.shapes` on the default head.
A net's output is (..., K + 2): weights less their mean, then aperture and width less their means in units of `SPREAD`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.head.head import Head
from talkinghead.head.landmarks import INNER_LIPS
from talkinghead.losses.geometry import gap
from talkinghead.models.pretrained import load_network

SPREAD = (3.0, 2.0)  # mm, about the deviation of aperture and of width in speech
WIDTH = 0.5  # weight of errors of width beside those of aperture
CORNERS = ("lip_corner_left", "lip_corner_right")


def mouth_shapes() -> list[str]:
    """ARKit's shapes of jaw and mouth that film shows: all but jawForward."""
    return [name for name in Head.default().names if name.startswith(("jaw", "mouth")) and name != "jawForward"]


@dataclass
class LipNetsConfig:
    """What config.json of a folder of nets has."""

    features: dict[str, Any]  # `kind` of the features, see `speech_features`
    shapes: list[str]
    inputs: int  # D
    nets: int = 1
    width: int = 128
    kernel: int = 5
    dilations: list[int] = field(default_factory=lambda: [1, 2, 4, 8])
    dropout: float = 0.4


class LipNet(nn.Module):
    """Dilated convolutions with residuals: (B, T, D) standardised features -> (B, T, K + 2)."""

    def __init__(self, config: LipNetsConfig) -> None:
        super().__init__()
        width, kernel = config.width, config.kernel
        self.enter = nn.Sequential(nn.Conv1d(config.inputs, width, 1), nn.GELU(), nn.Dropout(config.dropout))
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=(kernel - 1) * step // 2, dilation=step) for step in config.dilations
        )
        self.dropout = nn.Dropout(config.dropout / 2)
        self.leave = nn.Conv1d(width, len(config.shapes) + 2, 1)

    def forward(self, features: Tensor) -> Tensor:
        hidden = self.enter(features.transpose(1, 2))
        for layer in self.layers:
            hidden = hidden + self.dropout(nn.functional.gelu(layer(hidden)))
        return self.leave(hidden).transpose(1, 2)


class LipNets(nn.Module):
    """Nets of several seeds, whose outputs are averaged, and the statistics of what they were trained on."""

    mean: Tensor
    sd: Tensor
    shape_means: Tensor
    lip_means: Tensor

    def __init__(self, config: LipNetsConfig) -> None:
        super().__init__()
        self.config = config
        self.nets = nn.ModuleList(LipNet(config) for _ in range(config.nets))
        for name, size in (
            ("mean", config.inputs),
            ("sd", config.inputs),
            ("shape_means", len(config.shapes)),
            ("lip_means", 2),
        ):
            self.register_buffer(name, torch.zeros(size))  # of features, of weights, and of aperture and width in mm

    def outputs(self, standardised: Tensor) -> Tensor:
        """(B, T, D) standardised features -> (B, T, K + 2), mean of the nets."""
        return torch.stack([net(standardised) for net in self.nets]).mean(0)

    @torch.inference_mode()
    def forward(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(T, D) features -> (T, K) weights in [0, 1], and (T, 2) aperture and width in mm."""
        given = torch.from_numpy(np.asarray(features, np.float32))
        out = self.outputs(((given - self.mean) / self.sd)[None])[0]
        weights = (out[:, :-2] + self.shape_means).clamp(0, 1)
        return weights.numpy(), (out[:, -2:] * torch.tensor(SPREAD) + self.lip_means).numpy()


class LipGeometry:
    """How (K,) shapes move the lips of the default head, in mm."""

    def __init__(self, shapes: list[str]) -> None:
        head = Head.default()
        rows = [head.index(name) for name in shapes]
        (self.opens, self.gap), (self.widens, self.corners) = (
            (moved[rows], rest) for moved, rest in (gap(head, *INNER_LIPS), gap(head, *CORNERS))
        )

    def lips(self, weights: Tensor) -> Tensor:
        """(..., K) weights -> (..., 2) aperture and width in mm, as `Animation.lip_aperture` and `lip_width`."""
        opening, corners = weights @ self.opens + self.gap, weights @ self.widens + self.corners
        return torch.stack([opening.norm(dim=-1) * (opening[..., 1] > 0), corners.norm(dim=-1)], -1)

    def error(self, difference: Tensor) -> Tensor:
        """(B, T, K + 2) difference of two outputs -> mean squared error of the lips, once by the weights and once direct."""
        weights, direct = difference[..., :-2], difference[..., -2:]
        opening = (weights @ self.opens)[..., 1] / SPREAD[0]
        width = (weights @ self.widens)[..., 0] / SPREAD[1]
        apertures = opening.square().mean() + direct[..., 0].square().mean()
        return apertures + WIDTH * (width.square().mean() + direct[..., 1].square().mean())


def load_nets(folder: Path) -> LipNets:
    """The nets that `train_lip_nets.py` wrote. Raises InputError for a folder that has none."""
    return load_network(LipNets, LipNetsConfig, folder, "lip nets").requires_grad_(False)
