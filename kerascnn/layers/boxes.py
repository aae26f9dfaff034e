"""Boxes as tensors, and from what a network says of its default boxes, or of the cells of a grid.

Boxes are x1, y1, x2, y2 in pixels, counted from the corner of the image, ``(..., 4)``.
"""

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
        return ops.concatenate([within(each, self.size) for each in boxes], axis=1)

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], sum(self.counts), 4)


@keras.saving.register_keras_serializable("kerascnn")
class DecodeCells(keras.layers.Layer):
    """Boxes in the image, in pixels: what is said in cells, a list of ``(B, A, 4)``, to corners, ``(B, A of all, 4)``.

    Every place of several maps is a cell of the image, in which the middles of its boxes lie; each of these has an
    anchor for its size. What is said is read as :func:`decoded_in_cells` does, and cut off at the edge of the image. A
    box of twice the size of the image ends at its edges wherever it is, so none grows further, and no number on the way
    leaves the image: in int8 the largest box sets the step of all.

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
        self.growth = np.log(2 * np.asarray(size[::-1]) / self.defaults[:, 2:])

    def call(self, maps):
        parts = np.cumsum(self.counts)[:-1]
        constants = self.defaults, self.steps, self.growth
        of_maps = zip(maps, *(np.split(x.astype(self.compute_dtype), parts) for x in constants), strict=True)
        return ops.concatenate([cut(*in_cells(*each), self.size) for each in of_maps], axis=1)

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
        return within(decoded_roots(x, defaults, steps), self.size)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.defaults), 4)


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
    middle, half = in_cells(said, defaults, steps, GROWTH)
    return ops.concatenate([middle - half, middle + half], axis=-1)


def in_cells(said: Any, defaults: Any, steps: Any, growth: Any) -> tuple[Any, Any]:
    """The middles and halves of the sizes of such boxes, (..., A, 2); ``growth`` is the largest logarithm of these."""
    middle: Any = ops.sigmoid(said[..., :2]) * steps + defaults[..., :2]
    grown: Any = ops.exp(ops.minimum(said[..., 2:], growth))
    return middle, grown * (defaults[..., 2:] / 2)


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


def within(boxes: Any, size: tuple[int, int]) -> Any:
    """Boxes without what lies beyond an image of this height and width."""
    height, width = size
    edges = np.array([width, height, width, height], "float32")
    return ops.minimum(ops.maximum(boxes, 0.0), edges)


def cut(middle: Any, half: Any, size: tuple[int, int]) -> Any:
    """The corners of boxes whose middles lie in an image of this height and width, without what lies beyond it."""
    edges: Any = np.array(size[::-1], "float32")
    first, last = ops.relu(middle - half), edges - ops.relu(edges - middle - half)
    return ops.concatenate([first, last], axis=-1)


def area(boxes: Any) -> Any:
    """Square pixels of each box, (...); 0 where it ends before it begins."""
    sides: Any = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def shared(first: Any, second: Any) -> Any:
    """Square pixels that each of some boxes shares with each of others: (..., N, 4), (..., M, 4) to (..., N, M)."""
    return shared_in_pairs(first[..., :, None, :], second[..., None, :, :])


def shared_in_pairs(first: Any, second: Any) -> Any:
    """Square pixels that two boxes share, of each pair: (..., 4) each, to (...)."""
    corners = ops.maximum(first[..., :2], second[..., :2]), ops.minimum(first[..., 2:], second[..., 2:])
    return area(ops.concatenate(corners, axis=-1))


def iou(first: Any, second: Any) -> Any:
    """Intersection over union of each of some boxes and each of others, (..., N, M); 0 for two without area."""
    both: Any = shared(first, second)
    either: Any = area(first)[..., :, None] + area(second)[..., None, :] - both
    return ops.divide_no_nan(both, either)


def middles_and_sizes(boxes: Any) -> Any:
    """Middle x and y, width and height of boxes given by their corners, (..., 4)."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return ops.concatenate([(first + last) / 2, last - first], axis=-1)
