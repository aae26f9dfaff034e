"""The outputs of a network that masks objects."""

from typing import Any

import keras

from kerascnn import layers as L
from kerascnn.detection.sampling import SampledRegions
from kerascnn.graph.ending import activation_of
from kerascnn.graph.graph import Call, Graph
from kerascnn.graph.rewrite import replay
from kerascnn.tasks.detection.heads import BOXES, shape_of, up_to_logits
from kerascnn.tasks.instance.losses import TwoStageMasks
from kerascnn.tasks.instance.prediction import MASKS
from kerascnn.tasks.task import SCORES

MASK_LOGITS, MASK_REGIONS = "mask_logits", "mask_regions"


def check_outputs(model: keras.Model, classes: int) -> None:
    """Refuse a model that does not put out a box, a mask and a score for each class of as many places.

    Raises ``ValueError``.
    """
    output: Any = getattr(model, "output", None)
    expected = (
        f"expected a dictionary with {BOXES!r}, (None, N, 4), {MASKS!r}, (None, N, height, width), and {SCORES!r}, "
        f"(None, N, {classes}), a score for each of {classes} classes"
    )
    if not isinstance(output, dict) or {*output} != {BOXES, MASKS, SCORES}:
        found = f"a dictionary of {', '.join(sorted(output))}" if isinstance(output, dict) else shape_of(model)
        raise ValueError(f"{model.name} puts out {found}; {expected}.")
    boxes, masks, scores = (tuple(output[name].shape) for name in (BOXES, MASKS, SCORES))
    fits = len(boxes) == len(scores) == 3 and len(masks) == 4 and len({boxes[1], masks[1], scores[1]}) == 1
    if not fits or (boxes[2], scores[2]) != (4, classes):
        raise ValueError(f"{model.name} puts out boxes {boxes}, masks {masks} and scores {scores}; {expected}.")


def up_to_masks(model: keras.Model, sampling: TwoStageMasks) -> keras.Model:
    """The same layers and weights, with what the loss takes.

    That is what :func:`kerascnn.tasks.detection.heads.up_to_logits` gives of a network of two stages, and
    ``"mask_logits"``, (B, N, H, W, K), masks of each class, or (B, N, H, W, 1 + K), of the background first, of
    ``"mask_regions"``, (B, N, 4): those of the regions among which all are that show objects while the network is
    trained. They go through the layers before the boxes whose ``"masks"`` come out.

    Raises ``ValueError`` when masks do not come of a sigmoid on ``ClassMasks``, or the boxes not of two stages.
    """
    graph = Graph(up_to_logits(model, sampling))
    output: Any = graph.model.output
    last = graph.producer(output[MASKS])
    chosen = graph.producer(last.inputs[0])
    if activation_of(last.operation) != "sigmoid" or not isinstance(chosen.operation, L.ClassMasks):
        raise ValueError(
            f"The masks of {model.name} end in {type(chosen.operation).__name__} and {type(last.operation).__name__}; "
            "to be trained they have to come of a sigmoid on ClassMasks, and the boxes of ClassBoxes, as Mask R-CNN's."
        )
    cuts = {id(call.outputs[0]) for call in graph.consumers(output[BOXES])}
    count = output[BOXES].shape[1]
    found: dict[str, Any] = {}

    def draw(call: Call) -> Any:
        layer = call.operation
        if isinstance(layer, SampledRegions):
            made = layer(*call.args, **call.keywords)
            found[MASK_REGIONS] = made[0][:, : sampling.most]
            return made
        if id(call.outputs[0]) in cuts:
            boxes, *maps = call.args[0]
            return layer([L.Concatenate(axis=1, name="looked_at")([found[MASK_REGIONS], boxes]), *maps])
        if layer is chosen.operation:
            logits, scores = call.args[0]
            found[MASK_LOGITS] = logits[:, :-count]
            return layer([logits[:, -count:], scores])
        return layer(*call.args, **call.keywords)

    outputs: Any = replay(graph, graph.model.inputs, draw)
    return keras.Model(graph.model.inputs, {**outputs, **found})
