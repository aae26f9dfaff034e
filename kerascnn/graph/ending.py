"""How a network ends: in logits, or in what a last activation made of them, wherever that was drawn."""

from dataclasses import dataclass
from typing import Any

import keras

from kerascnn import layers as L
from kerascnn.graph.graph import Call, Graph, is_graph

MOVING = (L.Reshape, L.Flatten, L.Permute, L.Cropping2D, L.UpSampling2D, L.Resizing, L.Identity, L.Dropout)
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
        return of_inner(call, [id(x) for x in call.outputs], output, moved)
    name = activation_of(call.operation)
    alone = name not in ("", "linear") and not moved and not getattr(call.operation, "weights", [])
    return Ending(name, call.inputs[0] if alone else None)


def of_inner(call: Call, outputs: list[int], output: Any, moved: bool) -> Ending:
    """The ending of a model within the model, whose logits are drawn with its own layers on what enters it."""
    inner = Graph(call.operation)
    place = outputs.index(id(output)) if id(output) in outputs else 0
    found = ending(inner, inner.model.outputs[place])
    if found.logits is None or moved:
        return Ending(found.activation)
    before = keras.Model(inner.model.inputs, found.logits, name=f"{inner.model.name}-logits")
    return Ending(found.activation, before(call.inputs[0] if len(call.inputs) == 1 else call.inputs))


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
