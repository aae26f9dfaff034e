"""Numbers as an integer of eight bits would hold them. Jacob et al. 2017, https://arxiv.org/abs/1712.05877."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class FakeQuantization(keras.layers.Layer):
    """Every number as the nearest of 256 at even distances; any shape to the same.

    Parameters
    ----------
    low, high
        The least and the largest of the 256, shifted a little so that 0 is one of them. 0 lies between them.
    ties
        Where a number half-way between two goes: "up", as with XNNPACK's leaky ReLU and resize; "outwards" from the
        middle of the 256, as with TensorFlow Lite's average pool, of which a quarter are half-way where it is 2x2.
        None: where errors of rounding take it.
    """

    def __init__(self, low, high, ties=None, **kwargs):
        super().__init__(**kwargs)
        self.low, self.high, self.ties = low, high, ties

    def call(self, x):
        step = (self.high - self.low) / 255
        nudge = step / 1024  # more than errors of rounding, and less than lies between other numbers and a half
        if self.ties == "up":
            x = x + nudge
        elif self.ties == "outwards":
            middle = (128 - round(-self.low / step)) * step  # what int8 holds as 0
            x = x + nudge * ops.sign(x - middle)
        return keras.quantizers.fake_quant_with_min_max_vars(x, self.low, self.high)

    def compute_output_shape(self, input_shape):
        return input_shape
