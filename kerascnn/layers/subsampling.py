"""A pool with weights. LeCun et al. 1998, section II-B, S2 and S4."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class Subsampling(keras.layers.Layer):
    """Sum each ``size`` x ``size`` square of a channel, times the channel's coefficient, plus its bias.

    ``(B, H, W, C)`` to ``(B, H / size, W / size, C)``. It starts as an average.
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

    def get_config(self):
        return {**super().get_config(), "size": self.size}
