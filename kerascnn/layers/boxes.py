"""Boxes from what a network says of its default boxes."""

from typing import Any

import keras
import numpy as np
from keras import ops

VARIANCES = 0.1, 0.2  # of middles and of sizes, as in SSD's released code
GROWTH = float(np.log(1000 / 16))  # the largest logarithm by which a box may grow, so that none overflows


@keras.saving.register_keras_serializable("kerascnn")
class DecodeBoxes(keras.layers.Layer):
    """Boxes in the image, in pixels: offsets ``(B, A, 4)`` to corners x1, y1, x2, y2, ``(B, A, 4)``.

    Every place of several maps has default boxes round its middle. Offsets move the middle of one by fractions of its
    width and height, and multiply these by exponentials, each scaled by one of ``VARIANCES``: Girshick et al. 2013,
    https://arxiv.org/abs/1311.2524, appendix C. What lies beyond the edge of the image is cut off.

    Parameters
    ----------
    size
        Height and width of the image.
    grids
        Rows and columns of each map.
    steps
        Pixels from one place of each map to the next, down and across.
    shapes
        Width and height in pixels of the default boxes at a place of each map.
    """

    def __init__(self, size, grids, steps, shapes, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.defaults = default_boxes(grids, steps, shapes)

    def call(self, offsets):
        middles, sizes = (self.defaults[:, part].astype(self.compute_dtype) for part in (slice(2), slice(2, 4)))
        of_middles, of_sizes = VARIANCES
        middle = offsets[..., :2] * (sizes * of_middles) + middles
        growth: Any = ops.minimum(offsets[..., 2:] * of_sizes, GROWTH)
        grown: Any = ops.exp(growth)
        half = grown * (sizes / 2)
        boxes: Any = ops.concatenate([middle - half, middle + half], axis=-1)
        height, width = self.size
        edges = np.array([width, height, width, height], self.compute_dtype)
        return ops.minimum(ops.maximum(boxes, 0.0), edges)

    def compute_output_shape(self, input_shape):
        return input_shape


def default_boxes(grids, steps, shapes) -> np.ndarray:
    """Middle x and y, width and height in pixels of every default box, (A, 4) float32.

    Map by map, row by row, place by place.
    """
    boxes = []
    for (rows, columns), (down, across), of_map in zip(grids, steps, shapes, strict=True):
        y, x = np.meshgrid((np.arange(rows) + 0.5) * down, (np.arange(columns) + 0.5) * across, indexing="ij")
        middles = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
        sizes = np.asarray(of_map, np.float64)[None]
        both = np.broadcast_arrays(middles, sizes)
        boxes.append(np.concatenate(both, axis=-1).reshape(-1, 4))
    return np.concatenate(boxes).astype(np.float32)
