"""Arithmetic that Keras has no layer for: what normalisation and attention are made of."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class MatMul(keras.layers.Layer):
    """Matrix product of two stacks: ``[(..., N, K), (..., K, M)]`` to ``(..., N, M)``.

    With ``transpose`` the second comes as ``(..., M, K)``, as keys do.
    """

    def __init__(self, transpose=False, **kwargs):
        super().__init__(**kwargs)
        self.transpose = transpose

    def build(self, input_shapes):
        self.depth = input_shapes[0][-1]

    def call(self, inputs):
        a, b = inputs
        return ops.matmul(a, ops.swapaxes(b, -1, -2) if self.transpose else b)

    def multiply_adds(self, outputs):
        """Multiply-adds of one image, from the number of its outputs."""
        return outputs * self.depth

    def compute_output_shape(self, input_shapes):
        a, b = input_shapes
        return (*a[:-1], b[-2] if self.transpose else b[-1])


@keras.saving.register_keras_serializable("kerascnn")
class ReciprocalRoot(keras.layers.Layer):
    """One over the square root of every number. Training takes 1e-12 for less: rounding makes 0 of small numbers."""

    def call(self, x, training=False):
        return ops.rsqrt(ops.maximum(x, 1e-12) if training else x)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class UnitLength(keras.layers.Layer):
    """Vectors along the last axis, scaled to a length of 1: ``x / sqrt(sum(x**2) + epsilon)``.

    TensorFlow Lite has one operator for it, L2_NORMALIZATION, which takes no epsilon, while that is less than 0.001.
    """

    def __init__(self, epsilon=1e-12, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        squares: Any = ops.sum(ops.square(x), axis=-1, keepdims=True)
        return x * ops.rsqrt(squares + self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("kerascnn")
class ShiftedReLU6(keras.layers.Layer):
    """``relu6(x + 3)``, six times the hard sigmoid: one addition in TensorFlow Lite, which clips what it gives."""

    def call(self, x):
        return ops.relu6(x + 3.0)

    def compute_output_shape(self, input_shape):
        return input_shape
