"""The outputs of a detector: boxes and scores, and what the loss takes in their place."""

from typing import Any

import keras

from kerascnn import layers as L
from kerascnn.graph.graph import Graph, is_graph
from kerascnn.tasks.task import SCORES

BOXES, OFFSETS, DEFAULTS = "boxes", "offsets", "defaults"


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

    ``"scores"`` are logits with the background first, (B, A, 1 + K), ``"boxes"`` what they were, made of ``"offsets"``,
    (B, A, 4), and ``"defaults"`` are middles and sizes of the default boxes, (A, 4).

    Raises ``ValueError`` when boxes do not come of a layer ``DecodeBoxes``, or scores of a softmax whose background is
    left out.
    """
    if not is_graph(model):
        raise ValueError(f"{model.name} has no graph of layers. Draw it as a functional model.")
    graph = Graph(model)
    output: Any = graph.model.output
    decoded, sliced = graph.producer(output[BOXES]), graph.producer(output[SCORES])
    shares = graph.producer(sliced.inputs[0]) if sliced.inputs else sliced
    softmax = isinstance(sliced.operation, L.ChannelSlice) and isinstance(shares.operation, L.Softmax)
    if not isinstance(decoded.operation, L.DecodeBoxes) or not softmax:
        raise ValueError(
            f"{model.name} ends in {type(decoded.operation).__name__} and {type(sliced.operation).__name__}; to be "
            "trained its boxes have to come of DecodeBoxes, and its scores of ChannelSlice after Softmax, as ssdlite's."
        )
    offsets, logits = decoded.inputs[0], shares.inputs[0]
    defaults = DefaultBoxes(decoded.operation)(offsets)
    outputs = {BOXES: output[BOXES], OFFSETS: offsets, SCORES: logits, DEFAULTS: defaults}
    return keras.Model(graph.model.inputs[0], outputs)


class DefaultBoxes(keras.layers.Layer):
    """The default boxes of a layer that decodes boxes, (A, 4), whatever the offsets are."""

    def __init__(self, decode: Any):
        super().__init__(dtype="float32")
        self.values = decode.defaults

    def call(self, offsets):
        return keras.ops.convert_to_tensor(self.values)

    def compute_output_spec(self, offsets):
        return keras.KerasTensor(self.values.shape, "float32")
