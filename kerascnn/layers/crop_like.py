"""Crop one map to the size of another."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class CropLike(keras.layers.Layer):
    """The first of two maps, cut at its right and bottom to the height and width of the second.

    ``[(B, H, W, C), (B, h, w, c)]`` to ``(B, h, w, C)``. A map of odd size that was halved, rounding up, and doubled
    again is one row and one column too large.
    """

    window = (1, 1, "valid")  # pixels stay where they are, for the receptive field

    def call(self, maps):
        x, like = maps
        shape: Any = ops.shape(like)
        height, width = shape[1:3]
        return x if x.shape[1:3] == (height, width) else x[:, :height, :width]

    def compute_output_shape(self, input_shapes):
        x, like = input_shapes
        return (x[0], *like[1:3], x[3])
