"""ONNX files. What tf2onnx does not read, or reads in pieces, is put right on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.deploy.request import ExportRequest, inference_function
from kerascnn.deploy.verification import ExportError
from kerascnn.errors import need

SUMS = ("Add", "AddV2", "BiasAdd")
OPSET = 17  # in 18 tf2onnx no longer finds GlobalAveragePool, and a Transpose stays behind


def write_onnx(request: ExportRequest, path: Path) -> None:
    """Input (batch, H, W, C) as in Keras; inside, the one layout that ONNX has, channels before rows and columns."""
    tf2onnx = need("tf2onnx", "onnx", "Export to ONNX")
    onnx = need("onnx", "onnx", "Export to ONNX")
    function = inference_function(request, request.types[0])
    with _inlined():
        concrete = function.get_concrete_function()
    with _fewer_transposes():
        proto, _ = tf2onnx.convert.from_function(
            function,
            function.input_signature,
            opset=OPSET,
            custom_rewriter=[_hard_activations, _give_axes, _split_sums],
            custom_op_handlers={"Erfc": (_erfc, [])},
        )
    _bind(proto.graph, concrete)
    _separate_pads(proto.graph)
    _rename_rounding(proto.graph)
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise ExportError(f"ONNX cannot hold this network: {str(error).splitlines()[0]}.") from error
    onnx.save(proto, path)


@contextmanager
def _fewer_transposes() -> Iterator[None]:
    """Teach tf2onnx to move a Transpose through a few operators more, until it meets another and both are gone.

    An Einsum, which attention is made of, stays one operator: in pieces it is five or six Transposes.
    """
    from tf2onnx import optimizer

    class Mover(optimizer.TransposeOptimizer):
        def _initialize_handlers(self) -> None:
            super()._initialize_handlers()
            self._handler_map |= {
                "Div": self._handle_node_having_branches,
                "Pow": self._handle_node_having_branches,
                "HardSigmoid": self._simple_through_handler,
                "HardSwish": self._simple_through_handler,
                "Gather": self._gather,
            }

        def post_optimize_action(self) -> None:
            """Make Reshapes of Transposes of one pixel only once none moves any more: two Reshapes do not cancel."""
            if not self.graph_been_opt:
                super().post_optimize_action()

        def _gather(self, trans: Any, node: Any) -> bool:
            axis = node.get_attr_value("axis", 0)
            if node.input[0] != trans.output[0] or len(node.output_shapes[0] or []) != 4:
                return False
            moved = self._switch_transpose_and_node(node, trans)
            if moved:
                node.set_attr("axis", trans.get_attr_value("perm")[axis])
            return moved

    before = dict(optimizer._optimizers)
    optimizer._optimizers["optimize_transpose"] = Mover
    del optimizer._optimizers["einsum_optimizer"]
    try:
        yield
    finally:
        optimizer._optimizers.clear()
        optimizer._optimizers.update(before)


def _separate_pads(graph: Any) -> None:
    """Say of each MaxPool behind a Pad that it pads nothing itself.

    onnxruntime merges both where that is not said, and then pads with minus infinity instead of zeros.
    """
    padded = {output for node in graph.node if node.op_type == "Pad" for output in node.output}
    for node in graph.node:
        if node.op_type == "MaxPool" and node.input[0] in padded:
            _set(node, pads=None, auto_pad="VALID")


def _rename_rounding(graph: Any) -> None:
    """Write the nearest pixel of TensorFlow without the name that ONNX has given up since operator set 13."""
    for node in graph.node:
        modes = {each.name: each.s for each in node.attribute}
        if node.op_type == "Resize" and modes.get("coordinate_transformation_mode") == b"tf_half_pixel_for_nn":
            _set(node, coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil")


def _set(node: Any, **attributes: Any) -> None:
    """Give a node these attributes, and take away those that are None."""
    from onnx.helper import make_attribute

    kept = [each for each in node.attribute if each.name not in attributes]
    del node.attribute[:]
    node.attribute.extend([*kept, *(make_attribute(k, v) for k, v in attributes.items() if v is not None)])


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


def _hard_activations(graph: Any, nodes: list[Any]) -> list[Any]:
    """Write x relu6(x + 3) / 6 as one HardSwish, and relu6(x + 3) / 6 as one HardSigmoid.

    onnxruntime computes both in a convolution before them, and what they are made of in another layout than that.
    """
    for relu in [node for node in nodes if node.type == "Relu6"]:
        if (x := _three_less(graph, relu.inputs[0])) is None:
            continue
        for sigmoid in graph.find_output_consumers(relu.output[0]):
            if not (_is(sigmoid, ("Mul",), relu.output[0], 1 / 6) or _is(sigmoid, ("RealDiv",), relu.output[0], 6)):
                continue
            for product in graph.find_output_consumers(sigmoid.output[0]):
                if product.type == "Mul" and x in product.input:
                    _draw(graph, product, "HardSwish", x)
            _draw(graph, sigmoid, "HardSigmoid", x, alpha=1 / 6, beta=0.5)
    return graph.get_nodes()


def _three_less(graph: Any, total: Any) -> str | None:
    """The tensor to which a node adds 3; TensorFlow adds that to a constant before it, such as the bias of a layer."""
    if total.type not in SUMS:
        return None
    for source in total.input:
        if _is(total, SUMS, source, 3):
            return source
        for other in graph.find_output_consumers(source):
            if other is not total and _is(total, SUMS, source, 3, _beside(other, SUMS, source)):
                return other.output[0]
    return None


def _is(node: Any, types: tuple[str, ...], x: str, value: float, more: Any = 0) -> bool:
    """Whether a node computes something of ``x`` and a constant, and that is ``value`` throughout, beyond ``more``."""
    constant = _beside(node, types, x)
    return constant is not None and more is not None and np.allclose(constant - more, value)


def _beside(node: Any, types: tuple[str, ...], x: str) -> Any:
    """The constant that a node of one of these types takes beside ``x``, or None."""
    others = [each for name, each in zip(node.input, node.inputs, strict=True) if name != x]
    if node.type not in types or len(others) != 1 or not others[0].is_const():
        return None
    return others[0].get_tensor_value(as_list=False)


def _draw(graph: Any, node: Any, kind: str, x: str, **attributes: float) -> None:
    """Put a node of ONNX' own, of one input, in the place of another."""
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    graph.remove_node(node.name)
    how = {"shapes": shapes, "dtypes": dtypes, "attr": attributes}
    graph.make_node(kind, [x], name=node.name, outputs=outputs, **how)


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


