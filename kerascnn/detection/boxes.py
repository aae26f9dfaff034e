"""Boxes as tensors, as losses and matching take them: those of :mod:`kerascnn.layers.boxes`, and what they come of."""

from typing import Any

import tensorflow as tf

from kerascnn.layers.boxes import area, iou, middles_and_sizes, shared, shared_in_pairs

__all__ = ["area", "corners", "iou", "middles_and_sizes", "offsets", "shared", "shared_in_pairs"]


def corners(boxes: Any) -> Any:
    """x1, y1, x2, y2 of boxes given by middle x and y, width and height, (..., 4)."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return tf.concat([middle - half, middle + half], axis=-1)


def offsets(boxes: Any, defaults: Any, variances: Any) -> Any:
    """What :func:`kerascnn.layers.boxes.decoded` makes ``boxes``, (..., A, 4), of.

    ``defaults`` is (A, 4), middles and sizes. A side below a thousandth of a pixel counts as that.
    """
    wanted = middles_and_sizes(boxes)
    of_middles, of_sizes = variances[0], variances[1]
    moved = (wanted[..., :2] - defaults[..., :2]) / (defaults[..., 2:] * of_middles)
    grown = tf.math.log(tf.maximum(wanted[..., 2:], 1e-3) / defaults[..., 2:]) / of_sizes
    return tf.concat([moved, grown], axis=-1)
