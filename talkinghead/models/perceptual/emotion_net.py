"""Emotion networks on pictures of a face, or on the motion of its landmarks: features, emotion, intensity.

Both ship, trained on this project's own authored expressions (`tools/train/train_emotion.py`); other networks for pictures may
be given as TorchScript. B windows, T pictures or samples of a window, S pixels a side, F numbers, D features, E emotions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError, brief
from talkinghead.files import asset
from talkinghead.head.landmark_maps import EMOTION_LANDMARKS
from talkinghead.models.motion_autoencoder import Temporal
from talkinghead.models.pretrained import load_network, save_network
from talkinghead.motion.emotions import EMOTIONS

FAINT = 0.2  # summed intensity below which an expression is labelled neutral in part


class EmotionPrediction(NamedTuple):
    """Output of an emotion network for windows of a face."""

    features: Tensor  # (B, D)
    logits: Tensor  # (B, E), in the order of EMOTIONS
    intensity: Tensor  # (B,) in [0, 1]


def emotion_labels(curve: Tensor) -> tuple[Tensor, Tensor]:
    """(..., E) curve, or its mean over a window -> (..., E) shares of EMOTIONS, whatever the intensity, and (...,) intensity.

    The share of neutral is 1 without an expression and 0 from an intensity of `FAINT` on.
    """
    felt = curve[..., 1:]
    total = felt.sum(-1, keepdim=True)
    there = (total / FAINT).clamp(0, 1)
    return torch.cat([1 - there, felt / total.clamp_min(1e-6) * there], -1), total[..., 0].clamp(0, 1)


@dataclass
class EmotionConfig:
    """Shapes of `EmotionNet`'s weights; stored beside them."""

    size: int = 64
    channels: list[int] = field(default_factory=lambda: [16, 32, 64, 96])
    width: int = 96
    dilations: list[int] = field(default_factory=lambda: [1])
    frames: int = 8
    step: int = 8


