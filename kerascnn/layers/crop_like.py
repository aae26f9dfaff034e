"""Crop one map to the size of another."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class CropLike(keras.layers.Layer):
    """The first of two maps, cut to the height and width of the second.

    ``[(B, H, W, C), (B, h, w, c)]`` to ``(B, h, w, C)``. ``offset`` rows and columns are cut at the top and the left,
    and what is then too much at the bottom and the right. A map of odd size that was halved, rounding up, and doubled
    again is one row and one column too large.
    """

    def __init__(self, offset=0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, maps):
        x, like = maps
        shape: Any = ops.shape(like)
        height, width = shape[1:3]
        whole = x.shape[1:3] == (height, width)
        return x if whole else x[:, self.offset : self.offset + height, self.offset : self.offset + width]

    def compute_output_shape(self, input_shapes):
        x, like = input_shapes
        return (x[0], *like[1:3], x[3])
