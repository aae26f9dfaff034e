"""What XNNPACK, the CPU's fast kernels, takes of a file: asked of LiteRT, which puts a node in a partition's place."""

from contextlib import nullcontext, suppress
from pathlib import Path

from kerascnn.deploy.delegates.report import Report, Verdict
from kerascnn.deploy.flatbuffer import Graph, read_graphs
from kerascnn.errors import need
from kerascnn.runtime import quiet
from kerascnn.runtime.flex import holds_flex, is_flex

PLAIN = "it runs on LiteRT's plain kernels"
FLEX = "it runs on TensorFlow's kernels, where the app brings them"


def xnnpack(path: Path) -> Report:
    """Load a file and see which operators XNNPACK runs.

    Raises
    ------
    ValueError
        When it is no .tflite file, or LiteRT cannot load it.
    """
    graph = read_graphs(path)[0]
    litert = need("ai_edge_litert.interpreter", "litert", "Loading a .tflite file")
    try:
        with quiet():
            interpreter = litert.Interpreter(model_path=str(path))
            # XNNPACK takes its partitions before TensorFlow's own operators are missed.
            with suppress(RuntimeError) if holds_flex(interpreter) else nullcontext():
                interpreter.allocate_tensors()
            nodes = [node for node in interpreter._get_ops_details() if node["op_name"] == "DELEGATE"]
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"LiteRT cannot load {path}: {str(error).splitlines()[0]}") from error
    found = [behind(graph, set(node["inputs"].tolist()), set(node["outputs"].tolist())) for node in nodes]
    taken = {index for partition in found for index in partition}
    verdicts = tuple(
        Verdict(op, op.index in taken, "" if op.index in taken else FLEX if is_flex(op.custom) else PLAIN)
        for op in graph.operators
    )
    return Report("xnnpack", verdicts, tuple(found))


def behind(graph: Graph, inputs: set[int], outputs: set[int]) -> tuple[int, ...]:
    """The operators that make tensors ``outputs`` of tensors ``inputs``, both by number."""
    made_by = {tensor.index: operator for operator in graph.operators for tensor in operator.outputs}
    found: set[int] = set()
    todo = list(outputs)
    while todo:
        operator = made_by.get(todo.pop())
        if operator is None or operator.index in found:
            continue
        found.add(operator.index)
        todo += [t.index for t in operator.inputs if t is not None and t.index not in inputs]
    return tuple(sorted(found))
