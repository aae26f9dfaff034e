"""Zero-padded channels. He et al. 2015, section 3.3, option A."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class PadChannels(keras.layers.Layer):
    """Zeros behind the channels until there are ``width``: ``(B, H, W, C)`` to ``(B, H, W, width)``."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        if input_shape[-1] > self.width:
            raise ValueError(f"{input_shape[-1]} channels cannot be padded to {self.width}.")

    def call(self, x):
        return ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, self.width - x.shape[-1]]])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.width)

    def get_config(self):
        return {**super().get_config(), "width": self.width}
