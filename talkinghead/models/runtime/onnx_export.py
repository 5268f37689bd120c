"""ONNX graphs of a model folder: encoder, prior and decoder, which share the weights of its model.safetensors.

Needs torch and the extra `export`. The weights stay where they are, in float16: a graph names each by its place in the file, as
external data, and casts it to float32, which ONNX Runtime does once, when it loads the graph.
"""

from __future__ import annotations

import json
import logging
import struct
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from talkinghead.audio.clock import FRAME
from talkinghead.errors import InputError
from talkinghead.files import replacing
from talkinghead.models.emotion_input import EMOTION_SIZE, MANNER_SIZE
from talkinghead.models.folder import WEIGHTS
from talkinghead.models.pretrained import load_model
from talkinghead.models.prior import emotion_input
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


class _Whole(nn.Module):
    """Sound and conditions in, motion of an annotation and log-probabilities of phonemes out."""

    def __init__(self, network: SpeechToMotion, annotation: str) -> None:
        super().__init__()
        self.network, self.annotation = network, annotation

    def forward(self, wave: Tensor, style: Tensor, template: Tensor, *emotion: Tensor) -> tuple[Tensor, ...]:
        """emotion: none, or (B, T, E) curve and (B, 3) manner."""
        features = self.network.audio.features(self.network.audio.prepared(wave))
        latent = self.network.prior(features, style, emotion_input(*emotion) if emotion else None).softmax(-1)
        motion = self.network.decode(latent, template, self.annotation)
        return (motion, self.network.phoneme_posteriors(features)) if self.network.config.phones else (motion,)


def export_graphs(folder: Path) -> list[Path]:
    """Write the graphs of a model folder into it, which run the model without torch.

    Raises InputError for a folder without a model, or for a lack of onnx.
    """
    check_libraries()
    network, _ = load_model(folder)
    config, margin = network.config, network.audio.margin
    made, places = source_fingerprint(folder), _places(folder / WEIGHTS)
    features, style = torch.randn(2, FRAMES, network.audio.width), torch.zeros(2, dtype=torch.long)
    latent = torch.rand(2, FRAMES, config.num_heads, config.categories).softmax(-1)
    template = torch.randn(2, len(config.landmarks) + 1, 3)
    condition = {"features": features, "style": style}
    condition |= {"emotion": torch.rand(2, FRAMES, EMOTION_SIZE)} if config.emotions else {}
    parts = {
        ENCODER: (_Encoder(network), {"wave": torch.randn(2, FRAMES * FRAME + margin)}, ["features"]),
        PRIOR: (_Prior(network), condition, ["logits"]),
        DECODER: (_Decoder(network), {"latent": latent, "template": template}, list(config.annotations)),
    }
    for name, (part, inputs, outputs) in parts.items():
        graph = make_graph(part, inputs, outputs)
        _share(graph, places)
        write_graph(graph, folder / name, {MADE_OF: made, "margin": str(margin)})
    return [folder / name for name in parts]


def export_whole(folder: Path, path: Path) -> None:
    """Write all of a model, but for what samples, contact and rest add, as one graph with its weights.

    Inputs: wave (B, S) samples at 16 kHz in [-1, 1]; style (B,) int64, 0 for the average; template (L + 1, 3), see
    `models.template.template_code`; for a model of emotions, emotion (B, T, E) intensities and manner (B, 3), where
    T = ceil(S / 320). Outputs: the coefficients (B, T, K) of the first annotation, and log-probabilities of phonemes (B, T, P)
    if the model knows them. The names of shapes, phonemes and styles are in the metadata. `Talker` takes sound in pieces of
    20 s; a graph does not. Raises InputError.
    """
    check_libraries()
    network, _ = load_model(folder)
    config = network.config
    annotation = next(iter(config.annotations))
    inputs = {
        "wave": torch.randn(2, FRAMES * FRAME) * 0.1,
        "style": torch.zeros(2, dtype=torch.long),
        "template": torch.randn(len(config.landmarks) + 1, 3),
    }
    if config.emotions:
        inputs |= {"emotion": torch.rand(2, FRAMES, len(config.emotions)), "manner": torch.rand(2, MANNER_SIZE)}
    graph = make_graph(_Whole(network, annotation), inputs, ["coefficients", "phonemes"][: 1 + bool(config.phones)], named=3)
    names = {"coefficients": config.annotations[annotation], "phonemes": config.phones, "styles": config.styles}
    names |= {"emotions": config.emotions, "landmarks": config.landmarks}
    write_graph(graph, path, {name: " ".join(values) for name, values in names.items()})


def check_libraries() -> None:
    """Raises InputError without the extra `export`."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ModuleNotFoundError as error:
        raise InputError(f"export-model needs {error.name}; pip install 'talkinghead[export]'") from None


def write_graph(graph: Any, path: Path, metadata: dict[str, str]) -> None:
    """Write a model of ONNX as a whole or not at all, with this metadata."""
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in the program it comes from
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=value)
    with replacing(path) as fresh:
        fresh.write_bytes(graph.SerializeToString())


def make_graph(
    part: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    lengths: tuple[str, ...] = ("wave", "features", "emotion", "latent"),
    named: int | None = None,
) -> Any:
    """The ONNX model of a module; batches, and lengths of the inputs `lengths`, are free.

    named: how many arguments of its forward are not *arguments, of one that has such.
    """
    free = torch.export.Dim.DYNAMIC
    axes = {name: {} if name == "template" and value.ndim == 2 else {0: free} for name, value in inputs.items()}
    for name in axes.keys() & set(lengths):
        axes[name][1] = free
    shapes = list(axes.values())
    # What a forward takes as *emotion or *past is one argument.
    given = shapes if named is None else [*shapes[:named], tuple(shapes[named:])]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # of operators of torchvision
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            part.eval(),
            tuple(inputs.values()),
            dynamo=True,
            dynamic_shapes=tuple(given),
            input_names=list(inputs),
            output_names=outputs,
            optimize=False,  # weights keep their names and shapes
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
    del model.graph.node[:]
    model.graph.node.extend(nodes)
