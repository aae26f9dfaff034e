"""Boxes as tensors: x1, y1, x2, y2 in pixels, counted from the corner of the image, (..., 4) float32."""

from typing import Any

import tensorflow as tf


def area(boxes: Any) -> Any:
    """Square pixels of each box, (...); 0 where it ends before it begins."""
    sides = tf.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def shared(first: Any, second: Any) -> Any:
    """Square pixels that each of some boxes shares with each of others: (..., N, 4), (..., M, 4) to (..., N, M)."""
    return shared_in_pairs(first[..., :, None, :], second[..., None, :, :])


def shared_in_pairs(first: Any, second: Any) -> Any:
    """Square pixels that two boxes share, of each pair: (..., 4) each, to (...)."""
    corners = tf.maximum(first[..., :2], second[..., :2]), tf.minimum(first[..., 2:], second[..., 2:])
    return area(tf.concat(corners, axis=-1))


def iou(first: Any, second: Any) -> Any:
    """Intersection over union of each of some boxes and each of others, (..., N, M); 0 for two without area."""
    both = shared(first, second)
    return tf.math.divide_no_nan(both, area(first)[..., :, None] + area(second)[..., None, :] - both)


def middles_and_sizes(boxes: Any) -> Any:
    """Middle x and y, width and height of boxes given by their corners, (..., 4)."""
    first, last = boxes[..., :2], boxes[..., 2:]
    return tf.concat([(first + last) / 2, last - first], axis=-1)


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
