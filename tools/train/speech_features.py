"""Features of speech that lip nets read: layers of Whisper or of Moonshine, or the features of an encoder of this project.

T frames at 50 a second, row i centred on (i + 0.5) / 50 s; D features; n samples at 16 kHz. `kind` of each class says in
JSON what features they are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from whisper_teacher import Teacher

from talkinghead.audio.clock import FRAME, RATE, frame_times
from talkinghead.data.loading.feature_cache import encoded
from talkinghead.errors import InputError, brief
from talkinghead.fingerprint import weights_fingerprint
from talkinghead.models.pretrained_encoder import load_encoder
from talkinghead.models.runtime.windows import CONTEXT, WINDOW


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
        whole = _in_pieces(wave, self._layers)
        lengths = [layer.norm(dim=1) for layer in whole]
        sinks = torch.stack([length > 2 * length.median() for length in lengths]).any(0)
        return _side_by_side(whole), sinks.numpy()

    def _layers(self, wave: np.ndarray) -> list[Tensor]:
        hidden = self.teacher.hidden(wave, max(self.layers))
        return [hidden[layer - 1] for layer in self.layers]


class MoonshineLayers:
    """Layers of Moonshine (Jeffries et al. 2024) side by side, each frame of each layer with mean 0 and deviation 1.

    By the kernels (127, 7, 3) and strides (64, 3, 2) of its convolutions, frame k is centred on sample 447 + 384 k. A row lies
    between two of its frames.
    """

    FIRST, STRIDE = 447, 384  # samples
    EDGE = RATE // 10  # samples of silence before and after, so that every row has a frame on either side

    def __init__(self, name: str, layers: list[int]) -> None:
        """name: a folder of ``transformers``, or a Hub id. layers: numbers from 1 on. Raises InputError."""
        from transformers import AutoModel

        try:
            model = AutoModel.from_pretrained(name)
        except (OSError, ValueError) as error:
            raise InputError(f"--moonshine {name}: cannot be loaded ({brief(error)})") from None
        if model.config.model_type != "moonshine":
            raise InputError(f"--moonshine {name}: is of the type {model.config.model_type}")
        # The last of `hidden_states` is after a norm, and not the output of a layer.
        self.encoder, count = model.get_encoder().eval().requires_grad_(False), model.config.encoder_num_hidden_layers - 1
        if not layers or not all(1 <= layer <= count for layer in layers):
            raise InputError(f"{name}: layers {' '.join(map(str, layers))} were asked for, it has 1 to {count}")
        self.layers = layers
        self.kind = {"kind": "moonshine", "layers": layers, "fingerprint": weights_fingerprint(self.encoder)}

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """(n,) -> (n // 320, D) float16."""
        return _side_by_side(_in_pieces(wave, self._layers))

    @torch.inference_mode()
    def _layers(self, wave: np.ndarray) -> list[Tensor]:
        heard = torch.from_numpy(np.pad(wave, self.EDGE))[None]
        hidden = self.encoder(heard, output_hidden_states=True).hidden_states
        samples = frame_times(len(wave) // FRAME, RATE / FRAME) * RATE + self.EDGE
        place = torch.from_numpy((samples - self.FIRST) / self.STRIDE).float()
        before = place.long().clamp(0, hidden[0].shape[1] - 2)
        share = (place - before).clamp(0, 1)[:, None]
        normed = [F.layer_norm(hidden[layer][0], hidden[layer].shape[2:]) for layer in self.layers]
        return [one[before] * (1 - share) + one[before + 1] * share for one in normed]


class EncoderFeatures:
    """The features of a speech encoder: a folder, or "default"."""

    def __init__(self, name: str) -> None:
        self.encoder = load_encoder(name)[0].eval()
        self.kind = {"kind": "encoder", "fingerprint": self.encoder.fingerprint()}

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """(n,) -> (ceil(n / 320), D) float16."""
        return encoded(self.encoder, wave)


Features = WhisperLayers | MoonshineLayers | EncoderFeatures
LAYERS = {"whisper": [3, 4, 5], "moonshine": [4, 6]}  # those from which strangers' lips were read best


def add_sources(parser: Any) -> None:
    """The options that say where features come from; parser: an ``argparse`` parser, or a group of one."""
    parser.add_argument("--whisper", type=Path, help="Whisper base as a CTranslate2 file")
    parser.add_argument("--moonshine", help="Moonshine base: a folder of transformers, or a Hub id")
    parser.add_argument("--encoder", help="folder of a speech encoder, or default")


def features_of(kind: dict, args: argparse.Namespace) -> Features:
    """The features that nets with this `kind` were trained on, from the options of `add_sources`.

    Raises InputError if an option is missing, or names a file with other features.
    """
    source = getattr(args, kind["kind"], None)
    if source is None:
        raise InputError(f"lip nets of the features of {kind['kind']}: say where it is with --{kind['kind']}")
    found = make_features(kind["kind"], source, kind.get("layers"))
    if found.kind != kind:
        raise InputError(f"{source}: not the {kind['kind']} that the lip nets were trained on")
    return found


def make_features(kind: str, source: Any, layers: list[int] | None) -> Features:
    """Features of a source of a kind, "whisper", "moonshine" or "encoder"; layers: `LAYERS` if None. Raises InputError."""
    if kind == "encoder":
        return EncoderFeatures(str(source))
    chosen = list(layers or LAYERS[kind])
    return WhisperLayers(Path(source), chosen) if kind == "whisper" else MoonshineLayers(str(source), chosen)


def _in_pieces(wave: np.ndarray, layers: Callable[[np.ndarray], list[Tensor]]) -> list[Tensor]:
    """The layers of a whole recording, (n // 320, D) each, from pieces with sound on either side."""
    frames = len(wave) // FRAME
    pieces: list[list[Tensor]] = []
    for start in range(0, frames, WINDOW):
        first, last = max(0, start - CONTEXT), min(frames, start + WINDOW + CONTEXT)
        end = last * FRAME if last < frames else len(wave)
        heard = layers(wave[first * FRAME : end])
        pieces.append([layer[start - first : min(start + WINDOW, frames) - first] for layer in heard])
    return [torch.cat(parts) for parts in zip(*pieces, strict=True)]


def _side_by_side(layers: list[Tensor]) -> np.ndarray:
    return torch.cat([F.layer_norm(layer, layer.shape[1:]) for layer in layers], 1).half().numpy()
