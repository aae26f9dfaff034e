"""Moving averages of the weights, which are steadier than the weights of the last step."""

from typing import Any

import keras
import numpy as np
from keras import ops


class Average:
    """The exponential moving average of all that a network computes with: weights, and the statistics of batches.

    Polyak & Juditsky 1992, https://doi.org/10.1137/0330046. Early on the past counts for less, as in the recipes of
    Inception and EfficientNet: after t updates the decay is ``min(decay, (1 + t) / (10 + t))``. The averages of Keras'
    optimizers leave the statistics of batch normalisation out and have no such ramp.

    The first averages are the variables as they are; ``decay``, such as 0.9999, is the fraction that an update leaves.
    """

    def __init__(self, model: keras.Model, decay: float):
        statistics = [v for v in model.non_trainable_variables if v.name in ("moving_mean", "moving_variance")]
        self.decay, self.averaged = decay, [*model.trainable_variables, *statistics]
        self.variables = [
            keras.Variable(np.asarray(v), trainable=False, name=f"average_{v.name}") for v in self.averaged
        ]

    def reset(self) -> None:
        """Begin again from the variables as they are now."""
        for average, variable in zip(self.variables, self.averaged, strict=True):
            average.assign(np.asarray(variable))

    def update(self, updates) -> None:
        """Move on, once ``updates`` steps have been made; between replicas, not within one."""
        t: Any = ops.cast(updates, "float32")
        left = ops.subtract(1.0, ops.minimum(self.decay, (1 + t) / (10 + t)))
        for average, variable in zip(self.variables, self.averaged, strict=True):
            average.assign(average - left * (average - variable))

    def swap(self) -> None:
        """Exchange averages and weights; a second time puts both back, to the bit."""
        for average, variable in zip(self.variables, self.averaged, strict=True):
            kept = np.array(variable)
            variable.assign(average)
            average.assign(kept)
