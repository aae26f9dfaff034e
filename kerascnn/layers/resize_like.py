"""Resize one map to the size of another."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("kerascnn")
class ResizeLike(keras.layers.Layer):
    """The first of two maps, interpolated to the height and width of the second, bilinearly or to the nearest pixels.

    ``[(B, H, W, C), (B, h, w, c)]`` to ``(B, h, w, C)``. Corners of pixels lie on corners, as in TensorFlow 2 and in
    PyTorch with ``align_corners=False``; a map of one pixel is spread evenly. Of the second map only the size counts,
    which need not be known before.
    """

    def __init__(self, interpolation="bilinear", **kwargs):
        super().__init__(**kwargs)
        self.interpolation = interpolation

    def call(self, maps):
        x, like = maps
        shape: Any = ops.shape(like)
        return ops.image.resize(x, shape[1:3], interpolation=self.interpolation, data_format="channels_last")

    def compute_output_shape(self, input_shapes):
        x, like = input_shapes
        return (x[0], *like[1:3], x[3])
