"""How far a vector is from what each class should look like. LeCun et al. 1998, equation 7."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class RadialBasis(keras.layers.Layer):
    """The squared distance from each class' fixed code, below zero so that the nearest is the largest.

    ``(B, N)`` to ``(B, len(codes))``. A code is a text of N characters: ``#`` stands for 1, any other for -1.
    """

    def __init__(self, codes, **kwargs):
        super().__init__(**kwargs)
        self.codes = tuple(codes)

    def build(self, input_shape):
        signs = np.array([[1.0 if mark == "#" else -1.0 for mark in code] for code in self.codes]).T
        if len(signs) != input_shape[-1]:
            raise ValueError(f"Codes of {len(signs)} marks do not fit vectors of {input_shape[-1]} numbers.")
        self.centre = self.add_weight(
            signs.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(signs, dtype),
            trainable=False,
            name="centre",
        )

    def call(self, x):
        apart: Any = ops.expand_dims(x, -1)
        distance: Any = ops.sum(ops.square(apart - self.centre), axis=1)
        return -distance

    def multiply_adds(self, outputs):
        """Multiply-adds of one image, from the number of its outputs: a square for each number of a code."""
        return outputs * self.centre.shape[0]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.codes))

    def get_config(self):
        return {**super().get_config(), "codes": self.codes}
