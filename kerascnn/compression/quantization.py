"""Quantization-aware training: a network learns with the rounding that its int8 file will do.

Jacob et al. 2017, https://arxiv.org/abs/1712.05877, by TensorFlow's Model Optimization toolkit.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerascnn import layers as L
from kerascnn.arguments import checked
from kerascnn.compression.rounding import KERNELS, Range, RoundedTensor, rounded_tensors
from kerascnn.compression.simulation import Ranges, TrainingCopy, largest, simulate
from kerascnn.compression.tuning import DEFAULT, Loss, Tuning, kept, lesson, tune
from kerascnn.graph.apart import apart
from kerascnn.graph.fake_quantised import refuse_integers
from kerascnn.graph.graph import Graph
from kerascnn.graph.lower import lower
from kerascnn.runtime import deep_graphs, keras_runner

CALIBRATION = 16  # batches that the ranges are first measured on
LEAST = 1e-4  # width of a range; a tensor that is always 0 still needs one
FACTOR_BITS = 8  # behind the binary point, that XNNPACK keeps of what a leaky ReLU multiplies by
WIDER = 0.1  # fraction of a range by which it may be widened


@dataclass(frozen=True)
class Quantized:
    """A network that was tuned for int8: lowered, its kernels as int8 holds them, with a scale for each output.

    Its biases are as int32 holds them.
    """

    model: keras.Model
    ranges: Ranges  # of every tensor that the file rounds, by the name of the operation that makes it

    @cached_property
    def simulation(self) -> keras.Model:
        """The network as its file computes it, in floats that were rounded; it shares the layers of ``model``.

        It can be saved, and ``kerascnn.export(quantized.simulation, format="tflite-int8")`` writes the file, which
        needs no calibration.
        """
        return simulate(self.model, self.ranges)

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs as the file will give them, up to a step of quantisation here and there.

        From images ``(N, H, W, C)`` float32, preprocessed as the network expects, to ``(N, ...)`` float32 by the name
        of the output, "scores" where there is one without a name.
        """
        return keras_runner(self.simulation, self.model.name)(images)


@checked
@deep_graphs()
def quantize_aware(model: keras.Model, train: Any, tuning: Tuning = DEFAULT, loss: Loss | None = None) -> Quantized:
    """Tune a trained network so that it loses little in int8.

    The network is lowered to layers of one operator (:func:`kerascnn.graph.lower.lower`), so batch norms are folded
    and dropout is gone. The ranges of its tensors are measured on some batches and follow a moving average while the
    network is tuned; kernels are rounded with a scale for each output, and biases once it is. Weights that were pruned
    stay 0, and those that were clustered stay equal within each output. A layer that is called more than once is tuned
    as one, and is a layer for each call afterwards, which have ranges of their own.

    Parameters
    ----------
    model
        A functional model of one image: a classifier, or any network when ``loss`` is given; it stays as it is.
    train, loss
        As :func:`kerascnn.compression.tuned` takes them.

    Returns
    -------
    Quantized
        A network that computes with the rounding of int8, and is exported without calibration.

    Raises
    ------
    ValueError
        When a layer has no rule in int8, the data is none, or the model was tuned for int8 before.
    FloatingPointError
        When the loss is no number any more.
    ImportError
        When the toolkit is not installed.
    """
    refuse_integers(model)
    batches, loss = lesson(model, train, tuning, loss)
    lowered, training_copy = prepared(model, batches)
    kernels = [config.kernel for config in training_copy.kernels.values()]
    tune(training_copy.network, batches, tuning, loss, f"{model.name} for int8", [kept(kernels)])
    training_copy.give_weights(lowered)
    ranges = widen_for_leaky_relu(lowered, training_copy.ranges())
    round_biases(lowered, ranges)
    return Quantized(lowered, ranges)


