"""The graph of a step for browsers: its matrices of 8 bits become float32 once, when it is loaded. Needs onnx.

Products with weights of 8 bits are slow in WebAssembly: a second of sound takes 1.8 s of a core, and 0.5 s in float32. The file
is as small as before, as the weights in it stay whole numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from talkinghead.errors import InputError
from talkinghead.models.runtime.onnx_runtime import MADE_OF

PRODUCT = "MatMulNBits"
ZERO = 128  # the whole number that stands for 0 where a product names none


def write_web_graph(source: Path, path: Path, made_of: str) -> None:
    """Write the graph of `source`. made_of: fingerprint of the config that lies beside it. Raises InputError without onnx."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise InputError("export-model --web needs onnx; pip install onnx") from None
    model = onnx.load(source)
    _in_floats(model.graph)
    for entry in model.metadata_props:
        if entry.key == MADE_OF:
            entry.value = made_of
    path.write_bytes(model.SerializeToString())


def _in_floats(graph: Any) -> None:
    """Replace, in place, each product with a matrix of 8 bits by a product with what its numbers stand for."""
    from onnx import TensorProto, helper, numpy_helper

    stored = {weight.name: weight for weight in graph.initializer}
    nodes, made = [], dict[str, str]()

    def constant(name: str, values: np.ndarray) -> str:
        if name not in stored:
            stored[name] = numpy_helper.from_array(values, name)
        return name

    for node in graph.node:
        if node.op_type != PRODUCT:
            nodes.append(node)
            continue
        about = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
        rows, columns, size = about["N"], about["K"], about["block_size"]
        given, packed, scales, *others = node.input
        if about["bits"] != 8 or any(others):
            raise InputError("export-model --web: the graph has matrices of other than 8 bits with a scale for each block")
        if packed not in made:
            whole = numpy_helper.to_array(stored[packed]).reshape(rows, -1, size).astype(np.int16) - ZERO
            scale = numpy_helper.to_array(stored[scales]).reshape(rows, -1, 1).astype(np.float32)
            names = [f"{packed}.{step}" for step in ("whole", "scale", "float", "scaled", "wide", "matrix", "transposed")]
            kept, by, plain, scaled, wide, matrix, made[packed] = names
            constant(kept, whole.astype(np.int8))
            constant(by, scale)
            shape = constant(f"shape.{rows}.{whole[0].size}", np.array([rows, whole[0].size]))
            first, last, axis = (constant(f"number.{n}", np.array([n])) for n in (0, columns, 1))
            nodes += [
                helper.make_node("Cast", [kept], [plain], to=TensorProto.FLOAT),
                helper.make_node("Mul", [plain, by], [scaled]),
                helper.make_node("Reshape", [scaled, shape], [wide]),
                helper.make_node("Slice", [wide, first, last, axis], [matrix]),  # the last block may be longer than the matrix
                helper.make_node("Transpose", [matrix], [made[packed]], perm=[1, 0]),
            ]
        nodes.append(helper.make_node("MatMul", [given, made[packed]], node.output))
    used = {name for node in nodes for name in node.input}
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(weight for name, weight in stored.items() if name in used)
    graph.node.extend(nodes)
