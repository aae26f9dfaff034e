"""How a network ends: in logits, or in what a last activation made of them, wherever that was drawn."""

from dataclasses import dataclass
from typing import Any

import keras

from kerascnn import layers as L
from kerascnn.graph.copies import copied, weights_of
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.runtime import LOGITS, outputs_by_name

SHAPING = (L.Reshape, L.Flatten, L.Permute, L.Cropping2D)
MOVING = (*SHAPING, L.UpSampling2D, L.Resizing, L.Identity, L.Dropout)
MOVING += (L.CropLike, L.ResizeLike)  # of the second map these take the size alone
MOVING_OPERATIONS = ("Cast", "Identity", "Reshape", "Transpose", "Squeeze", "ExpandDims", "GetItem")
LINEAR = (L.Dense, L.Conv2D, L.EinsumDense, L.BatchNormalization, L.GlobalAveragePooling2D, L.AveragePooling2D)


@dataclass(frozen=True)
class Ending:
    """What an output has passed through last.

    ``activation`` is its name, "linear" where there is none, and "" where an operation is not known. ``logits`` is the
    tensor that entered it, of the same graph; None where the activation is a part of another layer.
    """

    activation: str
    logits: Any = None


def ending(graph: Graph, output: Any) -> Ending:
    """The last activation before an output.

    What moves or interpolates numbers, as a resize of scores to the size of the image does, leaves them what they are;
    so does a linear activation. Logits are given only where nothing else is lost with the activation.
    """
    call = graph.producer(output)
    moved = False
    while moves(call.operation) and call.inputs:
        moved |= not keeps(call.operation)
        call = graph.producer(call.inputs[0])
    if is_graph(call.operation):
        return of_inner(call, output, moved)
    name = activation_of(call.operation)
    alone = name not in ("", "linear") and not moved and not getattr(call.operation, "weights", [])
    return Ending(name, call.inputs[0] if alone else None)


def place_of(output: Any, call: Call) -> int:
    """Which of the outputs of a call this is; the first, where it is made of one of them."""
    places = [id(x) for x in call.outputs]
    return places.index(id(output)) if id(output) in places else 0


def of_inner(call: Call, output: Any, moved: bool) -> Ending:
    """The ending of a model within the model, whose logits are drawn with its own layers on what enters it."""
    inner = Graph(call.operation)
    found = ending(inner, inner.model.outputs[place_of(output, call)])
    if found.logits is None or moved:
        return Ending(found.activation)
    before = keras.Model(inner.model.inputs, found.logits, name=f"{inner.model.name}-logits")
    return Ending(found.activation, before(call.inputs[0] if len(call.inputs) == 1 else call.inputs))


def with_logits(model: keras.Model) -> keras.Model:
    """The same layers and weights; beside the shares of a softmax or sigmoid their logits too, as "logits of scores".

    They are left out where they cannot be had, as of shares that have been interpolated.
    """
    if not is_graph(model):
        return model
    graph = Graph(model)
    outputs = outputs_by_name(graph.model, graph.model.output)
    for name, output in [*outputs.items()]:
        outputs[name], logits = with_its_logits(graph, output)
        if logits is not None:
            outputs[LOGITS.format(name)] = logits
    return keras.Model(graph.model.inputs, outputs, name=model.name)


def with_its_logits(graph: Graph, output: Any) -> tuple[Any, Any]:
    """An output, drawn again where a model inside the model gives it, and its logits, or None."""
    call = graph.producer(output)
    layer = call.operation
    if keeps(layer) or isinstance(layer, SHAPING):
        shares, logits = with_its_logits(graph, call.inputs[0])
        return (output, None) if logits is None else (layer(shares), layer(logits))
    if is_graph(layer):
        inner = Graph(layer)
        both = with_its_logits(inner, inner.model.outputs[place_of(output, call)])
        if both[1] is None:
            return output, None
        drawn = keras.Model(inner.model.inputs, both, name=layer.name)
        return tuple(drawn(call.inputs[0] if len(call.inputs) == 1 else call.inputs))
    if activation_of(layer) not in ("softmax", "sigmoid"):
        return output, None
    if not getattr(layer, "weights", []):
        return output, call.inputs[0]
    if type(layer) not in (L.Dense, L.Conv2D):
        return output, None
    linear = copied(layer, name=f"{layer.name}-logits", activation=None)
    logits = linear(call.inputs[0])
    linear.set_weights(weights_of(layer))
    return output, logits


def moves(operation: Any) -> bool:
    """Whether an operation leaves numbers what they are, in another place or type."""
    return isinstance(operation, MOVING) or keeps(operation) or type(operation).__name__ in MOVING_OPERATIONS


def keeps(operation: Any) -> bool:
    """Whether an operation gives what enters it, in its place."""
    same = type(operation).__name__ in ("Cast", "Identity") or isinstance(operation, L.Dropout)
    return same or (isinstance(operation, L.Activation) and activation_of(operation) == "linear")


def activation_of(operation: Any) -> str:
    """The name of the activation that an operation is or ends in: a layer of Keras' or a bare operation."""
    if not isinstance(operation, L.Layer) or isinstance(operation, L.Softmax):
        return type(operation).__name__.lower()  # keras.ops.softmax, keras.activations.sigmoid
    activation = getattr(operation, "activation", None)
    if activation is not None:
        return getattr(activation, "__name__", "")
    return "linear" if isinstance(operation, LINEAR) else ""
