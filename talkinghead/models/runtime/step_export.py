"""The ONNX graph of a step of a streaming model, which has its weights in it in 8 bits. Needs torch and the extra `export`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from talkinghead.audio.clock import FRAME
from talkinghead.errors import InputError
from talkinghead.models.causal.step import StreamStep
from talkinghead.models.emotion_input import EMOTION_SIZE
from talkinghead.models.pretrained import load_model
from talkinghead.models.runtime.onnx_export import check_libraries, make_graph, write_graph
from talkinghead.models.runtime.onnx_runtime import MADE_OF, source_fingerprint
from talkinghead.models.runtime.streaming import STEP

BLOCKS = (256, 128, 64)  # weights of a row of a matrix that have one scale: the most of which the row is a multiple


def export_step(folder: Path) -> Path:
    """Write the graph of a step of the streaming model in a folder into it, see `models.causal.step` for what it takes.

    Inputs: those of `StreamStep.forward` by name, and `past.NAME` for all that is kept; outputs: posteriors, motion and
    `next.NAME`. The metadata has the delays, and in `first` shape and content of what is kept before a stream begins. Raises
    InputError for a folder without a streaming model, or for a lack of onnx.
    """
    check_libraries()
    network, _ = load_model(folder)
    if not network.config.streams or network.phones is None:
        raise InputError(f"model {folder}: sees all of a recording, or knows no phonemes; it does not stream")
    step, batch, frames = StreamStep(network), 2, 3
    first = step.first()
    inputs = {
        "sound": torch.randn(batch, frames * FRAME) * 0.1,
        "emotion": torch.rand(batch, frames, EMOTION_SIZE),
        "row": torch.tensor([70, 90]),
        "positions": torch.randn(batch, frames, network.audio.config.hidden_size),
        "style": torch.zeros(batch, dtype=torch.long),
        "template": torch.randn(batch, len(network.config.landmarks) + 1, 3),
    }
    named, outputs = len(inputs), ["posteriors", "motion", *(f"next.{name}" for name in first)]
    inputs |= {f"past.{name}": value.repeat(batch, *[1] * (value.ndim - 1)) for name, value in first.items()}
    graph = make_graph(step, inputs, outputs, ("sound", "emotion", "positions"), named)
    begins = {name: {"shape": list(value.shape[1:]), "fill": _fill(value)} for name, value in first.items()}
    about = {"encoder_delay": step.encoder_delay, "delay": step.delay, "margin": network.audio.margin}
    metadata = {MADE_OF: source_fingerprint(folder), "first": json.dumps(begins)}
    write_graph(_in_8_bits(graph), folder / STEP, metadata | {name: str(value) for name, value in about.items()})
    return folder / STEP


def _in_8_bits(graph: Any) -> Any:
    """A graph whose matrices are whole numbers of 8 bits in it, with a scale for each of BLOCKS.

    A step of one stream takes as long as its weights take to come from memory. Products of ten streams with blocks of 256 take
    0.8 of the time that they take with blocks of 64, and are as exact: what activations are rounded to has more effect.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal
    # Matrices are transposed, and made float32, once: only then they are constants of products.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with TemporaryDirectory() as temporary:
        given, flat = Path(temporary) / STEP, Path(temporary) / "flat.onnx"
        given.write_bytes(graph.SerializeToString())
        options.optimized_model_filepath = str(flat)
        onnxruntime.InferenceSession(str(given), options, providers=["CPUExecutionProvider"])
        whole = onnx.load(flat)
    del whole.metadata_props[:]
    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    constants = {weight.name: weight.dims for weight in whole.graph.initializer}
    products = [node for node in whole.graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    sizes = {node.name: _block(constants[node.input[1]][0]) for node in products}
    for size in sorted(set(sizes.values())):
        others = [name for name, own in sizes.items() if own != size]
        # accuracy_level 4: products of 8 bits are added in 32.
        quantizer = MatMulNBitsQuantizer(
            whole, bits=8, block_size=size, is_symmetric=True, accuracy_level=4, nodes_to_exclude=others
        )
        quantizer.process()
        whole = quantizer.model.model
    return whole


def _block(count: int) -> int:
    """Weights of a row of `count` that have one scale."""
    return next((size for size in BLOCKS if count % size == 0), BLOCKS[-1])


def _fill(value: Tensor) -> list[float]:
    """The last row of a tensor whose rows are all alike, or its one number."""
    row = value.flatten(0, -2)[0]
    return [row[0].item()] if bool((row == row[0]).all()) else row.tolist()