class EmotionNet(nn.Module):
    """Plane convolutions over each picture, a convolution over time, and the mean of the window.

    As the video emotion network of EMOTE (Danecek et al. 2023): features of pictures, then of the sequence. Normalised by
    groups and not by batches, so that features of a window do not depend on others.
    """

    def __init__(self, config: EmotionConfig | None = None) -> None:
        super().__init__()
        self.config = EmotionConfig() if config is None else config
        self.size, self.frames, self.step = self.config.size, self.config.frames, self.config.step
        sizes = [1, *self.config.channels]
        kernels = [5, *[3] * (len(sizes) - 2)]
        self.planes = nn.ModuleList(nn.Conv2d(a, b, k, 2, k // 2) for a, b, k in zip(sizes, sizes[1:], kernels, strict=False))
        self.norms = nn.ModuleList(nn.GroupNorm(8, channels) for channels in self.config.channels)
        side = -(-self.size // 2 ** len(self.planes))
        self.drop = nn.Dropout(0.3)
        self.gather = nn.Linear(sizes[-1] * side * side, self.config.width)
        self.times = Temporal(None, self.config.width, self.config.dilations)
        self.out = Classifier(self.config.width)

    def forward(self, pictures: Tensor) -> EmotionPrediction:
        """(B, T, S, S) grey in [0, 1], one in `step` frames at 50 a second -> the prediction for each window."""
        b, t = pictures.shape[:2]
        x = (pictures.flatten(0, 1)[:, None] - 0.5) / 0.25
        for plane, norm in zip(self.planes, self.norms, strict=True):
            x = nn.functional.relu(norm(plane(x)))
        return self.out(self.times(self.gather(self.drop(x.flatten(1))).unflatten(0, (b, t))))

    def features(self, pictures: Tensor) -> Tensor:
        """(B, T, S, S) -> (B, D)."""
        return self(pictures).features

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None) -> EmotionNet:
        """The one that ships, or one of a folder. Frozen. Raises InputError for anything that is none."""
        folder = asset("models/emotion/video") if folder is None else Path(folder)
        return load_network(cls, EmotionConfig, folder, "emotion network").requires_grad_(False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors, in float16."""
        save_network(self, self.config, Path(folder))


@dataclass
class MeshConfig:
    """What decides the shape of `MeshEmotion`'s weights; stored beside them."""

    width: int = 64
    dilations: list[int] = field(default_factory=lambda: [1, 1])
    frames: int = 16
    step: int = 4


class MeshEmotion(nn.Module):
    """The same of landmarks in mm (`emotion_map`): works on every head that names them, and costs next to nothing."""

    def __init__(self, config: MeshConfig | None = None) -> None:
        super().__init__()
        self.config = MeshConfig() if config is None else config
        self.frames, self.step = self.config.frames, self.config.step
        self.drop = nn.Dropout(0.1)
        self.times = Temporal(6 * len(EMOTION_LANDMARKS), self.config.width, self.config.dilations)
        self.out = Classifier(self.config.width)

    def forward(self, moved: Tensor) -> EmotionPrediction:
        """(B, T, F) mm, each the mean of `step` frames at 50 a second -> what is seen in each window."""
        speed = torch.diff(moved, dim=1, prepend=moved[:, :1])
        return self.out(self.times(self.drop(torch.cat([moved, speed], -1) / 3)))

    def classify(self, motion: Tensor, places: Tensor) -> EmotionPrediction:
        """The same of (B, frames * step, K) coefficients at 50 frames a second; places: `emotion_map` of their mesh."""
        return self(motion.unflatten(1, (-1, self.step)).mean(2) @ places)

    @classmethod
    def from_pretrained(cls, folder: str | Path | None = None) -> MeshEmotion:
        """The one that ships, or one of a folder. Frozen. Raises InputError for anything that is none."""
        folder = asset("models/emotion/mesh") if folder is None else Path(folder)
        return load_network(cls, MeshConfig, folder, "emotion network").requires_grad_(False)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config.json and model.safetensors, in float16."""
        save_network(self, self.config, Path(folder))


class Classifier(nn.Module):
    """(B, T, D) -> what is seen in the window: the mean over time, normalised, and two linear heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.emotion = nn.Linear(width, len(EMOTIONS))
        self.intensity = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> EmotionPrediction:
        features = self.norm(x.mean(1))
        return EmotionPrediction(features, self.emotion(features), self.intensity(features)[:, 0].sigmoid())


class ScriptedEmotion(nn.Module):
    """An emotion network in TorchScript, such as EmoNet as `emotions8.pth` of the package `fae`, with frozen weights.

    Its input is (N, 3, 256, 256) RGB in [0, 1] of cropped faces, its output expression (N, 8) logits in AffectNet's order,
    which is that of EMOTIONS, valence and arousal (N,): as a dict of these names, or as the last three of a tuple. Features of
    a window are the means of the probabilities, of valence and of arousal. It takes a second a picture and core, so windows
    have few pictures. Loading executes the TorchScript in the file (not pickle); that language has no access to files or
    the network, but load only trusted files, and mind the licence: EmoNet's is for research only.
    """

    size, frames, step = 256, 3, 20

    def __init__(self, path: str | Path, device: str | torch.device = "cpu") -> None:
        super().__init__()
        try:
            self.network = torch.jit.load(str(path), map_location=device).eval()
        except (RuntimeError, ValueError, OSError) as error:
            raise InputError(f"emotion network {path}: is no TorchScript archive ({brief(error)})") from None
        for weight in self.network.parameters():
            weight.requires_grad = False
        try:
            with torch.no_grad():
                self(torch.full((1, 1, self.size, self.size), 0.4, device=device))
        except (RuntimeError, TypeError, KeyError, IndexError, ValueError) as error:
            wanted = "(1, 3, 256, 256), RGB, and give expression (1, 8), valence and arousal"
            raise InputError(f"emotion network {path}: does not take {wanted} ({brief(error)})") from None

    def forward(self, pictures: Tensor) -> EmotionPrediction:
        """(B, T, 256, 256) grey in [0, 1] -> the prediction for each window."""
        b, t = pictures.shape[:2]
        out = self.network(pictures.flatten(0, 1)[:, None].expand(-1, 3, -1, -1))
        names = ("expression", "valence", "arousal")
        expression, valence, arousal = [out[name] for name in names] if isinstance(out, dict) else out[-3:]
        expression = expression.reshape(b, t, len(EMOTIONS)).softmax(-1)
        affect = torch.stack([valence.reshape(b, t), arousal.reshape(b, t)], -1)
        features = torch.cat([expression, affect], -1).mean(1)
        return EmotionPrediction(features, expression.mean(1).clamp_min(1e-8).log(), affect.mean(1).norm(dim=-1).clamp(0, 1))

    def features(self, pictures: Tensor) -> Tensor:
        """(B, T, 256, 256) -> (B, 10)."""
        return self(pictures).features

    def train(self, mode: bool = True) -> ScriptedEmotion:
        """Stays frozen."""
        return super().train(False)


def load_emotion_net(name: str, device: str | torch.device = "cpu") -> EmotionNet | ScriptedEmotion:
    """name: "default", which ships; a folder of `EmotionNet.save_pretrained`; or a TorchScript file (`ScriptedEmotion`)."""
    if name == "default":
        return EmotionNet.from_pretrained().to(device)
    if Path(name).is_dir():
        return EmotionNet.from_pretrained(name).to(device)
    if not Path(name).is_file():
        raise InputError(f"emotion network {name}: no such file or folder; 'default' is the one that ships")
    return ScriptedEmotion(name, device)
