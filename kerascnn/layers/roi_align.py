"""What maps show in boxes."""

from typing import Any

import keras
import numpy as np
from keras import ops

FEW = 4096  # places of all maps, up to which matrices take less time than gathering, and a step of training a third
LEAST = 1e-3  # pixels: boxes without a size are looked at in the finest map


@keras.saving.register_keras_serializable("kerascnn")
class RoIAlign(keras.layers.Layer):
    """Cut-outs of maps, all of one size: ``[(B, N, 4), (B, H, W, C), ...]`` to ``(B, N, side, side, C)``.

    Each box, given by its corners in pixels of the image, is cut into ``side`` x ``side`` equal parts, and of each the
    mean of ``samples`` x ``samples`` points that are spread evenly is taken; at a point the map is interpolated
    bilinearly. He et al. 2017, https://arxiv.org/abs/1703.06870, section 3. Of several maps a box is looked at in that
    which suits its size: one of 224 pixels in the map of stride 16, one half as large in that of half the stride (Lin
    et al. 2016, https://arxiv.org/abs/1612.03144, equation 1). No gradient passes to the boxes.

    Places of a map lie on whole multiples of its stride, and no box is smaller than a place, as in torchvision unless
    that is told ``aligned``; then half a place is taken off.

    Parameters
    ----------
    strides
        Pixels of the image from one place of each map to the next; each twice that before.
    side
        Rows and columns of a cut-out.
    samples
        Points of each part down and across.
    aligned
        Whether places of a map lie in the middle of their pixels, and boxes may be of any size.
    """

    def __init__(self, strides, side=7, samples=2, aligned=False, **kwargs):
        super().__init__(**kwargs)
        self.strides, self.side, self.samples, self.aligned = strides, side, samples, aligned

    def call(self, inputs):
        boxes: Any = ops.stop_gradient(inputs[0])
        maps = inputs[1:]
        places = sum(x.shape[1] * x.shape[2] for x in maps)
        return (self.multiplied if places <= FEW else self.gathered)(boxes, maps) / self.samples**2

    def multiplied(self, boxes, maps):
        """By matrices of how much of each place a part has, down and across: every box looks at all places."""
        shape: Any = ops.shape(boxes)
        level, number = self.level(boxes), shape[1]
        total: Any = 0.0
        for place, (x, stride) in enumerate(zip(maps, self.strides, strict=True)):
            height, width, channels = x.shape[1:]
            scaled = boxes / stride - 0.5 * self.aligned
            own: Any = ops.cast(ops.equal(level, place), x.dtype)
            down = own[..., None, None] * self.matrix(scaled[..., 1], scaled[..., 3], height)
            across = self.matrix(scaled[..., 0], scaled[..., 2], width)
            rows: Any = ops.matmul(
                ops.reshape(down, (-1, number * self.side, height)), ops.reshape(x, (-1, height, width * channels))
            )
            rows = ops.reshape(rows, (-1, number, self.side, width, channels))
            total += ops.matmul(across[:, :, None], rows)
        return total

    def gathered(self, boxes, maps):
        """By picking the places that points lie between: every box looks at no others."""
        sizes = np.array([x.shape[1:3] for x in maps], "int32")
        starts = np.cumsum([0, *sizes.prod(axis=1)])[:-1].astype("int32")
        rows = [ops.reshape(x, (-1, int(h * w), x.shape[-1])) for x, (h, w) in zip(maps, sizes, strict=True)]
        places = ops.concatenate(rows, axis=1)
        level = self.level(boxes)
        of_maps: Any = [ops.take(each, level) for each in (starts, *sizes.T, 1 / np.array(self.strides, "float32"))]
        start, height, width, scale = (each[..., None] for each in of_maps)
        shape: Any = ops.shape(places)
        batch, count, channels = shape
        start = start + ops.reshape(ops.arange(batch) * count, (-1, 1, 1))
        places = ops.reshape(places, (-1, channels))  # of all images
        scaled = boxes * scale - 0.5 * self.aligned
        down = self.points(scaled[..., 1], scaled[..., 3], height)
        across = self.points(scaled[..., 0], scaled[..., 2], width)
        total: Any = 0.0
        for row, of_row in down:
            for column, of_column in across:
                numbers = (start + row * width)[..., :, None] + column[..., None, :]
                shares = of_row[..., :, None] * of_column[..., None, :]
                total = total + shares[..., None] * ops.take(places, numbers, axis=0)
        return total

    def level(self, boxes):
        """The number of the map in which each box is looked at, (B, N)."""
        sides: Any = ops.maximum(boxes[..., 2:] - boxes[..., :2], LEAST)
        size: Any = ops.sqrt(sides[..., 0] * sides[..., 1])
        octave: Any = ops.log2(size / 224)
        steps: Any = ops.floor(octave + (4 + 1e-6))
        steps -= int(np.log2(self.strides[0]))
        return ops.cast(ops.clip(steps, 0, len(self.strides) - 1), "int32")

    def matrix(self, first, last, count):
        """How much of each of ``count`` places the parts of boxes see along one axis, (B, N, side, count)."""
        every = np.arange(count, dtype="int32")
        shares: Any = 0.0
        for at, share in self.points(first, last, count):
            shares = shares + ops.where(ops.equal(at[..., None], every), share[..., None], 0.0)
        return shares

    def points(self, first, last, count):
        """Which places of a map, and with which shares, the points of each part see along one axis.

        From the ends of boxes, (B, N), and the places of their maps, (B, N, 1), to pairs of (B, N, side).
        """
        length: Any = last - first if self.aligned else ops.maximum(last - first, 1.0)
        part = length[..., None] / self.side
        found = []
        for sample in range(self.samples):
            at: Any = first[..., None] + (np.arange(self.side, dtype="float32") + (sample + 0.5) / self.samples) * part
            at = ops.maximum(at, 0.0)
            low: Any = ops.minimum(ops.cast(ops.floor(at), "int32"), count - 1)
            beyond: Any = ops.where(low < count - 1, at - ops.cast(low, "float32"), 0.0)
            found += [(low, 1 - beyond), (ops.minimum(low + 1, count - 1), beyond)]
        return found

    def compute_output_shape(self, input_shapes):
        batch, number, _ = input_shapes[0]
        return (batch, number, self.side, self.side, input_shapes[1][-1])


def taken(x: Any, places: Any) -> Any:
    """Rows of each image: of ``(B, P, C)`` and their numbers ``(B, ...)``, ``(B, ..., C)``."""
    shape: Any = ops.shape(x)
    batch, count, channels = shape
    images: Any = ops.arange(batch)
    first: Any = ops.reshape(images * count, (-1, *[1] * (len(places.shape) - 1)))
    return ops.take(ops.reshape(x, (-1, channels)), places + first, axis=0)
