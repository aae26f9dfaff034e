"""The outputs of a network that makes segments, and the loss of stuff."""

from typing import Any

import keras
import tensorflow as tf

from kerascnn.data.dataset import IGNORE
from kerascnn.data.transforms.masks import unpacked
from kerascnn.graph.ending import ending
from kerascnn.graph.graph import Graph
from kerascnn.graph.rewrite import replay
from kerascnn.tasks.detection.heads import shape_of
from kerascnn.tasks.heads import logits_of
from kerascnn.tasks.instance.prediction import MASKS
from kerascnn.tasks.losses import mean_of_pixels
from kerascnn.tasks.panoptic.prediction import STUFF
from kerascnn.tasks.task import SCORES, Tensors


def check_outputs(model: keras.Model, classes: int) -> None:
    """Refuse a model that does not put out boxes, masks and scores of things, and scores of stuff at every pixel.

    Raises ``ValueError``.
    """
    output: Any = getattr(model, "output", None)
    size = tuple(getattr(model, "input_shape", ())[1:3])
    expected = (
        f"expected a dictionary with boxes, (None, N, 4), {MASKS}, (None, N, height, width), {SCORES}, "
        f"(None, N, things), and {STUFF}, (None, {', '.join(map(str, size))}, 1 + stuff), {classes} classes of both"
    )
    if not isinstance(output, dict) or {*output} != {"boxes", MASKS, SCORES, STUFF}:
        found = f"a dictionary of {', '.join(sorted(output))}" if isinstance(output, dict) else shape_of(model)
        raise ValueError(f"{model.name} puts out {found}; {expected}.")
    shapes = {name: tuple(x.shape) for name, x in output.items()}
    boxes, masks, scores, stuff = (shapes[name] for name in ("boxes", MASKS, SCORES, STUFF))
    fits = len(boxes) == len(scores) == 3 and len(masks) == len(stuff) == 4
    fits = fits and len({boxes[1], masks[1], scores[1]}) == 1 and boxes[2] == 4 and stuff[1:3] == size
    if not fits or scores[2] + stuff[3] - 1 != classes:
        raise ValueError(
            f"{model.name} puts out {', '.join(f'{n} {s}' for n, s in sorted(shapes.items()))}; {expected}."
        )


def of_things(trained: keras.Model) -> keras.Model:
    """A training model whose regions are drawn by the things among an image's segments; it takes ``"classes"`` too."""
    outputs: Any = trained.output
    classes = keras.Input((None,), dtype="int32", name="classes")
    inputs = {x.name: x for x in trained.inputs}
    valid = Things(outputs[SCORES].shape[-1], name="things")([inputs["valid"], classes])
    drawn = [valid if name == "valid" else x for name, x in inputs.items()]
    outputs = replay(Graph(trained), drawn, lambda call: call.operation(*call.args, **call.keywords))
    return keras.Model([*trained.inputs, classes], outputs)


class Things(keras.layers.Layer):
    """Which of an image's segments are there and are things, the first so many classes: ``[(B, M) bool, (B, M)]``."""

    def __init__(self, things: int, name: str):
        super().__init__(dtype="float32", name=name)
        self.things = things

    def call(self, inputs):
        valid, classes = inputs
        return valid & (classes < self.things)

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs[0].shape, "bool")


def with_logits(trained: keras.Model) -> keras.Model:
    """A training model that puts out the logits of stuff in place of its shares.

    Raises ``ValueError`` when stuff comes of something else than a softmax of its own, or of logits.
    """
    output: Any = trained.output
    logits = logits_of(trained, ending(Graph(trained), output[STUFF]), output[STUFF])
    return keras.Model(trained.inputs, {**output, STUFF: logits})


def of_stuff(logits: Any, targets: Tensors, things: int) -> Any:
    """The mean cross-entropy over the pixels of each image that are of a segment, (B,). Panoptic FPN, section 3.

    ``logits`` are (B, H, W, 1 + stuff), of which the first stands for things; ``targets`` are those of
    :class:`kerascnn.tasks.panoptic.task.Panoptic`.
    """
    classes = tf.cast(targets["classes"], tf.int32)
    numbers = tf.where(targets["valid"], tf.maximum(classes - things + 1, 0) + 1, 0)  # 0 for none, 1 for things
    bits = unpacked(targets[MASKS], logits.shape[2])
    most = tf.cast(tf.reduce_max(bits * tf.cast(numbers, tf.uint8)[:, :, None, None], axis=1), tf.int32)
    return mean_of_pixels(
        lambda rows, kinds: tf.nn.sparse_softmax_cross_entropy_with_logits(kinds, rows),
        logits,
        tf.where(most > 0, most - 1, IGNORE),
    )
