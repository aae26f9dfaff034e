"""TensorFlow Lite files with operators of TensorFlow's own, called Flex, computed as on a phone that brings these.

Such an operator carries the node of TensorFlow's graph that it stands for, and TensorFlow's kernels run that node. No
Python package of LiteRT has them. So a file is cut at these operators: TensorFlow runs their nodes, and LiteRT each
stretch of built-in operators between them. Inside a branch or a loop a file cannot be cut: LiteRT refuses it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from itertools import groupby
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

from kerascnn.errors import need

ALIGNMENT = 16  # bytes; TensorFlow Lite asks for it in the buffers of a model, and the object API forgets it

Values = dict[int, Any]  # by the numbers of tensors in a graph
Step = Callable[[Values], Values]


class Builder(flatbuffers.Builder):
    """Writes a flatbuffer whose arrays lie where TensorFlow Lite wants them."""

    def finish(self, root: int, identifier: bytes) -> bytes:
        self.Finish(root, identifier)
        return bytes(self.Output())

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        self.Prep(ALIGNMENT, x.nbytes)
        return super().CreateNumpyVector(x)


def is_flex(operator: str) -> bool:
    """Whether an operator of this name is TensorFlow's own."""
    return operator.startswith("Flex")


def holds_flex(interpreter: Any) -> bool:
    """Whether the file of a LiteRT interpreter, allocated or not, holds such operators."""
    return any(is_flex(operator["op_name"]) for operator in interpreter._get_ops_details())


def litert_step(interpreter: Any, inputs: Sequence[int], outputs: Sequence[int]) -> Step:
    """Run all of an interpreter's graph."""
    interpreter.allocate_tensors()

    def run(values: Values) -> Values:
        for index in inputs:  # a shape that the file leaves open is set again
            interpreter.resize_tensor_input(index, values[index].shape)
        interpreter.allocate_tensors()
        for index in inputs:
            interpreter.set_tensor(index, values[index])
        interpreter.invoke()
        return {index: interpreter.get_tensor(index) for index in outputs}

    return run


def steps(path: Path, threads: int | None) -> Iterator[Step]:
    """Cut a file into what computes it, one after the other: each adds to the values of tensors that are known.

    Raises
    ------
    Exception
        Of any class, when the file is damaged, or LiteRT or TensorFlow lacks an operator.
    """
    litert = need("ai_edge_litert.interpreter", "litert", "Running a .tflite file")
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Reading a .tflite file")
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    graph = model.subgraphs[0]

    def flex(operator: Any) -> bool:
        return is_flex((model.operatorCodes[operator.opcodeIndex].customCode or b"").decode())

    # What reads constants alone, as what unpacks weights of float16, goes with each of its readers: XNNPACK takes the
    # two for one, and leaves no tensor between them.
    moving, moved, still = {*graph.inputs}, [], []
    for operator in graph.operators:
        if flex(operator) or not moving.isdisjoint(operator.inputs):
            moved.append(operator)
            moving.update(operator.outputs)
        else:
            still.append(operator)

    def interpreter(operators: list[Any], inputs: Sequence[int], outputs: Sequence[int], **how: Any) -> Any:
        content = _part(model, still, operators, inputs, outputs)
        return litert.Interpreter(model_content=content, num_threads=threads, **how)

    fixed = sorted(_inputs(filter(flex, moved)) - moving)
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    constants = interpreter([], [], fixed, experimental_op_resolver_type=plain)
    dtypes = {tensor["index"]: tensor["dtype"] for tensor in constants.get_tensor_details()}
    yield litert_step(constants, [], fixed)
    for by_tensorflow, stretch in groupby(moved, flex):
        operators = list(stretch)
        if by_tensorflow:
            yield from (_tensorflow_step(operator, dtypes) for operator in operators)
            continue
        made = {index for operator in operators for index in operator.outputs}
        inputs = sorted(_inputs(operators) & moving - made)
        outputs = sorted(made & (_inputs(other for other in moved if other not in operators) | {*graph.outputs}))
        yield litert_step(interpreter(operators, inputs, outputs), inputs, outputs)


def _inputs(operators: Iterable[Any]) -> set[int]:
    return {index for operator in operators for index in operator.inputs}


def _part(model: Any, still: list[Any], operators: list[Any], inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
    """A file of some operators of the first graph, and of the ``still`` ones that they need.

    Tensors keep their numbers. Constants that are not used are left out.
    """
    needed = {*outputs} | _inputs(operators)
    for operator in reversed(still):
        if not needed.isdisjoint(operator.outputs):
            operators = [operator, *operators]
            needed |= {*operator.inputs}
    part, graph = copy(model), copy(model.subgraphs[0])
    graph.operators, graph.inputs, graph.outputs = operators, inputs, outputs
    part.subgraphs, part.signatureDefs, part.metadata = [graph, *model.subgraphs[1:]], None, None
    used = {graph.tensors[index].buffer for index in needed if index >= 0}
    used |= {tensor.buffer for inner in model.subgraphs[1:] for tensor in inner.tensors}  # of branches and loops
    part.buffers = [buffer if number in used else type(buffer)() for number, buffer in enumerate(model.buffers)]
    builder = Builder()
    return builder.finish(part.Pack(builder), b"TFL3")


def _tensorflow_step(operator: Any, dtypes: dict[int, Any]) -> Step:
    """Run the node that stands in the options of an operator, behind its name."""
    import tensorflow as tf

    node = tf.compat.v1.NodeDef.FromString(flexbuffers.GetRoot(bytes(operator.customOptions)).AsVector[1].AsStringBytes)
    names = [f"input_{place}" for place in range(len(operator.inputs))]
    node.name, node.input[:] = "node", names
    results = [f"node:{place}" for place in range(len(operator.outputs))]

    def compute(*tensors: Any) -> Any:
        graph = tf.compat.v1.GraphDef(node=[node])
        with tf.device("CPU"):  # as on a phone
            return tf.graph_util.import_graph_def(graph, dict(zip(names, tensors, strict=True)), results, name="")

    any_shape: Any = None
    signature = [tf.TensorSpec(any_shape, dtypes[index]) for index in operator.inputs]
    function = tf.function(compute, input_signature=signature, autograph=False).get_concrete_function()

    def run(values: Values) -> Values:
        try:
            made = function(*(tf.constant(values[index]) for index in operator.inputs))
        except tf.errors.OpError as error:
            raise RuntimeError(f"Flex{node.op}: {error.message}") from error
        return {index: tensor.numpy() for index, tensor in zip(operator.outputs, made, strict=True)}

    return run
