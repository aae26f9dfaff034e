"""The layers of LeNet-5 that nobody has made since. LeCun et al. 1998."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class PartialConv2D(keras.layers.Layer):
    """Convolve without padding; filter i sees the channels ``connections[i]`` and has no weights for the others.

    Table I. ``(B, H, W, C)`` to ``(B, H - size + 1, W - size + 1, len(connections))``. The kernel is
    ``(size, size, N)`` with one slice for each of the N connections, filter after filter.
    """

    def __init__(self, connections, size, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.connections = tuple(tuple(seen) for seen in connections)
        self.size = size
        self.window = (size, 1, "valid")  # what a pixel sees, for the receptive field
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        channels, filters = input_shape[-1], len(self.connections)
        pairs = [channel * filters + i for i, seen in enumerate(self.connections) for channel in seen]
        if max(pairs) >= channels * filters:
            raise ValueError(f"These connections name more channels than the {channels} there are.")
        self.place = np.eye(channels * filters, dtype="float32")[pairs]  # where each slice stands in a full kernel
        self.kernel = self.add_weight(
            (self.size, self.size, len(pairs)), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight((filters,), initializer="zeros", name="bias")

    def call(self, x):
        full = ops.matmul(self.kernel, ops.cast(self.place, self.kernel.dtype))
        full = ops.reshape(full, (self.size, self.size, x.shape[-1], len(self.connections)))
        return ops.conv(x, ops.cast(full, x.dtype), padding="valid") + self.bias

    def multiply_adds(self, outputs):
        """Multiply-adds of one image, from the number of its outputs: one for each weight at each place."""
        return outputs // len(self.connections) * self.size**2 * self.kernel.shape[-1]

    def compute_output_shape(self, input_shape):
        batch, *sides, _ = input_shape
        return (batch, *(side and side - self.size + 1 for side in sides), len(self.connections))

    def get_config(self):
        own = {
            "connections": self.connections,
            "size": self.size,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("kerascnn")
class RadialBasis(keras.layers.Layer):
    """The squared distance from each class' fixed code, below zero so that the nearest is the largest.

    Equation 7. ``(B, N)`` to ``(B, len(codes))``. A code is a text of N characters: ``#`` stands for 1, any other
    for -1.
    """

    def __init__(self, codes, **kwargs):
        super().__init__(**kwargs)
        self.codes = tuple(codes)

    def build(self, input_shape):
        signs = np.array([[1.0 if mark == "#" else -1.0 for mark in code] for code in self.codes]).T
        if len(signs) != input_shape[-1]:
            raise ValueError(f"Codes of {len(signs)} marks do not fit vectors of {input_shape[-1]} numbers.")
        self.centre = self.add_weight(
            signs.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(signs, dtype),
            trainable=False,
            name="centre",
        )

    def call(self, x):
        apart: Any = ops.expand_dims(x, -1)
        distance: Any = ops.sum(ops.square(apart - self.centre), axis=1)
        return -distance

    def multiply_adds(self, outputs):
        """Multiply-adds of one image, from the number of its outputs: a square for each number of a code."""
        return outputs * self.centre.shape[0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.codes))


@keras.saving.register_keras_serializable("kerascnn")
class Subsampling(keras.layers.Layer):
    """Sum each ``size`` x ``size`` square of a channel, times the channel's coefficient, plus its bias.

    Section II-B, S2 and S4. ``(B, H, W, C)`` to ``(B, H / size, W / size, C)``. It starts as an average.
    """

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.strides = (size, size)
        self.window = (size, size, "valid")  # what a pixel sees, for the receptive field

    def build(self, input_shape):
        start = keras.initializers.Constant(1 / self.size**2)
        self.coefficient = self.add_weight((input_shape[-1],), initializer=start, name="coefficient")
        self.bias = self.add_weight((input_shape[-1],), initializer="zeros", name="bias")

    def call(self, x):
        mean: Any = ops.average_pool(x, self.size, self.size, "valid")
        return self.size**2 * mean * self.coefficient + self.bias

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        return (batch, *(side and side // self.size for side in sides), channels)
