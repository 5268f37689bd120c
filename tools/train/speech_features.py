"""Features of speech that lip nets read: layers of Whisper, or the features of a speech encoder of this project.

T frames at 50 a second, row i centred on (i + 0.5) / 50 s; D features; n samples at 16 kHz. `kind` of both classes says in
JSON what features they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from whisper_teacher import Teacher

from talkinghead.audio.clock import FRAME
from talkinghead.data.loading.feature_cache import encoded
from talkinghead.errors import InputError
from talkinghead.fingerprint import weights_fingerprint
from talkinghead.models.audio_encoder import CONTEXT, WINDOW
from talkinghead.models.pretrained_encoder import load_encoder


class WhisperLayers:
    """Layers of Whisper side by side, each frame of each layer with mean 0 and deviation 1."""

    def __init__(self, path: Path, layers: list[int]) -> None:
        """layers: numbers from 1 on. Raises InputError for layers that Whisper has not."""
        self.teacher, self.layers = Teacher(path), layers
        count = len(self.teacher.encoder.layers)
        if not layers or not all(1 <= layer <= count for layer in layers):
            raise InputError(f"{path}: layers {' '.join(map(str, layers))} were asked for, it has 1 to {count}")
        self.kind = {"kind": "whisper", "layers": layers, "fingerprint": weights_fingerprint(self.teacher.encoder)}

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """(n,) -> (n // 320, D) float16."""
        return self.with_sinks(wave)[0]

    def with_sinks(self, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) -> (T, D) float16, and (T,) whether a frame is an attention sink of a layer.

        One frame in fifty of Whisper's carries none of the sound and is ten times as long as the others.
        """
        frames = len(wave) // FRAME
        pieces: list[list[Tensor]] = []
        for start in range(0, frames, WINDOW):
            first, last = max(0, start - CONTEXT), min(frames, start + WINDOW + CONTEXT)
            end = last * FRAME if last < frames else len(wave)
            hidden = self.teacher.hidden(wave[first * FRAME : end], max(self.layers))
            pieces.append([hidden[layer - 1][start - first : min(start + WINDOW, frames) - first] for layer in self.layers])
        whole = [torch.cat(parts) for parts in zip(*pieces, strict=True)]
        lengths = [layer.norm(dim=1) for layer in whole]
        sinks = torch.stack([length > 2 * length.median() for length in lengths]).any(0)
        return torch.cat([F.layer_norm(layer, layer.shape[1:]) for layer in whole], 1).half().numpy(), sinks.numpy()


class EncoderFeatures:
    """The features of a speech encoder: a folder, or "default"."""

    def __init__(self, name: str) -> None:
        self.encoder = load_encoder(name)[0].eval()
        self.kind = {"kind": "encoder", "fingerprint": self.encoder.fingerprint()}

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """(n,) -> (ceil(n / 320), D) float16."""
        return encoded(self.encoder, wave)


def features_of(kind: dict, whisper: Path | None, encoder: str | None) -> WhisperLayers | EncoderFeatures:
    """The features that nets with this `kind` were trained on. Raises InputError if they are not those of the files named."""
    source = {"whisper": whisper, "encoder": encoder}.get(kind["kind"])
    if source is None:
        raise InputError(f"lip nets of the features of {kind['kind']}: say where it is with --{kind['kind']}")
    found = WhisperLayers(Path(source), list(kind["layers"])) if kind["kind"] == "whisper" else EncoderFeatures(str(source))
    if found.kind != kind:
        raise InputError(f"{source}: not the {kind['kind']} that the lip nets were trained on")
    return found
