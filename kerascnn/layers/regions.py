"""What a detector of two stages does with places in an image: the first proposes them, the second says what they show.

Shapes are fixed: there are always as many boxes, the surest first, and those behind the last are zeros.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerascnn.layers.boxes import area, decoded, default_boxes, iou, middles_and_sizes, within
from kerascnn.layers.roi_align import taken

NONE = -1e9  # the logit of what is no candidate


@keras.saving.register_keras_serializable("kerascnn")
class Proposals(keras.layers.Layer):
    """Boxes that a first stage is surest of, and that overlap no surer one: ``(B, most, 4)``. No gradient passes.

    It takes a list of what each map says of its default boxes: first the offsets of every map, ``(B, A, 4)``, then the
    logits, ``(B, A, 1)``, or ``(B, A, 2)``, of which the second stands for an object and the first for none. The
    ``candidates`` surest of each map are looked at, and give way to a surer one of the same map where they overlap it
    by more than ``overlap``. Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.3.

    Parameters
    ----------
    size, grids, steps, shapes, variances, middle
        Those of :class:`kerascnn.layers.DecodeBoxes`.
    candidates
        Boxes of each map that are looked at.
    most
        Boxes that come out, of all maps together.
    overlap
        IoU above which a box gives way.
    least
        The share that a logit of a box has to stand for, 0 to 1.
    """

    def __init__(
        self, size, grids, steps, shapes, variances, middle, candidates, most, overlap=0.7, least=0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self.size, self.variances = size, variances
        self.candidates, self.most, self.overlap, self.least = candidates, most, overlap, least
        self.defaults = default_boxes(grids, steps, shapes, middle)
        self.counts = [rows * columns * len(of_map) for (rows, columns), of_map in zip(grids, shapes, strict=True)]

    def call(self, maps):
        maps = [ops.stop_gradient(x) for x in maps]
        defaults = np.split(self.defaults, np.cumsum(self.counts)[:-1])
        offsets, logits = maps[: len(defaults)], maps[len(defaults) :]
        every = [self.of_map(*of_one) for of_one in zip(offsets, logits, defaults, strict=True)]
        joined: Any = [ops.concatenate(parts, axis=1) for parts in zip(*every, strict=True)]
        boxes, scores = joined
        if (lacking := self.most - scores.shape[1]) > 0:
            boxes = ops.pad(boxes, ((0, 0), (0, lacking), (0, 0)))
            scores = ops.pad(scores, ((0, 0), (0, lacking)), constant_values=NONE)
        scores, places = largest(scores, self.most)
        return ops.where((scores > NONE)[..., None], taken(boxes, places), 0.0)

    def of_map(self, offsets, logits, defaults):
        """The candidates of one map, (B, N, 4), and the logit of each, or ``NONE`` where it gave way, (B, N)."""
        scores, places = largest(objectness(logits), min(self.candidates, logits.shape[1]))
        around = ops.take(defaults, places, axis=0)
        boxes = within(decoded(taken(offsets, places), around, self.variances), self.size)
        there = sides_reach(boxes, 1e-3)
        if self.least:
            there &= scores >= float(np.log(self.least / (1 - self.least)))
        return boxes, ops.where(unsuppressed(boxes, there, self.overlap), scores, NONE)

    def compute_output_shape(self, input_shapes):
        return (input_shapes[0][0], self.most, 4)


@keras.saving.register_keras_serializable("kerascnn")
class ClassBoxes(keras.layers.Layer):
    """Which regions show an object of which class, and the box round it.

    It takes regions, ``(B, N, 4)``, offsets from each for every class, ``(B, N, 4 K)``, or for the background first,
    ``(B, N, 4 + 4 K)``, and shares of the background and of every class, ``(B, N, 1 + K)``. Of the surest pairs of a
    region and a class those come out that overlap no surer one of their class: boxes, ``(B, most, 4)``, and their
    scores, ``(B, most, K)``, each 0 but for its class. Girshick 2015, https://arxiv.org/abs/1504.08083, section 2.

    Parameters
    ----------
    size
        Height and width of the image, at whose edges boxes are cut off.
    candidates
        Pairs that are looked at.
    most
        Boxes that come out.
    overlap
        IoU above which a box gives way.
    variances
        As of :class:`kerascnn.layers.DecodeBoxes`.
    """

    def __init__(self, size, candidates=1000, most=100, overlap=0.5, variances=(0.1, 0.2), **kwargs):
        super().__init__(**kwargs)
        self.size, self.candidates, self.most = size, candidates, most
        self.overlap, self.variances = overlap, variances

    def call(self, inputs):
        regions, offsets, shares = inputs
        number, classes = shares.shape[1], shares.shape[2] - 1
        of_regions: Any = ops.where((area(regions) > 0)[..., None], shares[..., 1:], 0.0)
        pairs = ops.reshape(of_regions, (-1, number * classes))
        scores, places = largest(pairs, min(self.candidates, number * classes))
        region, kind = places // classes, places % classes
        kinds = offsets.shape[2] // 4  # the classes are the last of these
        moved = taken(ops.reshape(offsets, (-1, number * kinds, 4)), region * kinds + kinds - classes + kind)
        around = middles_and_sizes(taken(regions, region))
        boxes = within(decoded(moved, around, self.variances), self.size)
        there: Any = sides_reach(boxes, 1e-2)
        there &= scores > 0
        alike = kind[:, :, None] == kind[:, None]
        scores: Any = ops.where(unsuppressed(boxes, there, self.overlap, alike), scores, 0.0)
        if (lacking := self.most - scores.shape[1]) > 0:
            boxes = ops.pad(boxes, ((0, 0), (0, lacking), (0, 0)))
            scores = ops.pad(scores, ((0, 0), (0, lacking)))
            kind: Any = ops.pad(kind, ((0, 0), (0, lacking)))
        scores, places = largest(scores, self.most)
        own: Any = ops.one_hot(taken(kind[..., None], places)[..., 0], classes, dtype="float32")
        own *= scores[..., None]
        return ops.where((scores > 0)[..., None], taken(boxes, places), 0.0), own

    def compute_output_shape(self, input_shapes):
        batch, _, shares = input_shapes[2]
        return (batch, self.most, 4), (batch, self.most, shares - 1)


@keras.saving.register_keras_serializable("kerascnn")
class ClassMasks(keras.layers.Layer):
    """The mask of each box's best class: ``[(B, N, H, W, K), (B, N, K)]`` to ``(B, N, H, W)``.

    Masks may be ``(B, N, H, W, 1 + K)``, of which the first is the background's, which has no score. He et al. 2017,
    https://arxiv.org/abs/1703.06870, section 3.
    """

    def call(self, inputs):
        masks, scores = inputs
        _, number, height, width, kinds = masks.shape
        _, best = largest(scores, 1)  # keras.ops.argmax has no built-in operator of TensorFlow Lite
        own: Any = ops.one_hot(kinds - scores.shape[2] + best[..., 0], kinds, dtype=masks.dtype)
        chosen: Any = ops.matmul(ops.reshape(masks, (-1, number, height * width, kinds)), own[..., None])
        return ops.reshape(chosen, (-1, number, height, width))

    def compute_output_shape(self, input_shapes):
        return input_shapes[0][:-1]


@keras.saving.register_keras_serializable("kerascnn")
class WarpRegions(keras.layers.Layer):
    """Regions of images as images of one size: ``[(B, N, 4), (B, H, W, C)]`` to ``(B N, side, side, C)``.

    Each region, given by its corners in pixels, is stretched to what is left of a square of ``side`` pixels without a
    border of ``context`` pixels, which shows what is round the region; where that is beyond the image there are zeros.
    It is interpolated bilinearly. Girshick et al. 2013, https://arxiv.org/abs/1311.2524, appendix A. No gradient passes
    to the regions.
    """

    def __init__(self, side, context=16, **kwargs):
        super().__init__(**kwargs)
        self.side, self.context = side, context

    def call(self, inputs):
        boxes: Any = ops.stop_gradient(inputs[0])
        x = inputs[1]
        height, width, channels = x.shape[1:]
        places: Any = ops.reshape(x, (-1, height * width, channels))
        found: Any = 0.0
        for row, of_row in self.points(boxes[..., 1], boxes[..., 3], height):
            for column, of_column in self.points(boxes[..., 0], boxes[..., 2], width):
                numbers = row[..., :, None] * width + column[..., None, :]
                shares = of_row[..., :, None] * of_column[..., None, :]
                found = found + shares[..., None] * taken(places, numbers)
        return ops.reshape(found, (-1, self.side, self.side, channels))

    def points(self, first, last, count):
        """Which rows or columns of the image, and with which shares, those of each square show: (B, N, side) in pairs.

        ``first`` and ``last`` are where regions begin and end, (B, N).
        """
        inner = self.side - 2 * self.context
        step = ((np.arange(self.side) + 0.5 - self.context) / inner).astype("float32")
        at: Any = first[..., None] + step * (last - first)[..., None]
        inside: Any = ops.cast((at >= 0) & (at < count), "float32")
        at = ops.clip(at - 0.5, 0.0, count - 1.0)
        low: Any = ops.minimum(ops.cast(ops.floor(at), "int32"), count - 1)
        beyond: Any = at - ops.cast(low, "float32")
        return [(low, inside * (1 - beyond)), (ops.minimum(low + 1, count - 1), inside * beyond)]

    def compute_output_shape(self, input_shapes):
        return (None, self.side, self.side, input_shapes[1][-1])


@keras.saving.register_keras_serializable("kerascnn")
class OfRegions(keras.layers.Layer):
    """What was said of each region's image, again by images: ``[(B N, C), (B, N, 4)]`` to ``(B, N, C)``."""

    def call(self, inputs):
        x, boxes = inputs
        shape: Any = ops.shape(boxes)
        return ops.reshape(x, (-1, shape[1], x.shape[-1]))

    def compute_output_shape(self, input_shapes):
        said, regions = input_shapes
        return (*regions[:2], said[-1])