def _split_sums(graph: Any, nodes: list[Any]) -> list[Any]:
    """Draw as a sum what Keras adds as a bias, and is none: maps of one pixel, and a constant behind a bias.

    tf2onnx gives a Conv both biases where it may have one, and moves no Transpose through maps drawn as vectors.
    """
    for node in [*nodes]:  # the graph's own list, which every sum makes shorter
        if node.type not in ("BiasAdd", "Conv2D"):
            continue
        *inputs, vector = node.input
        shapes, dtypes, outputs, attributes = node.output_shapes, node.output_dtypes, node.output, node.attr
        source = graph.get_node_by_output(vector)
        before = (graph.get_shape(source.input[0]) or []) if source.type == "Squeeze" else []
        one_pixel = len(before) == len(shapes[0]) and before[-1] == shapes[0][-1]
        if not one_pixel and len(node.input) < 4:
            continue
        graph.remove_node(node.name)
        how = {"shapes": shapes, "dtypes": dtypes, "skip_conversion": False}
        if node.type == "Conv2D":
            inputs = graph.make_node("Conv2D", inputs, attr=attributes, **how).output
        summands = [inputs[0], source.input[0] if one_pixel else vector]
        graph.make_node("AddV2", summands, name=node.name, outputs=outputs, **how)
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
