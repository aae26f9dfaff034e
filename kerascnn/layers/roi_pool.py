"""The largest values that a map shows in boxes."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.layers.roi_align import taken


@keras.saving.register_keras_serializable("kerascnn")
class RoIPool(keras.layers.Layer):
    """Cut-outs of a map, all of one size: ``[(B, N, 4), (B, H, W, C)]`` to ``(B, N, side, side, C)``.

    Each box, given by its corners in pixels of the image, covers the places of the map that its first and its last
    pixel round to, and all between. They are parted into ``side`` x ``side`` windows, which share a row or column where
    they do not come out even, and the largest value of each window is taken; 0 where a window lies outside. Girshick
    2015, https://arxiv.org/abs/1504.08083, section 2.1. No gradient passes to the boxes.

    The largest values of windows of 1, 2, 4, ... rows and columns are computed once, for every place of the map. Of
    them four cover any window.

    Parameters
    ----------
    stride
        Pixels of the image from one place of the map to the next.
    side
        Rows and columns of a cut-out.
    """

    def __init__(self, stride, side=7, **kwargs):
        super().__init__(**kwargs)
        self.stride, self.side = stride, side

    def call(self, inputs):
        boxes: Any = ops.stop_gradient(inputs[0])
        x = inputs[1]
        height, width, channels = x.shape[1:]
        down, across = self.doublings(height), self.doublings(width)
        tables = [of_columns for of_rows in doubled(x, 1, down) for of_columns in doubled(of_rows, 2, across)]
        places = ops.concatenate([ops.reshape(each, (-1, height * width, channels)) for each in tables], axis=1)
        rows, row_kind, any_row = self.windows(boxes, 1, height, down)
        columns, column_kind, any_column = self.windows(boxes, 0, width, across)
        table: Any = (row_kind * across)[..., :, None] + column_kind[..., None, :]
        found: Any = None
        for row in rows:
            for column in columns:
                numbers = (table * height + row[..., :, None]) * width + column[..., None, :]
                value = taken(places, numbers)
                found = value if found is None else ops.maximum(found, value)
        there = any_row[..., :, None] & any_column[..., None, :]
        return ops.where(there[..., None], found, 0.0)

    def doublings(self, count):
        """How many sizes of windows there are, 1, 2, 4, ..., up to the largest that a box of the whole map has."""
        return (-(-(count + 1) // self.side) + 1).bit_length()

    def windows(self, boxes, axis, count, sizes) -> tuple[list[Any], Any, Any]:
        """Two places where windows of one size begin, that size's number, and whether there is any: (B, N, side)."""
        ends: Any = ops.stack([boxes[..., axis], boxes[..., axis + 2] - 1])
        places: Any = ops.cast(ops.floor(ends / self.stride + 0.5), "int32")
        first, last = places[0][..., None], places[1][..., None]
        length: Any = ops.maximum(last - first + 1, 1)
        number = np.arange(self.side, dtype="int32")
        begin: Any = ops.clip(first + number * length // self.side, 0, count)
        end: Any = ops.clip(first + (number * length + length + self.side - 1) // self.side, 0, count)
        least = 2 ** np.arange(1, sizes, dtype="int32")
        kind = ops.sum(ops.cast((end - begin)[..., None] >= least, "int32"), axis=-1)
        last_begin = end - ops.take(2 ** np.arange(sizes, dtype="int32"), kind)
        return [ops.clip(place, 0, count - 1) for place in (begin, last_begin)], kind, end > begin

    def compute_output_shape(self, input_shapes):
        batch, number, _ = input_shapes[0]
        return (batch, number, self.side, self.side, input_shapes[1][-1])


def doubled(x: Any, axis: int, sizes: int) -> list[Any]:
    """The largest values of x in windows of 1, 2, 4, ... places along an axis, from each place on.

    What is said of windows that reach beyond the end is of no use.
    """
    found = [x]
    for size in range(sizes - 1):
        step = min(2**size, x.shape[axis])
        later, first = (slice(step, None), slice(None, step))
        place = (slice(None),) * axis
        x = ops.maximum(x, ops.concatenate([x[(*place, later)], x[(*place, first)]], axis=axis))
        found.append(x)
    return found
