"""Speech encoder: a wav2vec 2.0 (or HuBERT, WavLM) from ``transformers`` on this project's frame clock."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME
from talkinghead.audio.waveform import Waveform
from talkinghead.errors import InputError
from talkinghead.fingerprint import fingerprint, weights_fingerprint
from talkinghead.models.causal.level import LevelState, first_state, follow_level
from talkinghead.models.input_level import normalise_level
from talkinghead.models.runtime.positions import PERIOD, rates
from talkinghead.models.runtime.windows import encoded_windows, stream_features

POSITIONS = 1500  # a training window of an encoder with sinusoidal positions begins at any of them
UNSEEN = -1e4  # added to what attention gives to features that it is not to see


class AudioEncoder(nn.Module):
    """Features of speech, 50 a second, feature i centred on (i + 0.5) / 50 s.

    `config` is a ``transformers`` configuration as a plain dict (``model_type`` chooses wav2vec2, hubert or wavlm). Two keys
    are ours. ``position_embeddings_type: sinusoidal`` adds the sines of Vaswani et al. 2017 where wav2vec 2.0 has a
    convolution, because transformer layers that were trained on them cannot do without. ``feature_layers: [3, 4, 5]``
    concatenates the outputs of these transformer layers, each through a layer norm of its own; 0 is the input of the first
    layer. Layers after the last of them are left out, and so is a layer norm after all layers. Without this key a feature is
    the last hidden state. Raises InputError for a configuration that makes no encoder.

    An encoder that streams has two more: ``left_context: 64``, how many features before a feature each transformer layer sees,
    and ``right_context: [1, 1, 0, 0, 0]``, how many each layer sees after it. It follows the level of what it has heard
    (`causal.level`), and its positions repeat after PERIOD features, so that it runs for any time.
    """

    def __init__(self, config: dict) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        settings = dict(config)
        self.config = AutoConfig.for_model(settings.pop("model_type", "wav2vec2"), **settings)
        if prod(self.config.conv_stride) != FRAME:
            raise InputError(f"audio encoder: conv_stride multiplies to {prod(self.config.conv_stride)}, needs {FRAME}")
        self.model = AutoModel.from_config(self.config)
        self.causal = is_causal(config)
        if getattr(self.config, "position_embeddings_type", None) == "sinusoidal":
            self.model.encoder.pos_conv_embed = Sinusoids(self.config.hidden_size, self.causal)
        self.feature_layers: list[int] = _feature_layers(self.config)
        self.right_context = _right_context(self.config) if self.causal else []
        self.norms = nn.ModuleList(nn.LayerNorm(self.config.hidden_size) for _ in self.feature_layers)
        if self.feature_layers:
            self.model.encoder.layers = self.model.encoder.layers[: max(self.feature_layers)]
            if getattr(self.config, "do_stable_layer_norm", False):
                self.model.encoder.layer_norm = nn.Identity()
        # What one feature of the convolutions sees beyond a frame, in samples, is padded half on either side: that centres
        # feature i on sample (i + 0.5) * 320.
        self.margin = receptive_field(self.config.conv_kernel, self.config.conv_stride) - FRAME

    @property
    def width(self) -> int:
        """D, the size of one feature."""
        return self.config.hidden_size * max(1, len(self.feature_layers))

    def fingerprint(self) -> str:
        """16 hex digits of the weights, and of which layers the features are made of."""
        weights = weights_fingerprint(self)
        return fingerprint([weights, self.feature_layers]) if self.feature_layers else weights

    def forward(self, wave: Tensor) -> Tensor:
        """(B, S) samples at 16 kHz in [-1, 1] -> (B, ceil(S / 320), D); any length, in pieces beyond 20 s."""
        wave = self.prepared(wave)
        frames = (wave.shape[1] - self.margin) // FRAME
        pieces = [
            self.features(wave[:, first * FRAME : last * FRAME + self.margin])[:, inner]
            for first, last, inner in encoded_windows(frames, self.context)
        ]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=1)

    def stream(self, recording: Waveform) -> Iterator[np.ndarray]:
        """Features (n, D) float32 of a recording of any length, in blocks that follow each other: those of `forward`."""
        if self.causal:  # its level has to be followed from the beginning
            return iter(self._whole(recording.samples(0, len(recording))))
        return stream_features(recording, self._encode, self.margin)

    @torch.inference_mode()
    def _whole(self, wave: np.ndarray) -> list[np.ndarray]:
        return [self(torch.from_numpy(wave)[None].to(next(self.parameters()).device))[0].cpu().numpy()]

    @property
    def context(self) -> int | None:
        """Features on either side with which pieces of a long recording are encoded; None for as many as usual."""
        return self.config.left_context * len(self.right_context) if self.causal else None

    @torch.inference_mode()
    def _encode(self, wave: np.ndarray) -> np.ndarray:
        heard = torch.from_numpy(wave)[None].to(next(self.parameters()).device)
        return self.features(heard)[0].cpu().numpy()

    def features(self, wave: Tensor) -> Tensor:
        """(B, T * 320 + margin) prepared samples -> (B, T, D)."""
        if not self.feature_layers:
            return self.model(wave).last_hidden_state
        hidden = self._hidden(wave) if self.causal else self.model(wave, output_hidden_states=True).hidden_states
        return torch.cat([norm(hidden[layer]) for norm, layer in zip(self.norms, self.feature_layers, strict=True)], -1)

    def prepared(self, wave: Tensor) -> Tensor:
        """(B, S) -> (B, ceil(S / 320) * 320 + margin): at unit level, padded so that features are centred on their frames."""
        frames, side = max(1, -(-wave.shape[1] // FRAME)), self.margin // 2
        if self.causal:
            wave = nn.functional.pad(wave, (0, frames * FRAME - wave.shape[1]))
            heard, _ = follow_level(wave, LevelState(*(part.to(wave.device) for part in first_state(len(wave)))))
            return nn.functional.pad(heard, (side, self.margin - side))
        return nn.functional.pad(normalise_level(wave), (side, self.margin - side + frames * FRAME - wave.shape[1]))

    def front(self, wave: Tensor) -> Tensor:
        """(B, T * 320 + margin) prepared samples -> (B, T, W) what enters the transformer, without positions."""
        return self.model.feature_projection(self.model.feature_extractor(wave).transpose(1, 2))[0]

    def _hidden(self, wave: Tensor) -> list[Tensor]:
        """As the hidden states of ``transformers``, of a causal encoder: each feature sees some on either side."""
        hidden = self.front(wave)
        hidden = hidden + self.model.encoder.pos_conv_embed(hidden)
        place = torch.arange(hidden.shape[1], device=hidden.device)
        ahead = place[None] - place[:, None]  # of the key before the query
        out = [hidden]
        for layer, right in zip(self.model.encoder.layers, self.right_context, strict=False):
            seen = (ahead <= right) & (ahead >= -self.config.left_context)
            hidden = layer(hidden, attention_mask=torch.where(seen, 0.0, UNSEEN)[None, None])
            out.append(hidden)
        return out


class Sinusoids(nn.Module):
    """Positions of (B, T, D) hidden features as sines and cosines, (1, T, D).

    In training a window begins at a random position, so that features do not tell what time it is. periodic: see `rates`.
    """

    rates: Tensor

    def __init__(self, width: int, periodic: bool = False) -> None:
        super().__init__()
        self.last = PERIOD if periodic else POSITIONS
        self.register_buffer("rates", torch.from_numpy(rates(width, periodic)).float(), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        start = torch.randint(max(1, self.last - hidden.shape[1]), ()) if self.training else 0
        angles = (start + torch.arange(hidden.shape[1], device=hidden.device))[:, None] * self.rates
        return torch.cat([angles.sin(), angles.cos()], 1)[None].to(hidden.dtype)


def _feature_layers(config: Any) -> list[int]:
    """`feature_layers` of an encoder's configuration, empty without the key. Raises InputError."""
    layers, last = getattr(config, "feature_layers", None), config.num_hidden_layers
    if layers is None:
        return []
    if not isinstance(layers, list) or not layers or any(type(i) is not int or not 0 <= i <= last for i in layers):
        raise InputError(f"audio encoder: feature_layers is {layers!r}, needs a list of layers from 0 to {last}")
    return layers


def _right_context(config: Any) -> list[int]:
    """`right_context` of an encoder's configuration. Raises InputError."""
    right, layers = getattr(config, "right_context", None), config.num_hidden_layers
    if not isinstance(right, list) or len(right) != layers or any(type(n) is not int or n < 0 for n in right):
        raise InputError(f"audio encoder: right_context is {right!r}, needs a list of {layers} numbers of features")
    if not _feature_layers(config) or getattr(config, "position_embeddings_type", None) != "sinusoidal":
        raise InputError("audio encoder: one with left_context needs feature_layers and sinusoidal positions")
    return right


def is_causal(config: dict) -> bool:
    """Whether the configuration is that of an encoder that sees a bounded time ahead."""
    return config.get("left_context") is not None


def receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Samples that one output of a stack of convolutions sees."""
    return 1 + sum((kernel - 1) * prod(strides[:i]) for i, kernel in enumerate(kernels))
