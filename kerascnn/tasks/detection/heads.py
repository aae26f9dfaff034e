"""The outputs of a detector: boxes and scores, and what the loss takes in their place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.detection.sampling import SampledRegions
from kerascnn.graph.ending import activation_of
from kerascnn.graph.fake_quantised import is_fake_quantised
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.graph.inline import inline_models
from kerascnn.graph.rewrite import replay
from kerascnn.runtime import outputs_by_name
from kerascnn.tasks.detection.losses import MultiTask, TwoStage
from kerascnn.tasks.task import SCORES, Part, Tensors

BOXES, OFFSETS, DEFAULTS, VARIANCES, REGIONS = "boxes", "offsets", "defaults", "variances", "regions"
EXCLUSIVE = "exclusive"  # logits of classes, of which a box has one
LOGITS = {"softmax": EXCLUSIVE, "sigmoid": "logits"}  # where a box has one of the classes, and where any
FIRST = "proposal_{}"  # the name of what the first of two stages says


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


def up_to_logits(model: keras.Model, sampling: TwoStage | MultiTask | None = None) -> keras.Model:
    """The same layers and weights, with what the loss takes.

    ``"boxes"`` and ``"scores"`` are what they were. Beside them stands what they are made of, by the names in ``takes``
    of the loss: what a network says of boxes, logits of classes, and the constants by which boxes are decoded.

    A network that looks at regions takes an image's objects and seed too, because while it is trained its regions are
    drawn as ``sampling`` says; ``"boxes"`` and ``"scores"`` are then made of those regions that a first stage has
    proposed, or that were given.

    Raises ``ValueError`` when it is not known how boxes and scores are made.
    """
    if not is_graph(model):
        raise ValueError(f"{model.name} has no graph of layers. Draw it as a functional model.")
    graph = Graph(model)
    output: Any = graph.model.output
    decoded = graph.producer(output[BOXES])
    if isinstance(decoded.operation, L.ClassBoxes):
        return up_to_regions(graph, decoded, sampling)
    said = read(graph, decoded)
    image = graph.model.inputs[0]
    constants = {name: Constant(values, name=name)(image) for name, values in said.constants.items()}
    return keras.Model(image, {**output, said.name: joined(said.maps, said.name), **said.tensors, **constants})


@dataclass(frozen=True)
class Said:
    """What a detector says, before boxes and scores are made of it."""

    name: str  # of what it says of the places of boxes
    maps: list[Any]  # that, of each map, (B, A, 4)
    tensors: dict[str, Any]  # all else, by name
    constants: dict[str, Any]  # by which boxes are decoded


def read(graph: Graph, decoded: Call) -> Said:
    """What a detector of one stage says. Raises ``ValueError`` as :func:`up_to_logits` does."""
    output: Any = graph.model.output
    reading = READINGS.get(type(decoded.operation))
    if said := reading(graph, decoded, output[SCORES]) if reading else None:
        return said
    last = graph.producer(output[SCORES]).operation
    raise ValueError(
        f"{graph.model.name} ends in {type(decoded.operation).__name__} and {type(last).__name__}; to be trained its "
        "boxes have to come of DecodeBoxes, and its scores of a sigmoid, as RetinaNet's, or of ChannelSlice after "
        "Softmax, as SSD's; or both of what YOLO's come of, or of ClassBoxes, as Faster R-CNN's."
    )


def part_to_tune(model: keras.Model, losses: Callable[[Tensors, Tensors], Any]) -> Part:
    """The part of a detector before boxes and scores are made of what it says; ``losses`` are of this."""
    import tensorflow as tf

    graph = Graph(model)
    output: Any = graph.model.output
    decoded = graph.producer(output[BOXES])
    if isinstance(decoded.operation, L.ClassBoxes):
        raise ValueError(
            f"{model.name} looks at regions, and compression tunes detectors that look at all places. Export it as it "
            "is."
        )
    said = read(graph, decoded)
    maps = {f"map{number}": x for number, x in enumerate(said.maps, 1)}
    cut: dict[str, Any] = {**maps, **said.tensors}
    part = keras.Model(graph.model.inputs[0], cut, name=model.name)
    ending = keras.Model(list(cut.values()), graph.model.output, name="ending")

    def loss(targets: Any, outputs: Any) -> Any:
        given = outputs_by_name(part, outputs)
        places = tf.concat([given.pop(name) for name in maps], axis=1)
        constants = {name: tf.constant(values, tf.float32) for name, values in said.constants.items()}
        return losses({said.name: places, **given, **constants}, targets)

    def whole(changed: keras.Model) -> keras.Model:
        outputs = outputs_by_name(changed, changed.output)
        made: Any = ending([outputs[name] for name in cut])
        if is_fake_quantised(changed):  # boxes are decoded in floats, and put out in bytes as the rest is
            most = {BOXES: float(max(model.input_shape[1:3])), SCORES: 255 / 256}
            made = {name: L.FakeQuantization(0.0, most[name], name=f"{name}-rounded")(x) for name, x in made.items()}
        return inline_models(keras.Model(changed.inputs[0], made, name=model.name))

    return Part(part, loss, whole)


def of_default_boxes(graph: Graph, decoded: Call, scores: Any) -> Said | None:
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
    constants = {DEFAULTS: decode.defaults, VARIANCES: decode.variances}
    return Said(OFFSETS, decoded.inputs, {LOGITS[kind]: call.inputs[0]}, constants)


def of_cells(graph: Graph, decoded: Call, scores: Any) -> Said | None:
    """What YOLO's second and third version say: ``"said"``, (B, A, 4), ``"objects"``, (B, A, 1), and logits."""
    product = graph.producer(scores)
    if not isinstance(product.operation, L.Multiply) or len(product.inputs) != 2:
        return None
    objects, classes = map(graph.producer, product.inputs)
    kind = activation_of(classes.operation)
    if activation_of(objects.operation) != "sigmoid" or kind not in LOGITS:
        return None
    tensors = {"objects": objects.inputs[0], LOGITS[kind]: classes.inputs[0]}
    return Said("said", decoded.inputs, tensors, cells(decoded))


