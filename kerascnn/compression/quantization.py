"""Training that knows of int8: a network learns with the rounding that its file will do.

Jacob et al. 2017, https://arxiv.org/abs/1712.05877, by TensorFlow's Model Optimization toolkit.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerascnn.compression.integers import hold_biases, with_exact_slopes
from kerascnn.compression.scales import Point, Range, points
from kerascnn.compression.simulation import Ranges, Trainee, simulated
from kerascnn.compression.tuning import DEFAULT, Tuning, dataset, kept, tune
from kerascnn.graph.lower import lower
from kerascnn.graph.rounded import need_floats
from kerascnn.runtime import OUTPUT, deep_graphs, keras_runner

CALIBRATION = 16  # batches that the ranges are first measured on
LEAST = 1e-4  # width of a range; a tensor that is always 0 still needs one


@dataclass(frozen=True)
class Quantized:
    """A network that was tuned for int8.

    Parameters
    ----------
    model
        The lowered network with its tuned weights: what int8 holds of kernels, for each output apart, and int32 of
        biases.
    ranges
        What every point where the file rounds can hold, by the name of the operation before it.
    """

    model: keras.Model
    ranges: Ranges

    @cached_property
    def simulation(self) -> keras.Model:
        """The network as its file computes it, in floats that were rounded; it shares the layers of ``model``.

        It can be saved, and ``kerascnn.export(quantized.simulation, format="tflite-int8")`` writes the file, which
        needs no calibration.
        """
        return simulated(self.model, self.ranges)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Scores as the file will give them, up to a step of its output here and there.

        Parameters
        ----------
        images
            ``(N, H, W, C)`` float32, preprocessed as the network expects.

        Returns
        -------
        numpy.ndarray
            ``(N, classes)`` float32.

        Raises
        ------
        ValueError
            When the images have another shape or dtype.
        """
        return keras_runner(self.simulation, self.model.name)(images)[OUTPUT]


@deep_graphs()
def quantize_aware(model: keras.Model, train: Any, tuning: Tuning = DEFAULT) -> Quantized:
    """Tune a trained network so that it loses little in int8.

    The network is lowered to layers of one operator (:func:`kerascnn.graph.lower.lower`), so batch norms are folded
    and dropout is gone. The ranges of its tensors are measured on some batches and follow a moving average while the
    network is tuned; kernels are rounded for each output apart, and biases once it is. Weights that were pruned stay 0,
    and those that were clustered stay equal within each output.

    Parameters
    ----------
    model
        A functional model of one image and one output; it stays as it is.
    train
        Images and targets, or batches of them; see :func:`kerascnn.compression.tuning.dataset`.
    tuning
        How it is tuned.

    Returns
    -------
    Quantized
        What computes with the rounding of int8, and writes a file that needs no calibration.

    Raises
    ------
    ValueError
        When a layer has no rule in int8, the data is none, or the model was tuned for int8 before.
    FloatingPointError
        When the loss is no number any more.
    ImportError
        When the toolkit is not installed.
    """
    need_floats(model)
    batches = dataset(train, tuning)
    lowered, trainee = prepared(model, batches)
    kernels = [config.kernel for config in trainee.kernels.values()]
    tune(trainee.network, batches, tuning, f"{model.name} for int8", [kept(kernels)])
    trainee.give_weights(lowered)
    ranges = with_exact_slopes(lowered, trainee.ranges())
    hold_biases(lowered, ranges)
    return Quantized(lowered, ranges)


def prepared(model: keras.Model, batches: Any) -> tuple[keras.Model, Trainee]:
    """The network lowered, and the twin of that which is to be tuned on ``batches``."""
    lowered = lower(model)
    found = points(lowered)
    ranges = measured(lowered, found, batches)
    shared = Counter(point.scale for point in found)
    image = lowered.inputs[0].name
    found = [
        replace(point, fixed=on_zero(ranges[image])) if point.name == image and shared[point.scale] == 1 else point
        for point in found
    ]
    return lowered, Trainee(lowered, found, ranges)


def on_zero(range: Range) -> Range:
    """The least range that holds another and has its ends and 0 among 256 even steps.

    Pixels from -1 to 1 would otherwise lie half-way between two steps, all of them, and rounding be a matter of luck.
    """
    low, high = range
    below = min(max(round(-low / (high - low) * 255), 1 if low else 0), 254)
    step = max(-low / below if below else 0.0, high / (255 - below))
    return -below * step, (255 - below) * step


def measured(model: keras.Model, found: list[Point], batches: Any) -> Ranges:
    """The range of every point that has none of its own: means of the least and of the largest number in a batch."""
    import tensorflow as tf

    free = [point.name for point in found if point.fixed is None]
    tensors = [model.get_layer(name).output for name in free]
    extremes = keras.Model(model.inputs, [[keras.ops.min(x), keras.ops.max(x)] for x in tensors])
    run = tf.function(lambda images: extremes(images, training=False))
    seen = np.array([keras.tree.flatten(run(images)) for images, _ in batches.take(CALIBRATION)], "float32")
    low, high = seen.mean(axis=0).reshape(-1, 2).T
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    return {name: (float(a), float(max(b, a + LEAST))) for name, a, b in zip(free, low, high, strict=True)}
