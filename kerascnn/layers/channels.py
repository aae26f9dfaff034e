"""Channels that are reordered, taken out or added."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class ChannelShuffle(keras.layers.Layer):
    """Reorder the channels, so that the next grouped convolution sees channels of every group.

    ShuffleNet, Zhang et al. 2017, figure 1c. ``(B, H, W, C)`` to the same shape: channels that stand as ``groups`` rows
    are read column by column. The map is taken as a list of pixels meanwhile, since mobile runtimes know no transpose
    of five axes.
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


@keras.saving.register_keras_serializable("kerascnn")
class ChannelSlice(keras.layers.Layer):
    """Channels ``start`` to ``stop``, the latter left out: ``(B, H, W, C)`` to ``(B, H, W, stop - start)``.

    ShuffleNet V2, Ma et al. 2018, figure 3c, splits a map with it.
    """

    def __init__(self, start, stop, **kwargs):
        super().__init__(**kwargs)
        self.start, self.stop = start, stop

    def build(self, input_shape):
        if not 0 <= self.start < self.stop <= input_shape[-1]:
            raise ValueError(f"There are no channels {self.start} to {self.stop} in a map of {input_shape[-1]}.")

    def call(self, x):
        return x[..., self.start : self.stop]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.stop - self.start)


@keras.saving.register_keras_serializable("kerascnn")
class PadChannels(keras.layers.Layer):
    """Zeros behind the channels until there are ``width``: ``(B, H, W, C)`` to ``(B, H, W, width)``.

    He et al. 2015, section 3.3, option A.
    """

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


@keras.saving.register_keras_serializable("kerascnn")
class SpaceToDepth(keras.layers.Layer):
    """Every 2 x 2 pixels as one with four times the channels: ``(B, H, W, C)`` to ``(B, H / 2, W / 2, 4 C)``.

    Redmon & Farhadi 2016, https://arxiv.org/abs/1612.08242, section 2, "Fine-Grained Features": adjacent features are
    stacked into different channels.
    """

    def build(self, input_shape):
        if any(side is not None and side % 2 for side in input_shape[1:3]):
            raise ValueError(f"A map of {input_shape[1]} x {input_shape[2]} pixels has no whole squares of 2 x 2.")

    def call(self, x):
        return ops.concatenate([x[:, down::2, right::2] for down in (0, 1) for right in (0, 1)], axis=-1)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height and height // 2, width and width // 2, 4 * channels)
