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
from talkinghead.models.runtime.streaming import STEP
from talkinghead.models.speech_to_motion import SpeechToMotion
from talkinghead.models.streaming_step import StreamStep

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
    _check_libraries()
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
        graph = _graph(part, inputs, outputs)
        _share(graph, places)
        _write(graph, folder / name, {MADE_OF: made, "margin": str(margin)})
    written = [folder / name for name in parts]
    return [*written, _export_step(network, folder, made, places)] if config.streams else written


def _export_step(network: SpeechToMotion, folder: Path, made: str, places: dict[str, tuple[int, int, list[int]]]) -> Path:
    """Write the graph of a step of a streaming model, see `models.streaming_step` and `runtime.streaming`."""
    step, batch, frames = StreamStep(network), 2, 3
    first = step.first()
    inputs = {
        "sound": torch.randn(batch, frames * FRAME) * 0.1,
        "emotion": torch.rand(batch, frames, EMOTION_SIZE),
        "row": torch.tensor([70, 90]),
        "positions": torch.randn(batch, frames, network.audio.config.hidden_size),
        "style": torch.zeros(batch, dtype=torch.long),
        "template": torch.randn(batch, len(network.config.landmarks) + 1, 3),
    } | {f"past.{name}": value.repeat(batch, *[1] * (value.ndim - 1)) for name, value in first.items()}
    graph = _graph(
        step, inputs, ["posteriors", "motion", *(f"next.{name}" for name in first)], ("sound", "emotion", "positions")
    )
    _share(graph, places)
    begins = {name: {"shape": list(value.shape[1:]), "fill": _fill(value)} for name, value in first.items()}
    about = {"encoder_delay": step.encoder_delay, "delay": step.delay, "margin": network.audio.margin}
    metadata = {MADE_OF: made, "first": json.dumps(begins)} | {name: str(value) for name, value in about.items()}
    _write(graph, folder / STEP, metadata)
    return folder / STEP


def _fill(value: Tensor) -> list[float]:
    """The last row of a tensor whose rows are all alike, or its one number."""
    row = value.flatten(0, -2)[0]
    return [row[0].item()] if bool((row == row[0]).all()) else row.tolist()


def export_whole(folder: Path, path: Path) -> None:
    """Write all of a model, but for what samples, contact and rest add, as one graph with its weights.

    Inputs: wave (B, S) samples at 16 kHz in [-1, 1]; style (B,) int64, 0 for the average; template (L + 1, 3), see
    `models.template.template_code`; for a model of emotions, emotion (B, T, E) intensities and manner (B, 3), where
    T = ceil(S / 320). Outputs: the coefficients (B, T, K) of the first annotation, and log-probabilities of phonemes (B, T, P)
    if the model knows them. The names of shapes, phonemes and styles are in the metadata. `Talker` takes sound in pieces of
    20 s; a graph does not. Raises InputError.
    """
    _check_libraries()
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
    graph = _graph(_Whole(network, annotation), inputs, ["coefficients", "phonemes"][: 1 + bool(config.phones)])
    names = {"coefficients": config.annotations[annotation], "phonemes": config.phones, "styles": config.styles}
    names |= {"emotions": config.emotions, "landmarks": config.landmarks}
    _write(graph, path, {name: " ".join(values) for name, values in names.items()})


def _check_libraries() -> None:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ModuleNotFoundError as error:
        raise InputError(f"export-model needs {error.name}; pip install 'talkinghead[export]'") from None


def _write(graph: Any, path: Path, metadata: dict[str, str]) -> None:
    for node in graph.graph.node:
        del node.metadata_props[:]  # where in the program it comes from
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=value)
    with replacing(path) as fresh:
        fresh.write_bytes(graph.SerializeToString())


def _graph(
    part: nn.Module,
    inputs: dict[str, Tensor],
    outputs: list[str],
    lengths: tuple[str, ...] = ("wave", "features", "emotion", "latent"),
) -> Any:
    """The ONNX model of a module; batches, and lengths of the inputs `lengths`, are free."""
    free = torch.export.Dim.DYNAMIC
    axes = {name: {} if name == "template" and value.ndim == 2 else {0: free} for name, value in inputs.items()}
    for name in axes.keys() & set(lengths):
        axes[name][1] = free
    shapes = list(axes.values())
    # What a forward takes as *emotion or *past is one argument.
    named = {_Whole: 3, StreamStep: 6}.get(type(part), len(shapes))
    given = [*shapes[:named], tuple(shapes[named:])] if type(part) in (_Whole, StreamStep) else shapes
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
