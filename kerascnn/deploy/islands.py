"""Layers that stay float32 in a file of integers, by their Keras names."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from kerascnn.deploy.certificate import ExportError
from kerascnn.deploy.order import Order
from kerascnn.errors import need, suggest

if TYPE_CHECKING:
    import keras


def named(model: "keras.Model", patterns: Iterable[str]) -> frozenset[str]:
    """The names of layers, those of inner models too, that match a shell pattern.

    Raises
    ------
    ValueError
        When a pattern matches none.
    """
    names = {layer.name for layer in model._flatten_layers(include_self=False)}
    chosen: set[str] = set()
    for pattern in patterns:
        found = {name for name in names if fnmatchcase(name, pattern)}
        if not found:
            raise ValueError(f"No layer of {model.name!r} is named {pattern!r}. {suggest(pattern, names)}".rstrip())
        chosen |= found
    return frozenset(chosen)


def with_islands(converter: Any, order: Order) -> bytes:
    """Quantise all but the operators that came of ``order.float_layers``, and convert between both where they meet.

    Raises
    ------
    ExportError
        When no operator came of these layers: they are merged into others, or do nothing at inference.
    """
    import tensorflow as tf

    options = tf.lite.experimental.QuantizationDebugOptions
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=options(fully_quantize=True),
    )
    nodes = list(outputs_of(debugger.calibrated_model, order))
    if not nodes:
        raise ExportError(f"no operator comes of the layers that shall stay float, {', '.join(order.float_layers)}")
    debugger.options = options(denylisted_nodes=nodes, fully_quantize=True)
    return debugger.get_nondebug_quantized_model()


def outputs_of(content: bytes, order: Order) -> Iterator[str]:
    """Names of the tensors that come out of the operators that were made of ``order.float_layers``.

    An operator is named after its output, or else after its constants, which equal ones of several layers may share.
    The output of the graph has a name of its own; it comes of the last layer.
    """
    schema = need("ai_edge_litert.schema_py_generated", "litert", "Reading a .tflite file")
    graph = schema.Model.GetRootAs(content).Subgraphs(0)
    layers = {layer.name for layer in order.model._flatten_layers(include_self=False)}
    last = last_layer(order.model).name

    def name(index: int) -> str:
        return graph.Tensors(index).Name().decode()

    made = {index for i in range(graph.OperatorsLength()) for index in graph.Operators(i).OutputsAsNumpy()}
    for i in range(graph.OperatorsLength()):
        operator = graph.Operators(i)
        output = operator.Outputs(0)
        constants = [int(x) for x in operator.InputsAsNumpy() if x >= 0 and x not in made and x != graph.Inputs(0)]
        sources = layers_in(name(output), layers) or layers_in(";".join(map(name, constants)), layers)
        if output == graph.Outputs(0):
            sources = sources | {last}
        if sources & order.float_layers:
            yield name(output)


def last_layer(model: "keras.Model") -> "keras.Layer":
    """The layer that makes the output, of an inner model where one does."""
    import keras

    layer = model.outputs[0]._keras_history.operation
    return last_layer(layer) if isinstance(layer, keras.Model) else layer


def layers_in(tensor: str, layers: set[str]) -> set[str]:
    """The layers that a tensor is named after: ``net_1/stem-conv_1/add;net_1/stem-norm_1/mul`` after two."""
    parts = re.split("[/;]", tensor)
    once = [re.sub(r"_\d+$", "", part) for part in parts]  # TensorFlow counts the calls of a layer
    return {short if short in layers else part for short, part in zip(once, parts, strict=True)} & layers
