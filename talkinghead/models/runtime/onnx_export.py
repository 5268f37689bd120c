"""ONNX graphs of a model folder: encoder, prior and decoder, which share the weights of its model.safetensors.

Needs torch and the extra `export`. The weights stay where they are, in float16: a graph names each by its place in the file, as
external data, and casts it to float32, which ONNX Runtime does once, when it loads the graph.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.folder import WEIGHTS
from talkinghead.models.pretrained import load_model
from talkinghead.models.runtime.onnx_runtime import DECODER, ENCODER, MADE_OF, PRIOR, source_fingerprint
from talkinghead.models.speech_to_motion import SpeechToMotion

FRAMES = 100  # of the example that the graphs are traced with; they take any number
SMALLEST = 256  # bytes: smaller weights stay in the graph


class _Encoder(nn.Module):
    def __init__(self, network: SpeechToMotion) -> None:
        super().__init__()
        self.audio = network.audio

    def forward(self, wave: Tensor) -> Tensor:
        return self.audio.features(wave)


class _Prior(nn.Module):
    def __init__(self, network: SpeechToMotion) -> None:
        super().__init__()
        self.prior = network.prior

    def forward(self, features: Tensor, style: Tensor, emotion: Tensor | None = None) -> Tensor:
        return self.prior(features, style, emotion)


class _Decoder(nn.Module):
    def __init__(self, network: SpeechToMotion) -> None:
        super().__init__()
        self.motion = nn.ModuleDict({"decoder": network.motion.decoder})
        self.annotations = list(network.config.annotations)

    def forward(self, latent: Tensor, template: Tensor) -> tuple[Tensor, ...]:
        decoder: Any = self.motion["decoder"]
        return tuple(decoder(latent, template, annotation) for annotation in self.annotations)


def export_graphs(folder: Path) -> list[Path]:
    """Write the graphs of a model folder into it. Raises InputError for a folder without a model, or for a lack of onnx."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ModuleNotFoundError as error:
        raise InputError(f"export-model needs {error.name}; pip install 'talkinghead[export]'") from None
    network, _ = load_model(folder)
    config, margin = network.config, network.audio.margin
    latent = torch.rand(1, FRAMES, config.num_heads, config.categories).softmax(-1)
    features = torch.randn(1, FRAMES, network.audio.width)
    condition = [features, torch.zeros(1, dtype=torch.long)]
    condition += [torch.rand(1, FRAMES, EMOTION_SIZE)] if config.emotions else []
    named = ["features", "style", "emotion"][: len(condition)]
    made = source_fingerprint(folder)
    places = _places(folder / WEIGHTS)
    parts = {
        ENCODER: (_Encoder(network), [torch.randn(1, FRAMES * 320 + margin)], ["wave"], ["features"]),
        PRIOR: (_Prior(network), condition, named, ["logits"]),
        DECODER: (
            _Decoder(network),
            [latent, torch.randn(1, len(config.landmarks) + 1, 3)],
            ["latent", "template"],
            list(config.annotations),
        ),
    }
    out = []
    for name, (part, example, inputs, outputs) in parts.items():
        graph = _graph(part.eval(), example, inputs, outputs)
        _share(graph, places)
        for key, value in ((MADE_OF, made), ("margin", str(margin))):
            graph.metadata_props.add(key=key, value=value)
        with replacing(folder / name) as fresh:
            fresh.write_bytes(graph.SerializeToString())
        out.append(folder / name)
    return out


def _graph(part: nn.Module, example: list[Tensor], inputs: list[str], outputs: list[str]) -> Any:
    """The ONNX model of a module; the second dimension of wave, features, emotion and latent is free."""
    free = {"wave": "samples", "features": "frames", "emotion": "frames", "latent": "frames"}
    axes = [{1: torch.export.Dim.DYNAMIC} if name in free else None for name in inputs]
    with torch.inference_mode():
        program = torch.onnx.export(
            part,
            tuple(example),
            dynamo=True,
            dynamic_shapes=tuple(axes),
            input_names=inputs,
            output_names=outputs,
            optimize=False,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _places(path: Path) -> dict[str, tuple[int, int, list[int]]]:
    """Where each tensor of a safetensors file is: first byte, number of bytes, shape. F16 only."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F16":
            first, last = entry["data_offsets"]
            found[name] = 8 + size + first, last - first, entry["shape"]
    return found


def _share(model: Any, places: dict[str, tuple[int, int, list[int]]]) -> None:
    """Replace, in place, each large weight of a graph by its place in the file, and a cast to float32."""
    from onnx import TensorProto, helper

    casts, kept = [], []
    for weight in model.graph.initializer:
        first, size, shape = places.get(weight.name, (0, 0, None))
        if size < SMALLEST:
            kept.append(weight)
            continue
        assert list(weight.dims) == shape, weight.name
        half = TensorProto(name=f"{weight.name}.half", data_type=TensorProto.FLOAT16, dims=shape)
        half.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", first), ("length", size)):
            half.external_data.add(key=key, value=str(value))
        casts.append(helper.make_node("Cast", [half.name], [weight.name], to=TensorProto.FLOAT))
        kept.append(half)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    for node in nodes:
        del node.metadata_props[:]  # where in the program it comes from
    del model.graph.node[:]
    model.graph.node.extend(nodes)
