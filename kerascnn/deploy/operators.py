"""Which operators a model file is made of."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kerascnn.deploy.flatbuffer import read_graphs
from kerascnn.errors import need


def tflite_operators(path: Path) -> dict[str, int]:
    """Operators of all graphs by kind."""
    return _sorted(operator.kind for graph in read_graphs(path) for operator in graph.operators)


def onnx_operators(path: Path) -> dict[str, int]:
    """Nodes of the graph by type."""
    onnx = need("onnx", "onnx", "Reading an .onnx file")
    return _sorted(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
