"""Learned group convolution, and the selection of channels that it becomes. Huang et al. 2018, section 3.1."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class LearnedGroupConv2D(keras.layers.Dense):
    """A 1x1 convolution whose groups of outputs learn, while it trains, which inputs they can do without.

    ``(B, H, W, C)`` to ``(B, H, W, units)``; a vector ``(B, C)`` is taken as one pixel. Output o belongs to group
    ``o % groups``, so that a grouped convolution may follow without a shuffle. ``groups`` and ``condense``, the factor
    of condensation, are G and C in the paper: in the end each group keeps one of so many inputs. ``group_lasso`` is the
    weight of the penalty that makes the outputs of a group do without the same inputs.
    """

    def __init__(self, units, groups, condense, group_lasso=0.0, **kwargs):
        super().__init__(units, **kwargs)
        self.groups, self.condense, self.group_lasso = groups, condense, group_lasso

    def build(self, input_shape):
        inputs = input_shape[-1]
        if self.units % self.groups or inputs % self.condense:
            raise ValueError(
                f"{inputs} inputs and {self.units} outputs cannot be condensed by {self.condense} "
                f"in {self.groups} groups of one size."
            )
        super().build(input_shape)
        shape = (inputs, self.groups)
        self.kept = self.add_weight(shape=shape, initializer="ones", dtype="bool", trainable=False, name="kept")

    def call(self, x):
        kernel: Any = self.kernel
        kernel = kernel * ops.cast(ops.tile(self.kept, (1, self.units // self.groups)), kernel.dtype)
        if self.group_lasso:
            penalty: Any = lasso(kernel, self.groups)
            self.add_loss(self.group_lasso * penalty)
        y = ops.conv(x, kernel[None, None], padding="valid") if len(x.shape) == 4 else ops.matmul(x, kernel)
        return y if self.bias is None else y + self.bias

    def importance(self):
        """How much each group makes of each input, ``(C, groups)``: the mean of its weights' absolute values."""
        kernel = np.abs(np.asarray(ops.convert_to_numpy(self.kernel))) * np.tile(
            self.kept_now(), self.units // self.groups
        )
        return kernel.reshape(len(kernel), -1, self.groups).mean(axis=1)

    def kept_now(self) -> np.ndarray:
        """Which inputs each group still sees, ``(C, groups)``."""
        return np.array(ops.convert_to_numpy(self.kept))

    def training_progress(self, fraction):
        """Condense in stages of one length over the first half of a training; called before every epoch.

        Section 3.1: stage i of C - 1 ends when i / (2 (C - 1)) of the epochs have passed.
        """
        self.end_stages(int(2 * (self.condense - 1) * fraction))

    def end_stages(self, stages):
        """Leave each group, after so many condensing stages, without the inputs that it makes the least of.

        Each stage takes one of ``condense`` parts of the inputs; ``condense - 1`` stages leave one part. An input
        that is gone stays gone, and stages that have ended before take nothing again.
        """
        kept = self.kept_now()
        gone = min(stages, self.condense - 1) * (len(kept) // self.condense)
        order = np.argsort(np.where(kept, self.importance(), -1), axis=0, kind="stable")
        np.put_along_axis(kept, order[:gone], False, axis=0)
        self.kept.assign(kept)

    # a dense layer files its kernel and bias alone
    save_own_variables = keras.layers.Layer.save_own_variables
    load_own_variables = keras.layers.Layer.load_own_variables

    def get_config(self):
        own = {"groups": self.groups, "condense": self.condense, "group_lasso": self.group_lasso}
        return {**super().get_config(), **own}


def lasso(kernel, groups):
    """For each group and input the root of the sum of squares over the group's outputs, summed."""
    squares = ops.sum(ops.square(ops.reshape(kernel, (kernel.shape[0], -1, groups))), axis=1)
    return ops.sum(ops.sqrt(ops.maximum(squares, 1e-6)))  # the root has no slope at 0


@keras.saving.register_keras_serializable("kerascnn")
class SelectChannels(keras.layers.Layer):
    """Some channels of a map or vector, in some order, also more than once: ``(..., C)`` to ``(..., count)``.

    Which ones is a weight, so that it is saved with the others; to begin with, evenly spread ones.
    """

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        self.index = self.add_weight(
            shape=(self.count,),
            initializer=lambda shape, dtype: ops.cast(ops.arange(shape[0]) * input_shape[-1] // self.count, dtype),
            dtype="int32",
            trainable=False,
            name="index",
        )

    def call(self, x):
        return ops.take(x, self.index, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.count)
