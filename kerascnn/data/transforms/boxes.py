"""Boxes, x1, y1, x2, y2 in pixels from the corner of their image, that follow the affines of its transforms."""

from typing import Any

import tensorflow as tf

LEAST = 0.25  # of its area that has to be in sight, or a box is left out: less seldom tells what it is


def boxes_along(boxes: tf.Tensor, valid: tf.Tensor, affines: tf.Tensor, sizes: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Boxes, (M, 4) float32, after as many moves as there are rows, and which of them there still are, (M,) bool.

    A box becomes the upright one round its four corners, and is cut at the edge of the image, ``sizes`` being height
    and width after every move, (n, 2). Of its area ``LEAST`` has to remain in all, or it is left out; what is left out
    is all zeros. Move by move and not by their product, as masks go.
    """
    fraction = tf.ones(tf.shape(boxes)[0])
    for affine, size in zip(tf.unstack(affines), tf.unstack(tf.cast(sizes, tf.float32)), strict=True):
        whole = moved_boxes(boxes, affine)
        boxes = tf.clip_by_value(whole, 0.0, tf.stack([size[1], size[0], size[1], size[0]]))
        fraction *= tf.math.divide_no_nan(area(boxes), area(whole))
    valid &= (fraction >= LEAST) & (area(boxes) > 0)
    return tf.where(valid[:, None], boxes, 0.0), valid


def moved_boxes(boxes: tf.Tensor, affine: tf.Tensor) -> tf.Tensor:
    """The upright boxes round the corners of boxes, where an affine shows these, (M, 4)."""
    a, b, c, d, e, f = tf.unstack(affine)
    x, y = tf.gather(boxes, [0, 2, 0, 2], axis=1) - c, tf.gather(boxes, [1, 1, 3, 3], axis=1) - f
    determinant = a * e - b * d  # an affine says where in the source a point of the result is: this is its inverse
    u, v = (e * x - b * y) / determinant, (a * y - d * x) / determinant
    edges = [tf.reduce_min(u, 1), tf.reduce_min(v, 1), tf.reduce_max(u, 1), tf.reduce_max(v, 1)]
    return tf.stack(edges, axis=1)


def area(boxes: tf.Tensor) -> tf.Tensor:
    sides = tf.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]