def prepared(model: keras.Model, batches: Any) -> tuple[keras.Model, TrainingCopy]:
    """The network lowered, each layer called once, and the copy of that which is to be tuned on ``batches``."""
    lowered, first = apart(lower(model))
    tensors = rounded_tensors(lowered)
    ranges = measured(lowered, tensors, batches)
    image, sharing = lowered.inputs[0].name, Counter(tensor.scale for tensor in tensors)
    tensors = [
        replace(tensor, fixed=on_zero(ranges[image])) if tensor.name == image and sharing[tensor.scale] == 1 else tensor
        for tensor in tensors
    ]
    return lowered, TrainingCopy(lowered, tensors, ranges, first)


def on_zero(range: Range) -> Range:
    """The least range that holds another and has its ends and 0 among 256 even steps.

    Pixels from -1 to 1 would otherwise lie half-way between two steps, all of them, and rounding be a matter of luck.
    """
    low, high = range
    below = min(max(round(-low / (high - low) * 255), 1 if low else 0), 254)
    step = max(-low / below if below else 0.0, high / (255 - below))
    return -below * step, (255 - below) * step


def measured(model: keras.Model, found: list[RoundedTensor], batches: Any) -> Ranges:
    """The range of each tensor for which none is prescribed: means of the least and largest numbers of batches."""
    import tensorflow as tf

    free = [tensor.name for tensor in found if tensor.fixed is None]
    tensors = [model.get_layer(name).output for name in free]
    extremes = keras.Model(model.inputs, [[keras.ops.min(x), keras.ops.max(x)] for x in tensors])
    run = tf.function(lambda images: extremes(images, training=False))
    seen = np.array([keras.tree.flatten(run(images)) for images, _ in batches.take(CALIBRATION)], "float32")
    low, high = seen.mean(axis=0).reshape(-1, 2).T
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    return {name: (float(a), float(max(b, a + LEAST))) for name, a, b in zip(free, low, high, strict=True)}


def widen_for_leaky_relu(model: keras.Model, ranges: Ranges) -> Ranges:
    """The ranges, some a little wider: such that a leaky ReLU's two factors are what XNNPACK makes of them.

    It multiplies by the ratio of both steps, and by that times the slope, each rounded to 8 bits behind the point: an
    error of up to half a step, the same way everywhere. Factors of few powers of 2 are taken, for these bring few
    numbers half-way between two steps. A scale that several tensors share stays as it is.
    """
    tensors = rounded_tensors(model)
    sharing = Counter(tensor.scale for tensor in tensors)
    alone = {tensor.name for tensor in tensors if sharing[tensor.scale] == 1}
    steps, wider = input_steps(model, ranges), dict(ranges)
    for layer in model.layers:
        name = layer.name
        if isinstance(layer, L.LeakyReLU) and name in alone:
            slope, most = layer.negative_slope, 2**FACTOR_BITS * steps[name] / step_of(ranges[name])
            least = math.ceil((1 - WIDER) * most)
            exact = (n for n in range(int(most), least - 1, -1) if n % 4 and abs(slope * n - round(slope * n)) < 1e-3)
            if factor := next(exact, None):
                low, high = ranges[name]
                wider[name] = low * most / factor, high * most / factor
    return wider


def round_biases(model: keras.Model, ranges: Ranges) -> None:
    """Round every bias as an integer of 32 bits holds it: to a multiple of its input's step times its kernel's."""
    steps = input_steps(model, ranges)
    for layer in model.layers:
        if type(layer) in KERNELS and layer.use_bias:
            kernel, bias = layer.get_weights()
            step = steps[layer.name] * largest(kernel, KERNELS[type(layer)]).reshape(-1) / 127
            layer.set_weights([kernel, np.where(step > 0, np.round(bias / np.where(step > 0, step, 1)) * step, bias)])


def input_steps(model: keras.Model, ranges: Ranges) -> dict[str, float]:
    """By the name of an operation, the distance between neighbouring values of its first input."""
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    graph = Graph(model)
    for call in graph.calls:
        name = call.operation.name
        if call.inputs:
            before[name] = after[graph.producer(call.inputs[0]).operation.name]
        # What rounds nothing keeps its input's scale; what is fused with its activation is read by that alone.
        after[name] = step_of(ranges[name]) if name in ranges else before[name]
    return before


def step_of(range: Range) -> float:
    low, high = range
    return (high - low) / 255
