"""Boxes from what a network says of its default boxes."""

from typing import Any

import keras
import numpy as np
from keras import ops

GROWTH = float(np.log(1000 / 16))  # the largest logarithm by which a box may grow, so that none overflows


@keras.saving.register_keras_serializable("kerascnn")
class DecodeBoxes(keras.layers.Layer):
    """Boxes in the image, in pixels: offsets of each map, a list of ``(B, A, 4)``, to corners, ``(B, A of all, 4)``.

    Every place of several maps has default boxes, also called anchors, round one point. Offsets from them are read as
    :func:`decoded` says. What lies beyond the edge of the image is cut off. Maps are taken one by one so that in int8
    each has a scale of its own: those of large boxes would leave nothing of small ones.

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
    variances
        Of middles and of sizes: what offsets are multiplied by. SSD's released code has these.
    middle
        The point of a place that its boxes lie round: 0.5 for the middle of its step, 0 for its first corner.
    """

    def __init__(self, size, grids, steps, shapes, variances=(0.1, 0.2), middle=0.5, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.variances = variances
        self.defaults = default_boxes(grids, steps, shapes, middle)
        self.counts = [rows * columns * len(of_map) for (rows, columns), of_map in zip(grids, shapes, strict=True)]

    def call(self, maps):
        defaults = np.split(self.defaults.astype(self.compute_dtype), np.cumsum(self.counts)[:-1])
        boxes = [decoded(x, each, self.variances) for x, each in zip(maps, defaults, strict=True)]
        height, width = self.size
        edges = np.array([width, height, width, height], self.compute_dtype)
        return ops.concatenate([ops.minimum(ops.maximum(each, 0.0), edges) for each in boxes], axis=1)

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], sum(self.counts), 4)


def decoded(offsets: Any, defaults: Any, variances: Any) -> Any:
    """Boxes that offsets from default boxes mean, ``(..., A, 4)`` corners; ``defaults``, (A, 4), are middles and sizes.

    The middle of a box moves by fractions of its width and height, and these are multiplied by exponentials, each
    scaled by one of two ``variances``. Girshick et al. 2013, https://arxiv.org/abs/1311.2524, appendix C.
    """
    of_middles, of_sizes = variances[0], variances[1]
    middles, sizes = defaults[..., :2], defaults[..., 2:]
    # In int8 a part of a tensor has the scale of the whole: the halves, of other ranges, are taken of two.
    moves: Any = ops.concatenate([sizes * of_middles, 0 * sizes], axis=-1) * offsets
    growths: Any = np.array([0, 0, 1, 1], "float32") * of_sizes * offsets
    middle = moves[..., :2] + middles
    growth: Any = ops.minimum(growths[..., 2:], GROWTH)
    grown: Any = ops.exp(growth)
    half = grown * (sizes / 2)
    return ops.concatenate([middle - half, middle + half], axis=-1)


def default_boxes(grids, steps, shapes, middle=0.5) -> np.ndarray:
    """Middle x and y, width and height in pixels of every default box, (A, 4) float32.

    Map by map, row by row, place by place; ``middle`` is where in its step each lies.
    """
    boxes = []
    for (rows, columns), (down, across), of_map in zip(grids, steps, shapes, strict=True):
        y, x = np.meshgrid((np.arange(rows) + middle) * down, (np.arange(columns) + middle) * across, indexing="ij")
        middles = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
        sizes = np.asarray(of_map, np.float64)[None]
        both = np.broadcast_arrays(middles, sizes)
        boxes.append(np.concatenate(both, axis=-1).reshape(-1, 4))
    return np.concatenate(boxes).astype(np.float32)
