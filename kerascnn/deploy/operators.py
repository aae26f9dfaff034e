"""Which operators a model file is made of, and who computes them."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kerascnn.deploy.delegates.xnnpack import xnnpack
from kerascnn.deploy.flatbuffer import read_graphs
from kerascnn.errors import need
from kerascnn.runtime.runner import named

SUMMANDS = 2.0**-10, 2.0**8  # steps of what XNNPACK adds, as multiples of the sum's: at least, and below
FLOAT16 = 10  # in ONNX' numbering of types


def tflite_operators(path: Path) -> dict[str, int]:
    """Operators of all graphs by kind, those that are not built in by their own names."""
    return _sorted(operator.custom or operator.kind for graph in read_graphs(path) for operator in graph.operators)


def foreign_operators(path: Path) -> list[str]:
    """Operators that are not built in. Those of TensorFlow itself are called ``FlexSomething``."""
    return sorted({operator.custom for graph in read_graphs(path) for operator in graph.operators if operator.custom})


def faint_sums(path: Path) -> dict[str, float]:
    """Sums and differences of integers that XNNPACK does not load, with which no file is loaded.

    By the name of the tensor, the step of an input as a multiple of the sum's, beyond ``SUMMANDS``.
    """
    least, end = SUMMANDS
    found = {}
    for operator in (operator for graph in read_graphs(path) for operator in graph.operators):
        if operator.kind in ("ADD", "SUB") and operator.outputs[0].dtype in ("int8", "uint8"):
            (total,) = operator.outputs[0].scales
            for tensor in operator.inputs:
                if tensor is not None and tensor.scales and not least <= (step := tensor.scales[0] / total) < end:
                    found[operator.outputs[0].name] = step
    return found


def onnx_operators(path: Path) -> dict[str, int]:
    """Nodes of the graph by type."""
    return _sorted(node.op_type for node in _onnx(path).graph.node)


def opset(path: Path) -> str:
    """The version of ONNX' own operators that a file is written in."""
    return str(max(entry.version for entry in _onnx(path).opset_import if entry.domain in ("", "ai.onnx")))


def onnx_arithmetic(path: Path) -> str:
    """The format of ``export`` whose arithmetic an ``.onnx`` file has: integers, as by QDQ, or weights of float16."""
    graph = _onnx(path).graph
    if any(re.search("QuantizeLinear$|^QLinear|Integer$", node.op_type) for node in graph.node):
        return "tflite-int8"
    return "tflite-fp16" if any(weight.data_type == FLOAT16 for weight in graph.initializer) else "onnx"


def onnx_steps(path: Path) -> dict[str, float]:
    """The steps of the outputs that the last operator of a file made floats of integers, by name."""
    numpy_helper = need("onnx.numpy_helper", "onnx", "Reading an .onnx file")
    graph = _onnx(path).graph
    constants = {each.name: each for each in graph.initializer}
    names = dict(zip((each.name for each in graph.output), named([each.name for each in graph.output]), strict=True))
    return {
        names[node.output[0]]: float(numpy_helper.to_array(constants[node.input[1]]).max())
        for node in graph.node
        if node.op_type == "DequantizeLinear" and node.output[0] in names and node.input[1] in constants
    }


def delegated(path: Path) -> dict[str, int]:
    """How many operators XNNPACK takes over, of how many, and in how many partitions."""
    report = xnnpack(path)
    return {"operators": report.mapped, "of": len(report.verdicts), "partitions": len(report.partitions)}


def precision(path: Path) -> str:
    """The format of ``export`` that a ``.tflite`` file is in, by the types of its constants and of what it computes."""
    operators = [operator for graph in read_graphs(path) for operator in graph.operators]
    computed = {tensor.dtype for operator in operators for tensor in operator.outputs}
    constant = {tensor.dtype for operator in operators for tensor in operator.tensors if tensor.constant}
    if "int16" in computed:
        return "tflite-int16x8"
    if computed & {"int8", "uint8"}:
        return "tflite-int8"
    return "tflite-dynamic" if "int8" in constant else "tflite-fp16" if "float16" in constant else "tflite"


def _onnx(path: Path) -> Any:
    return need("onnx", "onnx", "Reading an .onnx file").load(path, load_external_data=False)


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
