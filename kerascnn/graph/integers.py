"""What LiteRT computes in bytes one by one, drawn as a depthwise convolution, for which it has a fast kernel."""

from collections.abc import Callable
from math import prod
from typing import Any

import keras
import numpy as np
from keras import activations
from keras import layers as L

from kerascnn.graph.equality import held_equal
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.lower import norms_alone
from kerascnn.graph.rewrite import Rule, drawn, redraw
from kerascnn.graph.wide_kernels import TAPS
from kerascnn.layers.same_padding import same_border

FUSING = (L.Conv2D, L.DepthwiseConv2D, L.Dense, L.Add, L.Subtract, L.Multiply)  # with an activation of these after it:
FUSED = (activations.relu, activations.relu6)
FOLDED = (*FUSING, L.BatchNormalization)  # which is a part of the convolution before it


def in_fast_kernels(model: keras.Model) -> keras.Model:
    """A new model that computes what ``model`` does, without what XNNPACK has no kernel for in bytes.

    Averages over windows within the map and ReLUs that no operator before them takes in become depthwise convolutions
    of ones, as do batch norms beside no convolution, but those before an activation that stays an operator.
    """
    new = redraw(redraw(model, norms), slow)
    return new if is_fake_quantised(model) else held_equal(new, model)


def norms(graph: Graph) -> Callable[[Any], Rule | None]:
    """The rules of norms alone, but for those before SiLU and its like, whose channels were seen to lose by it."""
    rule = norms_alone(graph)
    kept = set()
    for call in graph.calls:
        after = [sink.operation for sink in graph.private_consumers(call.outputs[0])]
        if any(type(layer) is L.Activation and not is_fusible(layer) for layer in after):
            kept.add(call.operation.name)
    return lambda layer: None if layer.name in kept else rule(layer)


def slow(graph: Graph) -> Callable[[Any], Rule | None]:
    """The rules of one graph. A tuned network has learned how an average rounds, and keeps it."""
    tuned = is_fake_quantised(graph.model)
    calls = {call.operation.name: call for call in graph.calls if graph.uses[call.operation] == 1 and on_map(call)}
    taken_in = fused_away(graph, FOLDED).values()
    rules: dict[str, Rule] = {}
    for name, call in calls.items():
        if averages_within(call.operation, call.inputs[0].shape):
            rules |= {} if tuned else {name: averaged}
        elif is_fusible(call.operation) and name not in taken_in:
            rules[name] = rectified
    return lambda layer: rules.get(layer.name)


def on_map(call: Call) -> bool:
    return len(call.inputs) == 1 and len(call.inputs[0].shape) == 4


def averages_within(layer: Any, shape: Any) -> bool:
    """Whether a layer averages windows that all lie within the map: at its border it would divide by fewer pixels."""
    if type(layer) is not L.AveragePooling2D or layer.data_format != "channels_last":
        return False
    if prod(layer.pool_size) > TAPS or len({*layer.strides}) > 1:
        return False
    each = zip(shape[1:3], layer.pool_size, layer.strides, strict=True)
    return layer.padding == "valid" or all(side and same_border(side, *how) == (0, 0) for side, *how in each)


def averaged(layer: Any, name: str, x: Any) -> Any:
    kernel = np.full((*layer.pool_size, x.shape[-1], 1), 1 / prod(layer.pool_size))
    conv = L.DepthwiseConv2D(layer.pool_size, layer.strides, use_bias=False, trainable=False, name=name)
    return drawn(conv, [kernel], x)


def rectified(layer: Any, name: str, x: Any) -> Any:
    conv = L.DepthwiseConv2D(1, use_bias=False, trainable=False, activation=layer.activation, name=name)
    return drawn(conv, [np.ones((1, 1, x.shape[-1], 1))], x)


def is_fusible(layer: Any) -> bool:
    """Whether this is an activation that an operator takes in."""
    return type(layer) is L.Activation and layer.activation in FUSED


def fused_away(graph: Graph, fusing: tuple[type, ...] = FUSING) -> dict[str, str]:
    """Operations whose output an activation takes, because both are one operator; with the activation, by name."""
    fused = {}
    for call in (call for call in graph.calls if isinstance(call.operation, fusing)):
        after = [sink.operation for sink in graph.private_consumers(call.outputs[0])]
        if len(after) == 1 and is_fusible(after[0]):
            fused[call.operation.name] = after[0].name
    return fused
