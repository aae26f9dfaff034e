"""When learned group convolutions lose their inputs. Huang et al. 2018, section 3.1."""

from typing import Any

import keras

from kerascnn import layers as L


class CondensingSchedule(keras.callbacks.Callback):
    """Condense every learned group convolution in stages of one length over the first half of the training.

    Stage i of C - 1 ends when i / (2 (C - 1)) of the epochs have passed. What a layer has lost is among its weights,
    so that a training that was interrupted goes on where it was.
    """

    def on_epoch_begin(self, epoch, logs=None):
        model: Any = self.model
        params: Any = self.params
        for layer in model.layers:
            if isinstance(layer, L.LearnedGroupConv2D):
                layer.end_stages(2 * (layer.condense - 1) * epoch // params["epochs"])
