"""Which operators a model file is made of."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kerascnn.errors import need


def tflite_operators(path: Path) -> dict[str, int]:
    """Read from the file itself: an interpreter counts what its delegates made of it."""
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Reading a .tflite file")
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    model = schema.Model.GetRootAs(path.read_bytes())
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    used = [graph.Operators(index).OpcodeIndex() for graph in graphs for index in range(graph.OperatorsLength())]
    # Codes below 127 may stand in either field, later ones only in the wider.
    return _sorted(names[max(codes[index].BuiltinCode(), codes[index].DeprecatedBuiltinCode())] for index in used)


def onnx_operators(path: Path) -> dict[str, int]:
    """Nodes of the graph by type."""
    onnx = need("onnx", "onnx", "Reading an .onnx file")
    return _sorted(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)


def _sorted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())
