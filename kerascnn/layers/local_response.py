"""Local response normalisation. Krizhevsky et al. 2012, section 3.3."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class LocalResponseNormalization(keras.layers.Layer):
    """Divide each activation by what its neighbours in the channel axis do: ``x / (k + alpha * sum x**2) ** beta``.

    ``(B, H, W, C)`` to the same shape. The sum runs over the ``size`` channels around each one. As the paper's
    formula and TensorFlow have it, ``alpha`` is not divided by ``size``; Caffe, cuda-convnet and PyTorch divide.
    """

    def __init__(self, size=5, k=2.0, alpha=1e-4, beta=0.75, **kwargs):
        super().__init__(**kwargs)
        self.size, self.k, self.alpha, self.beta = size, k, alpha, beta

    def call(self, x):
        channels, before = x.shape[-1], (self.size - 1) // 2
        squares: Any = ops.pad(ops.square(x), [[0, 0], [0, 0], [0, 0], [before, self.size - 1 - before]])
        total = sum(squares[..., i : i + channels] for i in range(self.size))
        return x / (self.k + self.alpha * total) ** self.beta

    def compute_output_shape(self, input_shape):
        return input_shape
