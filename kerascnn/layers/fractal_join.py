"""Joins with drop-path. Larsson et al. 2016, FractalNet, section 2.1."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class GlobalDropPath(keras.layers.Layer):
    """Choose the one column that a batch is to train alone: ``(B, H, W, C)`` to ``(columns,)``.

    A fraction of the batches, half in the paper, trains one column through the whole network: a 1 marks it. In the
    others, and at inference, all columns have 0 and each join decides for itself.
    """

    draws_for_batch = True

    def __init__(self, columns, share=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.columns, self.share, self.seed = columns, share, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        if not training:
            return ops.zeros((self.columns,), self.compute_dtype)
        alone = keras.random.uniform((), seed=self.generator) < self.share
        column = keras.random.randint((), 0, self.columns, seed=self.generator)
        marked: Any = ops.one_hot(column, self.columns, dtype=self.compute_dtype)
        return marked * ops.cast(alone, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (self.columns,)


@keras.saving.register_keras_serializable("kerascnn")
class FractalJoin(keras.layers.Layer):
    """The mean of the paths that are left: the choice of :class:`GlobalDropPath` and n maps to one of their shape.

    Where the batch's column is among them, it is the only one left. Else each path is dropped at ``rate``, and
    one of them at random is kept when that would leave none. Inference takes the mean of all.
    """

    draws_for_batch = True

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        choice, *paths = inputs
        if not training:
            return sum(paths[1:], paths[0]) / len(paths)
        luck = keras.random.uniform((len(paths),), seed=self.generator)
        left = ops.cast((luck >= self.rate) | (luck == ops.max(luck)), self.compute_dtype)
        alone = choice[: len(paths)]
        total: Any = ops.sum(alone)
        left: Any = ops.where(total > 0, alone, left)
        weight = left / ops.sum(left)
        return sum((weight[i] * path for i, path in enumerate(paths[1:], 1)), weight[0] * paths[0])

    def compute_output_shape(self, input_shape):
        return input_shape[1]
