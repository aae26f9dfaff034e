"""The outputs of a detector: boxes and scores, and what the loss takes in their place."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.graph.ending import activation_of
from kerascnn.graph.graph import Graph, is_graph
from kerascnn.tasks.task import SCORES

BOXES, OFFSETS, DEFAULTS, VARIANCES = "boxes", "offsets", "defaults", "variances"
LOGITS = "logits"


def check_outputs(model: keras.Model, classes: int) -> None:
    """Refuse a model that does not put out a box and a score for each class at as many default boxes.

    Raises ``ValueError``.
    """
    output: Any = getattr(model, "output", None)
    expected = (
        f"expected a dictionary with {BOXES!r}, (None, default boxes, 4), and {SCORES!r}, (None, default boxes, "
        f"{classes}), a score for each of {classes} classes. A head on a network gives them: ssdlite_mobilenet_v2, for "
        "instance"
    )
    if not isinstance(output, dict) or {*output} != {BOXES, SCORES}:
        found = f"a dictionary of {', '.join(sorted(output))}" if isinstance(output, dict) else shape_of(model)
        raise ValueError(f"{model.name} puts out {found}; {expected}.")
    boxes, scores = (tuple(output[name].shape) for name in (BOXES, SCORES))
    if len(boxes) != 3 or len(scores) != 3 or boxes[1] != scores[1] or (boxes[2], scores[2]) != (4, classes):
        raise ValueError(f"{model.name} puts out boxes {boxes} and scores {scores}; {expected}.")


def shape_of(model: keras.Model) -> Any:
    return getattr(model, "output_shape", "outputs without a graph")


def up_to_logits(model: keras.Model) -> keras.Model:
    """The same layers and weights, with what the loss takes.

    ``"boxes"`` and ``"scores"`` are what they were. They are made of ``"offsets"``, (B, A, 4), and of ``"logits"``,
    (B, A, K), or (B, A, 1 + K) with the background's first. ``"defaults"`` are middles and sizes of the default boxes,
    (A, 4), and ``"variances"`` two numbers that offsets are scaled by.

    Raises ``ValueError`` when boxes do not come of a layer ``DecodeBoxes``, or scores neither of a sigmoid nor of a
    softmax whose background is left out.
    """
    if not is_graph(model):
        raise ValueError(f"{model.name} has no graph of layers. Draw it as a functional model.")
    graph = Graph(model)
    output: Any = graph.model.output
    decoded, logits = graph.producer(output[BOXES]), logits_of(graph, output[SCORES])
    if not isinstance(decoded.operation, L.DecodeBoxes) or logits is None:
        last = graph.producer(output[SCORES]).operation
        raise ValueError(
            f"{model.name} ends in {type(decoded.operation).__name__} and {type(last).__name__}; to be trained its "
            "boxes have to come of DecodeBoxes, and its scores of a sigmoid, as RetinaNet's, or of ChannelSlice after "
            "Softmax, as SSD's."
        )
    offsets, decode = L.Concatenate(axis=1, name=OFFSETS)(decoded.inputs), decoded.operation
    constants = {
        DEFAULTS: Constant(decode.defaults, name="defaults")(offsets),
        VARIANCES: Constant(decode.variances, name="variances")(offsets),
    }
    return keras.Model(graph.model.inputs[0], {**output, OFFSETS: offsets, LOGITS: logits, **constants})


def logits_of(graph: Graph, scores: Any) -> Any:
    """What scores are made of; None where that is not known."""
    call = graph.producer(scores)
    if not isinstance(call.operation, L.ChannelSlice):
        return call.inputs[0] if activation_of(call.operation) == "sigmoid" else None
    shares = graph.producer(call.inputs[0])
    return shares.inputs[0] if isinstance(shares.operation, L.Softmax) and call.operation.start == 1 else None


def background_of(outputs: Any) -> int:
    """How many logits of a box stand for the background: those that are no class's."""
    return outputs[LOGITS].shape[-1] - outputs[SCORES].shape[-1]


class Constant(keras.layers.Layer):
    """Numbers of a layer, whatever the input is."""

    def __init__(self, values: Any, name: str):
        super().__init__(dtype="float32", name=name)
        self.values = np.asarray(values, np.float32)

    def call(self, x):
        return keras.ops.convert_to_tensor(self.values)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.values.shape, "float32")