def of_roots(graph: Graph, decoded: Call, scores: Any) -> Said | None:
    """What YOLO's first version says: ``"roots"``, (B, A, 4), ``"sure"`` of each cell's boxes, ``"shares"`` of it."""
    call = graph.producer(scores)
    for kind in (L.ReLU, L.Reshape):
        if not isinstance(call.operation, kind):
            return None
        call = graph.producer(call.inputs[0])
    if not isinstance(call.operation, L.Multiply) or len(call.inputs) != 2:
        return None
    sure, shares = call.inputs
    return Said("roots", decoded.inputs, {"sure": sure, "shares": shares}, cells(decoded))


def cells(decoded: Call) -> dict[str, Any]:
    """The first corners of cells with anchors, and their sides."""
    return {DEFAULTS: decoded.operation.defaults, "steps": decoded.operation.steps}


READINGS = {L.DecodeBoxes: of_default_boxes, L.DecodeCells: of_cells, L.DecodeRoots: of_roots}


def up_to_regions(graph: Graph, last: Call, sampling: TwoStage | MultiTask | None) -> keras.Model:
    """The training model of a network whose last layer is ``ClassBoxes``, on regions of a first stage or given ones."""
    regions = last.inputs[0]
    proposed, softmax = graph.producer(regions), graph.producer(last.inputs[2])
    given = any(x is regions for x in graph.model.inputs)
    if not (given or isinstance(proposed.operation, L.Proposals)) or not isinstance(softmax.operation, L.Softmax):
        raise ValueError(
            f"{graph.model.name} ends in ClassBoxes on {type(proposed.operation).__name__} and "
            f"{type(softmax.operation).__name__}; to be trained its regions have to come of Proposals or be an input, "
            "and the shares of Softmax."
        )
    sampling = sampling or (MultiTask() if given else TwoStage())
    targets = [
        keras.Input((None, 4), name="boxes"),
        keras.Input((None,), dtype="bool", name="valid"),
        keras.Input((None,), dtype="bool", name="crowd"),
        keras.Input((2,), dtype="int64", name="seed"),
    ]
    low = sampling.low if isinstance(sampling, MultiTask) else 0.0
    sampled = SampledRegions(sampling.regions, sampling.objects_of_regions, sampling.overlap, low, name="sampled")
    found: dict[str, Any] = {}
    constants = {VARIANCES: last.operation.variances}
    if given:
        found[REGIONS], found["own"] = sampled([regions, *targets])
    else:
        first = proposed.operation
        constants |= {FIRST.format(DEFAULTS): first.defaults, FIRST.format(VARIANCES): first.variances}

    def draw(call: Call) -> Any:
        layer = call.operation
        if layer is last.operation:
            _, found[OFFSETS], shares = call.args[0]
            return layer([found["own"], found[OFFSETS], shares])
        if layer is softmax.operation:
            found[EXCLUSIVE] = call.args[0]
        made = layer(*call.args, **call.keywords)
        if layer is proposed.operation:
            count = len(layer.counts)
            for name, rows in ((OFFSETS, call.args[0][:count]), ("logits", call.args[0][count:])):
                found[FIRST.format(name)] = joined(rows, FIRST.format(name))
            found[REGIONS], found["own"] = sampled([made, *targets])
            return found[REGIONS]
        return made

    outputs: Any = replay(graph, [found[REGIONS] if x is regions else x for x in graph.model.inputs], draw)
    own = found.pop("own")
    found |= {name: Constant(values, name=name)(own) for name, values in constants.items()}
    return keras.Model([*graph.model.inputs, *targets], {**outputs, **found})


def joined(rows: list[Any], name: str) -> Any:
    """What is said of the default boxes of all maps."""
    return L.Concatenate(axis=1, name=name)(rows) if len(rows) > 1 else L.Identity(name=name)(rows[0])


class Constant(keras.layers.Layer):
    """Numbers of a layer, whatever the input is."""

    def __init__(self, values: Any, name: str):
        super().__init__(dtype="float32", name=name)
        self.values = np.asarray(values, np.float32)

    def call(self, x):
        return keras.ops.convert_to_tensor(self.values)

    def compute_output_spec(self, x):
        return keras.KerasTensor(self.values.shape, "float32")
