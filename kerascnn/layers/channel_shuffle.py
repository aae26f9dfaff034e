"""Channel shuffle. Zhang et al. 2017, ShuffleNet, figure 1c."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class ChannelShuffle(keras.layers.Layer):
    """Reorder the channels, so that the next grouped convolution sees channels of every group.

    ``(B, H, W, C)`` to the same shape: channels that stand as ``groups`` rows are read column by column. The map is
    taken as a list of pixels meanwhile, since mobile runtimes know no transpose of five axes.
    """

    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = groups

    def build(self, input_shape):
        if input_shape[-1] % self.groups:
            raise ValueError(f"{input_shape[-1]} channels cannot be shuffled in {self.groups} groups of one size.")

    def call(self, x):
        rows = ops.reshape(x, (-1, self.groups, x.shape[-1] // self.groups))
        return ops.reshape(ops.transpose(rows, (0, 2, 1)), ops.shape(x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
