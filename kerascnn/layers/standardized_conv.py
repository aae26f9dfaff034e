"""Weight standardisation. Qiao et al. 2019, https://arxiv.org/abs/1903.10520."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class StandardizedConv2D(keras.layers.Conv2D):
    """A convolution whose filters are brought to mean 0 and variance 1 before they are used.

    ``(B, H, W, C)`` to ``(B, H', W', filters)``, as :class:`keras.layers.Conv2D`. ``epsilon`` joins the variance.
    """

    def __init__(self, *args, epsilon=1e-8, **kwargs):
        super().__init__(*args, **kwargs)
        self.epsilon = epsilon

    def convolution_op(self, inputs, kernel):
        wide = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
        moments: Any = ops.moments(wide, axes=(0, 1, 2), keepdims=True)
        mean, variance = moments
        return super().convolution_op(
            inputs, ops.cast((wide - mean) * ops.rsqrt(variance + self.epsilon), kernel.dtype)
        )

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
