"""Boxes from what a network says of its default boxes, or of the cells of a grid."""

from collections.abc import Sequence
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
        return within(self.size, [decoded(x, each, self.variances) for x, each in zip(maps, defaults, strict=True)])

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], sum(self.counts), 4)


@keras.saving.register_keras_serializable("kerascnn")
class DecodeCells(keras.layers.Layer):
    """Boxes in the image, in pixels: what is said in cells, a list of ``(B, A, 4)``, to corners, ``(B, A of all, 4)``.

    Every place of several maps is a cell of the image, in which the middles of its boxes lie; each of these has an
    anchor for its size. What is said is read as :func:`decoded_in_cells` does, and cut off at the edge of the image.

    Parameters
    ----------
    size
        Height and width of the image.
    grids
        Rows and columns of each map.
    shapes
        Width and height in pixels of the anchors at a place of each map.
    """

    def __init__(self, size, grids, shapes, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        steps = [(size[0] / rows, size[1] / columns) for rows, columns in grids]
        self.defaults = default_boxes(grids, steps, shapes, 0.0)  # the first corner of each cell, and the anchor
        self.counts = [rows * columns * len(of_map) for (rows, columns), of_map in zip(grids, shapes, strict=True)]
        self.steps = np.repeat(np.asarray(steps, np.float32)[:, ::-1], self.counts, axis=0)  # sides of each cell

    def call(self, maps):
        parts = np.cumsum(self.counts)[:-1]
        defaults, steps = (np.split(x.astype(self.compute_dtype), parts) for x in (self.defaults, self.steps))
        return within(self.size, [decoded_in_cells(*each) for each in zip(maps, defaults, steps, strict=True)])

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], sum(self.counts), 4)


@keras.saving.register_keras_serializable("kerascnn")
class DecodeRoots(keras.layers.Layer):
    """Boxes in the image, in pixels: what YOLO's first version says of each cell, ``(B, A, 4)``, to corners.

    It is read as :func:`decoded_roots` does, and cut off at the edge of the image.

    Parameters
    ----------
    size
        Height and width of the image.
    grid
        Rows and columns of the cells.
    boxes
        How many of each cell.
    """

    def __init__(self, size, grid, boxes, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        height, width = size
        step = height / grid[0], width / grid[1]
        self.defaults = default_boxes([grid], [step], [((width, height),) * boxes], 0.0)
        self.steps = np.broadcast_to(np.asarray(step[::-1], np.float32), (len(self.defaults), 2))

    def call(self, x):
        defaults, steps = (each.astype(self.compute_dtype) for each in (self.defaults, self.steps))
        return within(self.size, [decoded_roots(x, defaults, steps)])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.defaults), 4)


def within(size: tuple[int, int], boxes: Sequence[Any]) -> Any:
    """Boxes of several maps one after the other, without what lies beyond the edge of the image."""
    height, width = size
    edges = np.array([width, height, width, height], keras.backend.standardize_dtype(boxes[0].dtype))
    return ops.concatenate([ops.minimum(ops.maximum(each, 0.0), edges) for each in boxes], axis=1)


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


def decoded_in_cells(said: Any, defaults: Any, steps: Any) -> Any:
    """Boxes that numbers said in cells mean, ``(..., A, 4)`` corners. Redmon & Farhadi 2016, figure 3.

    The middle lies in its cell, at a sigmoid of its width and height, ``steps``, (A, 2); those of the anchor are
    multiplied by exponentials. ``defaults``, (A, 4), are the first corners of cells, and the sizes of anchors.
    """
    middle: Any = ops.sigmoid(said[..., :2]) * steps + defaults[..., :2]
    grown: Any = ops.exp(ops.minimum(said[..., 2:], GROWTH))
    half = grown * (defaults[..., 2:] / 2)
    return ops.concatenate([middle - half, middle + half], axis=-1)


def decoded_roots(said: Any, defaults: Any, steps: Any) -> Any:
    """Boxes of which the roots of sizes are said, ``(..., A, 4)`` corners. Redmon et al. 2015, section 2.

    The middle is a fraction of its cell, and the size the square of a fraction of the image, which ``defaults``,
    (A, 4), have behind the first corners of cells.
    """
    middle: Any = said[..., :2] * steps + defaults[..., :2]
    half = ops.square(said[..., 2:]) * (defaults[..., 2:] / 2)
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
