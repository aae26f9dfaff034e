"""Numbers as an integer of eight bits would hold them. Jacob et al. 2017, https://arxiv.org/abs/1712.05877."""

import keras


@keras.saving.register_keras_serializable("kerascnn")
class FakeQuantization(keras.layers.Layer):
    """Every number as the nearest of 256 at even distances; any shape to the same.

    Parameters
    ----------
    low, high
        The least and the largest of the 256, shifted a little so that 0 is one of them. 0 lies between them.
    """

    def __init__(self, low, high, **kwargs):
        super().__init__(**kwargs)
        self.low, self.high = low, high

    def call(self, x):
        return keras.quantizers.fake_quant_with_min_max_vars(x, self.low, self.high)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "low": self.low, "high": self.high}
