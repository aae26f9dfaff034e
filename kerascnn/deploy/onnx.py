"""ONNX files. Four things that Keras draws and tf2onnx does not read are put right on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.certificate import ExportError
from kerascnn.deploy.function import inference_function
from kerascnn.deploy.order import Order
from kerascnn.errors import need

OPSET = 17  # in 18 tf2onnx no longer finds GlobalAveragePool, and a Transpose stays behind


def write_onnx(order: Order, path: Path) -> None:
    """Input (batch, H, W, C) as in Keras; inside, the one layout that ONNX has, channels before rows and columns."""
    tf2onnx = need("tf2onnx", "onnx", "Export to ONNX")
    onnx = need("onnx", "onnx", "Export to ONNX")
    from kerascnn.graph.fold import fold_batch_norm

    folded = replace(order, model=fold_batch_norm(order.model))
    function = inference_function(folded, order.types[0])
    with _inlined():
        concrete = function.get_concrete_function()
    proto, _ = tf2onnx.convert.from_function(
        function,
        function.input_signature,
        opset=OPSET,
        custom_rewriter=[_give_axes],
        custom_op_handlers={"Erfc": (_erfc, [])},
    )
    _bind(proto.graph, concrete)
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"ONNX cannot hold this network: {str(error).splitlines()[0]}.") from error
    onnx.save(proto, path)


@contextmanager
def _inlined() -> Iterator[None]:
    """Trace without inner functions: Keras wraps a grouped convolution in one that only XLA may open."""
    import tensorflow as tf

    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(eager)


def _give_axes(graph: Any, nodes: list[Any]) -> list[Any]:
    """Give scalars that are added one axis: tf2onnx stops to move transposes where it meets one that has none."""
    for node in nodes:
        if node.type not in ("Add", "AddV2"):
            continue
        for index, source in enumerate(node.inputs):
            if source.is_const() and not source.get_tensor_value(as_list=False).shape:
                value = source.get_tensor_value(as_list=False).reshape(1)
                vector = graph.make_const(f"{node.name}/vector{index}", value)
                graph.replace_input(node, node.input[index], vector.output[0], index)
    return graph.get_nodes()


def _erfc(graph: Any, node: Any, name: str, _: Any) -> None:
    """Write erfc(x), of which TensorFlow makes GELU, as 1 - erf(x)."""
    shapes, dtypes = node.output_shapes, node.output_dtypes
    graph.remove_node(name)
    erf = graph.make_node("Erf", node.input, shapes=shapes, dtypes=dtypes)
    one = graph.make_const(f"{name}/one", np.ones(1, np.float32))
    graph.make_node("Sub", [one.output[0], erf.output[0]], name=name, outputs=node.output, shapes=shapes, dtypes=dtypes)


def _bind(graph: Any, function: Any) -> None:
    """Make constants of what tf2onnx takes for inputs: tensors that a layer made before the network was traced."""
    from onnx.numpy_helper import from_array

    captured = function.captured_inputs
    for inner, value in zip(function.inputs[len(function.inputs) - len(captured) :], captured, strict=True):
        for stray in [each for each in graph.input if each.name == inner.name]:
            graph.input.remove(stray)
            graph.initializer.append(from_array(value.numpy(), inner.name))
