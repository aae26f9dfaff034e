"""A scale for each channel of a residual branch. Touvron et al. 2021, https://arxiv.org/abs/2103.17239."""

import keras


@keras.saving.register_keras_serializable("kerascnn")
class LayerScale(keras.layers.Layer):
    """Multiply each channel by a number that is learned and starts at ``start``: ``(..., C)`` to the same shape.

    With a small start a block begins as its shortcut, which lets deep networks train.
    """

    def __init__(self, start=1e-6, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        start = keras.initializers.Constant(self.start)
        self.gamma = self.add_weight(shape=(input_shape[-1],), initializer=start, name="gamma")

    def call(self, x):
        return x * self.gamma

    def compute_output_shape(self, input_shape):
        return input_shape
