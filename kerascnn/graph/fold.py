"""Batch norm folded into the convolution beside it: at inference both are one."""

from typing import Any

import keras
import numpy as np
from keras import layers as L

from kerascnn.arguments import checked
from kerascnn.graph.copies import copied, warn_of_shared
from kerascnn.graph.equality import held_equal
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import drawn, passed, redraw

OUTPUTS = {L.Conv2D: (3,), L.DepthwiseConv2D: (2, 3), L.Dense: (1,)}  # axes of the kernel that count what comes out


@checked
def fold_batch_norm(model: keras.Model) -> keras.Model:
    """A new model that computes what ``model`` does at inference, without the batch norms that a layer can absorb.

    A batch norm after a Conv2D (grouped too), DepthwiseConv2D or Dense goes into its kernel and bias, when nothing
    else sees that layer's output and no activation lies between. One before such layers goes into them when nothing
    else sees the batch norm's output and they pad nothing: the zeros of a padding do not pass the batch norm.
    Every other batch norm stays, and so does what is used twice. Models inside the model are folded on their own.

    Returns
    -------
    keras.Model
        A functional model with weights of its own, but for layers of a user's that cannot be copied. Layers keep their
        names; those that absorbed a batch norm have a bias.

    Raises
    ------
    ValueError
        When the model is a subclass with a ``call`` of its own, and so shows no graph; or when the new one computes
        something else.
    """
    return warn_of_shared(held_equal(folded(model), model), model)


def folded(model: keras.Model) -> keras.Model:
    """``model`` folded, which is not tried."""
    return redraw(model, folding)


def folding(graph: Graph) -> Any:
    """The rules of folding in one graph."""
    after, before = pairs(graph)
    absorbed = {bn.name for bn in (*after.values(), *before.values())}

    def absorb(layer: Any, name: str, x: Any) -> Any:
        return drawn(copied(layer, use_bias=True), fold(layer, before.get(layer.name), after.get(layer.name)), x)

    def rule_of(layer: Any) -> Any:
        if layer.name in absorbed:
            return passed
        return absorb if layer.name in after or layer.name in before else None

    return rule_of


def pairs(graph: Graph) -> tuple[dict[str, Any], dict[str, Any]]:
    """The batch norm to fold after a layer, and the one before it, by the layer's name."""
    after, before = {}, {}
    for call in graph.calls:
        bn = call.operation
        if not is_plain_batch_norm(call) or graph.uses[bn] > 1:
            continue
        source, sinks = graph.producer(call.inputs[0]), graph.private_consumers(call.outputs[0])
        if absorbs(source, graph) and is_linear(source.operation) and len(graph.private_consumers(call.inputs[0])) == 1:
            after[source.operation.name] = bn
        elif sinks and all(absorbs(sink, graph) and pads_nothing(sink.operation) for sink in sinks):
            before |= {sink.operation.name: bn for sink in sinks}
    return after, before


def is_plain_batch_norm(call: Call) -> bool:
    """Whether this is a batch norm of the last axis that uses its moving statistics at inference."""
    bn = call.operation
    if type(bn) is not L.BatchNormalization or call.keywords.get("training") or "inputs" in call.keywords:
        return False
    return bn.axis in (-1, len(call.inputs[0].shape) - 1)


def absorbs(call: Call, graph: Graph) -> bool:
    """Whether this is a layer with a kernel, as Keras computes it, that is used once."""
    layer = call.operation
    if type(layer) not in OUTPUTS or graph.uses[layer] > 1 or getattr(layer, "quantization_mode", None):
        return False
    return getattr(layer, "data_format", "channels_last") == "channels_last"


def is_linear(layer: Any) -> bool:
    return layer.activation in (None, keras.activations.linear)


def pads_nothing(layer: Any) -> bool:
    return isinstance(layer, L.Dense) or layer.padding == "valid" or set(layer.kernel_size) == {1}


def fold(layer: Any, before: Any, after: Any) -> list[np.ndarray]:
    """Kernel and bias of ``layer`` between two batch norms, either of which may be missing."""
    kernel, *bias = (w.astype("float64") for w in layer.get_weights())
    outputs = OUTPUTS[type(layer)]
    shape = [kernel.shape[axis] for axis in outputs]
    shift: Any = bias[0] if bias else 0.0
    if before:
        scale, offset = (spread(v, layer, kernel) for v in scale_and_offset(before))
        inputs = tuple(axis for axis in range(kernel.ndim) if axis not in outputs)
        shift = shift + (kernel * offset).sum(axis=inputs).reshape(-1)
        kernel = kernel * scale
    if after:
        scale, offset = scale_and_offset(after)
        kernel, shift = kernel * scale.reshape(shape), shift * scale + offset
    return [kernel, shift]


def scale_and_offset(bn: Any) -> tuple[np.ndarray, np.ndarray]:
    """A batch norm at inference: ``x * scale + offset`` in every channel."""
    scale = numbers(bn.gamma, 1) / np.sqrt(numbers(bn.moving_variance) + bn.epsilon)
    return scale, numbers(bn.beta, 0) - numbers(bn.moving_mean) * scale


def numbers(variable: Any, missing: int = 0) -> Any:
    return missing if variable is None else np.asarray(keras.ops.convert_to_numpy(variable), "float64")


def spread(values: np.ndarray, layer: Any, kernel: np.ndarray) -> np.ndarray:
    """A number for each channel that comes in, laid against the kernel that meets it there."""
    if isinstance(layer, L.DepthwiseConv2D | L.Dense):
        return values[:, None]
    groups = values.reshape(layer.groups, -1)  # outputs of one group meet its inputs alone
    return np.repeat(groups, kernel.shape[3] // layer.groups, axis=0).T
