"""A convolution whose filters each see some of the channels. LeCun et al. 1998, Table I."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class PartialConv2D(keras.layers.Layer):
    """Convolve without padding; filter i sees the channels ``connections[i]`` and has no weights for the others.

    ``(B, H, W, C)`` to ``(B, H - size + 1, W - size + 1, len(connections))``. The kernel is ``(size, size, N)`` with
    one slice for each of the N connections, filter after filter.
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
