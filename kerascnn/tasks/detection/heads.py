"""The outputs of a detector: boxes and scores, and what the loss takes in their place."""

from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.detection.sampling import SampledRegions
from kerascnn.graph.ending import activation_of
from kerascnn.graph.graph import Call, Graph, is_graph
from kerascnn.graph.rewrite import replay
from kerascnn.tasks.detection.losses import TwoStage
from kerascnn.tasks.task import SCORES

BOXES, OFFSETS, DEFAULTS, VARIANCES = "boxes", "offsets", "defaults", "variances"
LOGITS, REGIONS = "logits", "regions"
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


def up_to_logits(model: keras.Model, sampling: TwoStage | None = None) -> keras.Model:
    """The same layers and weights, with what the loss takes.

    ``"boxes"`` and ``"scores"`` are what they were. They are made of ``"offsets"``, (B, A, 4), and of ``"logits"``,
    (B, A, K), or (B, A, 1 + K) with the background's first. ``"defaults"`` are middles and sizes of the default boxes,
    (A, 4), and ``"variances"`` two numbers that offsets are scaled by.

    In a network of two stages these are of the first, and named ``"proposal_logits"`` and so on. The second stage has
    ``"regions"``, (B, N, 4), ``"logits"``, (B, N, 1 + K), ``"offsets"``, (B, N, 4 + 4 K), and ``"variances"``. While it
    is trained the regions are drawn as ``sampling`` says, so it takes an image's objects and seed too; what comes out
    as ``"boxes"`` and ``"scores"`` is then made of those regions that the first stage has proposed.

    Raises ``ValueError`` when boxes come neither of a layer ``DecodeBoxes`` nor of ``ClassBoxes`` on ``Proposals``, or
    scores neither of a sigmoid nor of a softmax.
    """
    if not is_graph(model):
        raise ValueError(f"{model.name} has no graph of layers. Draw it as a functional model.")
    graph = Graph(model)
    output: Any = graph.model.output
    decoded = graph.producer(output[BOXES])
    if isinstance(decoded.operation, L.ClassBoxes):
        return up_to_regions(graph, decoded, sampling or TwoStage())
    logits = logits_of(graph, output[SCORES])
    if not isinstance(decoded.operation, L.DecodeBoxes) or logits is None:
        last = graph.producer(output[SCORES]).operation
        raise ValueError(
            f"{model.name} ends in {type(decoded.operation).__name__} and {type(last).__name__}; to be trained its "
            "boxes have to come of DecodeBoxes, and its scores of a sigmoid, as RetinaNet's, or of ChannelSlice after "
            "Softmax, as SSD's; or both of ClassBoxes, as Faster R-CNN's."
        )
    offsets, decode = joined(decoded.inputs, OFFSETS), decoded.operation
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


def kind_of(outputs: Any) -> str:
    """What kind of network put these out, of :data:`kerascnn.tasks.detection.losses.KINDS`."""
    if REGIONS in outputs:
        return "regions"
    return "background" if outputs[LOGITS].shape[-1] > outputs[SCORES].shape[-1] else "classes"


def up_to_regions(graph: Graph, last: Call, sampling: TwoStage) -> keras.Model:
    """The training model of a network of two stages, whose last layer is ``ClassBoxes``."""
    proposed, softmax = graph.producer(last.inputs[0]), graph.producer(last.inputs[2])
    if not isinstance(proposed.operation, L.Proposals) or not isinstance(softmax.operation, L.Softmax):
        raise ValueError(
            f"{graph.model.name} ends in ClassBoxes on {type(proposed.operation).__name__} and "
            f"{type(softmax.operation).__name__}; to be trained its regions have to come of Proposals, and the shares "
            "of Softmax."
        )
    targets = [
        keras.Input((None, 4), name="boxes"),
        keras.Input((None,), dtype="bool", name="valid"),
        keras.Input((None,), dtype="bool", name="crowd"),
        keras.Input((2,), dtype="int64", name="seed"),
    ]
    how = sampling.regions, sampling.objects_of_regions, sampling.overlap
    found: dict[str, Any] = {}

    def draw(call: Call) -> Any:
        layer = call.operation
        if layer is last.operation:
            _, found[OFFSETS], shares = call.args[0]
            return layer([found["own"], found[OFFSETS], shares])
        if layer is softmax.operation:
            found[LOGITS] = call.args[0]
        made = layer(*call.args, **call.keywords)
        if layer is proposed.operation:
            count = len(layer.counts)
            for name, rows in ((OFFSETS, call.args[0][:count]), (LOGITS, call.args[0][count:])):
                found[FIRST.format(name)] = joined(rows, FIRST.format(name))
            found[REGIONS], found["own"] = made = SampledRegions(*how, name="sampled")([made, *targets])
            return found[REGIONS]
        return made

    outputs: Any = replay(graph, graph.model.inputs, draw)
    own, first = found.pop("own"), proposed.operation
    constants = {
        FIRST.format(DEFAULTS): first.defaults,
        FIRST.format(VARIANCES): first.variances,
        VARIANCES: last.operation.variances,
    }
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
