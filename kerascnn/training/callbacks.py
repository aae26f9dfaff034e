"""A callback that tells layers how far a training has come."""

from fractions import Fraction
from typing import Any

import keras

from kerascnn.graph.graph import leaves


class TrainingProgress(keras.callbacks.Callback):
    """Calls ``layer.training_progress(fraction)`` of every layer that has it, before every epoch.

    The fraction is of the training's epochs, exact, from 0. What a layer changes by it belongs among its weights, so
    that a training that was interrupted goes on where it was.
    """

    def on_epoch_begin(self, epoch, logs=None):
        model: Any = self.model
        params: Any = self.params
        for layer in leaves(model):
            if hasattr(layer, "training_progress"):
                layer.training_progress(Fraction(epoch, params["epochs"]))
