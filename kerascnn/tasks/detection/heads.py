"""The outputs of a detector: boxes and scores, and what the loss takes in their place."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.graph.ending import activation_of
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.tasks.task import SCORES

BOXES = "boxes"
LOGITS = {"softmax": "exclusive", "sigmoid": "logits"}  # of classes: where a box has one of them, and where any


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

    ``"boxes"`` and ``"scores"`` are what they were. Beside them stands what they are made of, by the names in ``takes``
    of the loss: what a network says of boxes, logits of classes, and the constants by which boxes are decoded.

    Raises ``ValueError`` when it is not known how boxes and scores are made.
    """
    if not is_graph(model):
        raise ValueError(f"{model.name} has no graph of layers. Draw it as a functional model.")
    graph = Graph(model)
    output: Any = graph.model.output
    decoded = graph.producer(output[BOXES])
    read = READINGS.get(type(decoded.operation))
    parts = read(graph, decoded, output[SCORES]) if read else None
    if parts is None:
        last = graph.producer(output[SCORES]).operation
        raise ValueError(
            f"{model.name} ends in {type(decoded.operation).__name__} and {type(last).__name__}; to be trained its "
            "boxes have to come of DecodeBoxes, and its scores of a sigmoid, as RetinaNet's, or of ChannelSlice after "
            "Softmax, as SSD's; or both of what YOLO's come of."
        )
    tensors = {name: x if keras.backend.is_keras_tensor(x) else None for name, x in parts.items()}
    image = graph.model.inputs[0]
    constants = {name: Constant(parts[name], name=name)(image) for name, x in tensors.items() if x is None}
    return keras.Model(image, {**output, **tensors, **constants})


def of_default_boxes(graph: Graph, decoded: Call, scores: Any) -> dict[str, Any] | None:
    """What SSD and RetinaNet say: ``"offsets"``, (B, A, 4), and logits, (B, A, 1 + K) with the background's, or K."""
    call = graph.producer(scores)
    if isinstance(call.operation, L.ChannelSlice) and call.operation.start == 1:
        call = graph.producer(call.inputs[0])
        kind = "softmax" if isinstance(call.operation, L.Softmax) else ""
    else:
        kind = "sigmoid" if activation_of(call.operation) == "sigmoid" else ""
    if not kind:
        return None
    decode = decoded.operation
    return {
        "offsets": L.Concatenate(axis=1, name="offsets")(decoded.inputs),
        LOGITS[kind]: call.inputs[0],
        "defaults": decode.defaults,
        "variances": decode.variances,
    }


def of_cells(graph: Graph, decoded: Call, scores: Any) -> dict[str, Any] | None:
    """What YOLO's second and third version say: ``"said"``, (B, A, 4), ``"objects"``, (B, A, 1), and logits."""
    product = graph.producer(scores)
    if not isinstance(product.operation, L.Multiply) or len(product.inputs) != 2:
        return None
    objects, classes = map(graph.producer, product.inputs)
    kind = activation_of(classes.operation)
    if activation_of(objects.operation) != "sigmoid" or kind not in LOGITS:
        return None
    maps = decoded.inputs
    said = L.Concatenate(axis=1, name="said")(maps) if len(maps) > 1 else maps[0]
    return {
        "said": said,
        "objects": objects.inputs[0],
        LOGITS[kind]: classes.inputs[0],
        "defaults": decoded.operation.defaults,
        "steps": decoded.operation.steps,
    }


def of_roots(graph: Graph, decoded: Call, scores: Any) -> dict[str, Any] | None:
    """What YOLO's first version says: ``"roots"``, (B, A, 4), ``"sure"`` of each cell's boxes, ``"shares"`` of it."""
    call = graph.producer(scores)
    for kind in (L.ReLU, L.Reshape):
        if not isinstance(call.operation, kind):
            return None
        call = graph.producer(call.inputs[0])
    if not isinstance(call.operation, L.Multiply) or len(call.inputs) != 2:
        return None
    sure, shares = call.inputs
    decode = decoded.operation
    return {
        "roots": decoded.inputs[0],
        "sure": sure,
        "shares": shares,
        "defaults": decode.defaults,
        "steps": decode.steps,
    }


READINGS = {L.DecodeBoxes: of_default_boxes, L.DecodeCells: of_cells, L.DecodeRoots: of_roots}


class Constant(keras.layers.Layer):
    """Numbers of a layer, whatever the input is."""

    def __init__(self, values: Any, name: str):
        super().__init__(dtype="float32", name=name)
        self.values = np.asarray(values, np.float32)

    def call(self, x):
        return keras.ops.convert_to_tensor(self.values)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.values.shape, "float32")