@keras.saving.register_keras_serializable("kerascnn")
class RegionConv2D(keras.layers.Conv2D):
    """A convolution of what maps show in each of several regions: ``(B, N, H, W, C)`` to ``(B, N, H, W, filters)``."""

    def call(self, inputs):
        return of_each_region(super().call, inputs)

    def compute_output_shape(self, input_shape):
        batch, number, *shape = input_shape
        return (batch, number, *super().compute_output_shape((batch, *shape))[1:])


@keras.saving.register_keras_serializable("kerascnn")
class RegionConv2DTranspose(keras.layers.Conv2DTranspose):
    """A transposed convolution of what maps show in each of several regions, as :class:`RegionConv2D`."""

    def call(self, inputs):
        return of_each_region(super().call, inputs)

    def compute_output_shape(self, input_shape):
        batch, number, *shape = input_shape
        return (batch, number, *super().compute_output_shape((batch, *shape))[1:])


def of_each_region(call: Any, inputs: Any) -> Any:
    """What a layer of maps, (B, H, W, C), makes of those of several regions, (B, N, H, W, C)."""
    shape: Any = ops.shape(inputs)
    _, number, *of_map = shape
    y: Any = call(ops.reshape(inputs, (-1, *of_map)))
    return ops.reshape(y, (-1, number, *y.shape[1:]))


