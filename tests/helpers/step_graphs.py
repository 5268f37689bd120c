"""A model folder whose step is a graph of a few operators: it is made in milliseconds, hears loudness and tells phonemes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

FRAME, UNITS, DELAY, ENCODER_DELAY = 320, 12, 4, 2
BLOCK = 16  # weights that have one scale


def write_step_folder(folder: Path) -> Path:
    """A streaming model: phonemes and motion are functions of a memory of the sound, which fades."""
    from onnx import TensorProto, helper, numpy_helper

    from talkinghead.head.head import Head
    from talkinghead.models.config import ModelConfig
    from talkinghead.models.emotion_input import EMOTION_SIZE
    from talkinghead.models.runtime.onnx_runtime import MADE_OF
    from talkinghead.models.runtime.streaming import step_fingerprint
    from talkinghead.motion.emotions import EMOTIONS
    from talkinghead.speech.phonemes import PHONES

    folder.mkdir()
    names, rng = list(Head.default().names), np.random.default_rng(1)
    config = ModelConfig(
        annotations={"arkit": names},
        styles=["a", "b"],
        landmarks=["lip_upper_inner", "lip_lower_inner"],
        phones=list(PHONES),
        emotions=list(EMOTIONS),
        prior_lookahead=1,
        decoder_lookahead=1,
        authored_emotions=True,
    )
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    taken = rng.standard_normal((FRAME, UNITS)).astype(np.float32)
    told = rng.standard_normal((UNITS, len(PHONES))) * 4
    told[:, PHONES.index("SIL")] = 0
    hushed = np.zeros(len(PHONES))
    hushed[PHONES.index("SIL")] = 6
    weights = {
        "taken": taken,
        "fades": np.float32(0.7),
        "told": told,
        "hushed": hushed,
        "moved": rng.integers(0, 256, (len(names), 1, BLOCK), np.uint8),
        "scales": np.full((len(names), 1), 0.005),
        "felt": rng.standard_normal((EMOTION_SIZE, len(names))) * 0.2,
        "styled": np.float32(0.1),
        "placed": rng.standard_normal((4, UNITS)) * 0.1,
        "axes": np.array([1]),
        "framed": np.array([1, -1, FRAME]),
        "last": np.array(-1),
        "faced": np.float32(0.01),
    }
    products = {"K": UNITS, "N": len(names), "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
    node, whole = helper.make_node, TensorProto.FLOAT
    nodes = [
        node("Reshape", ["sound", "framed"], ["frames"]),
        node("MatMul", ["frames", "taken"], ["new"]),
        node("MatMul", ["positions", "placed"], ["place"]),
        node("Mul", ["new", "place"], ["turned"]),  # what is heard depends on where it is in the stream
        node("Add", ["new", "turned"], ["heard"]),
        node("Mul", ["past.memory", "fades"], ["faded"]),
        node("Unsqueeze", ["faded", "axes"], ["old"]),
        node("Add", ["old", "heard"], ["sum"]),
        node("Tanh", ["sum"], ["now"]),
        node("Gather", ["now", "last"], ["next.memory"], axis=1),
        node("MatMul", ["now", "told"], ["marks"]),
        node("Add", ["marks", "hushed"], ["logits"]),
        node("Softmax", ["logits"], ["posteriors"], axis=-1),
        node("MatMulNBits", ["now", "moved", "scales"], ["neutral"], domain="com.microsoft", **products),
        node("MatMul", ["emotion", "felt"], ["change"]),
        node("Cast", ["style"], ["who"], to=whole),
        node("Mul", ["who", "styled"], ["manner"]),
        node("ReduceMean", ["template"], ["face"], keepdims=0),
        node("Mul", ["face", "faced"], ["shift"]),
        node("Add", ["neutral", "manner"], ["styled.neutral"]),
        node("Add", ["styled.neutral", "shift"], ["without"]),
        node("Add", ["without", "change"], ["with"]),
        node("Unsqueeze", ["without", "axes"], ["one"]),
        node("Unsqueeze", ["with", "axes"], ["other"]),
        node("Concat", ["one", "other"], ["motion"], axis=1),
    ]
    given = {"sound": [1, "S"], "emotion": [1, "N", EMOTION_SIZE], "positions": [1, "N", 4], "template": [1, 3, 3]}
    inputs = [helper.make_tensor_value_info(name, whole, shape) for name, shape in given.items()]
    inputs[2:2] = [helper.make_tensor_value_info("row", TensorProto.INT64, [1])]
    inputs[4:4] = [helper.make_tensor_value_info("style", TensorProto.INT64, [1])]
    inputs.append(helper.make_tensor_value_info("past.memory", whole, [1, UNITS]))
    outputs = [
        helper.make_tensor_value_info(name, whole, shape)
        for name, shape in {
            "posteriors": [1, "N", len(PHONES)],
            "motion": [1, 2, "N", len(names)],
            "next.memory": [1, UNITS],
        }.items()
    ]
    kept = [
        numpy_helper.from_array(np.asarray(v, np.float32 if np.asarray(v).dtype.kind == "f" else None), k)
        for k, v in weights.items()
    ]
    known = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(nodes, "step", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=known, ir_version=9)
    about = {MADE_OF: step_fingerprint(folder), "first": json.dumps({"memory": {"shape": [UNITS], "fill": [0.0]}})}
    about |= {"encoder_delay": str(ENCODER_DELAY), "delay": str(DELAY), "margin": "880"}
    for key, value in about.items():
        model.metadata_props.add(key=key, value=value)
    (folder / "step.onnx").write_bytes(model.SerializeToString())
    return folder