def largest(scores: Any, count: int) -> tuple[Any, Any]:
    """The largest scores of each image, (B, A), and their places, (B, count) each."""
    found: Any = ops.top_k(scores, count)
    return found[0], found[1]


def objectness(logits: Any) -> Any:
    """One logit of each default box, (B, A): of two, (B, A, 2), by how much the second exceeds the first."""
    return logits[..., 0] if logits.shape[-1] == 1 else logits[..., 1] - logits[..., 0]


def sides_reach(boxes: Any, least: float) -> Any:
    """Whether width and height of each box have so many pixels, (...) bool."""
    return ops.all(boxes[..., 2:] - boxes[..., :2] >= least, axis=-1)


def unsuppressed(boxes: Any, there: Any, overlap: float, alike: Any = None) -> Any:
    """Which boxes, the surest first, ``(B, N, 4)``, overlap no surer one that is kept by more: ``(B, N)`` bool.

    Each pass drops the boxes that overlap one which the pass before kept, the first pass those that overlap any. The
    first box is right from the beginning, and after each pass one more at least: what a pass leaves as it was, is what
    one box after the other would have given. As many passes are needed as boxes hang on one another in a chain.

    Parameters
    ----------
    there
        The boxes that there are, (B, N) bool.
    alike
        Which pairs can suppress one another, (B, N, N) bool; None: all.
    """
    surer = np.tri(boxes.shape[1], k=-1, dtype=bool)
    rivals: Any = (iou(boxes, boxes) > overlap) & surer
    rivals = ops.cast(rivals if alike is None else rivals & alike, "float32")

    def once_more(kept, _):
        surer_kept: Any = ops.matmul(rivals, kept[..., None])
        now = ops.where(surer_kept[..., 0] > 0.5, 0.0, counted)
        return now, ops.any(now != kept)

    counted = ops.cast(there, "float32")
    settled: Any = ops.while_loop(lambda _, changed: changed, once_more, (counted, ops.any(there)))
    return settled[0] > 0.5
