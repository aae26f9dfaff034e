"""Which part of an image is seen, by the objects in it."""

import math

import tensorflow as tf

OVERLAPS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)  # what a part is to share with an object
DRAWS = 50  # of a part, until one fits


def iou_crop(shape: tf.Tensor, seed: tf.Tensor, boxes: tf.Tensor, valid: tf.Tensor, least: float) -> tf.Tensor:
    """Every seventh time the whole image, else a random part that has an IoU of 0, 0.1, 0.3, 0.5, 0.7 or 0.9 or more
    with an object.

    Liu et al. 2015, https://arxiv.org/abs/1512.02325, section 2.2, "Data augmentation". Height and width of a part are
    each ``least`` to all of the image's, drawn evenly, and one is at most twice the other; the middle of an object lies
    in it. Fifty draws are made and the first that fits is taken, else the whole image. ``least`` is 0.1 in the paper
    and 0.3 in its released code. In an image without objects any part will do.

    From height and width of the image, (2,) int32, and its boxes, (M, 4), of which some are ``valid``, to top, left,
    height and width of the part, (4,) int32.
    """
    of_overlap, of_size, of_place = tf.unstack(tf.random.split(seed, 3))
    whole = tf.cast(shape, tf.float32)
    sizes = tf.maximum(1.0, tf.round(whole * tf.random.stateless_uniform([DRAWS, 2], of_size, least, 1.0)))
    corners = tf.floor((whole - sizes + 1) * tf.random.stateless_uniform([DRAWS, 2], of_place))
    number = tf.random.stateless_uniform([], of_overlap, 0, len(OVERLAPS) + 1, tf.int32)
    wanted = tf.gather(tf.constant((*OVERLAPS, math.inf)), number)

    top, left, bottom, right = (each[:, None] for each in tf.unstack(tf.concat([corners, corners + sizes], 1), axis=1))
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    wide = tf.maximum(tf.minimum(x2, right) - tf.maximum(x1, left), 0.0)
    high = tf.maximum(tf.minimum(y2, bottom) - tf.maximum(y1, top), 0.0)
    both, areas = wide * high, (x2 - x1) * (y2 - y1)
    overlap = tf.math.divide_no_nan(both, areas + tf.reduce_prod(sizes, 1)[:, None] - both)  # (DRAWS, M)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    inside = valid & (left < x) & (x < right) & (top < y) & (y < bottom)
    found = tf.reduce_any(inside, 1) & (tf.reduce_max(tf.where(valid, overlap, 0.0), 1) >= wanted)
    found |= tf.logical_not(tf.reduce_any(valid)) & (wanted < math.inf)
    ratio = sizes[:, 0] / sizes[:, 1]
    found &= (ratio >= 0.5) & (ratio <= 2.0)
    first = tf.argmax(found)
    part = tf.where(tf.reduce_any(found), tf.concat([corners[first], sizes[first]], 0), tf.concat([[0, 0], whole], 0))
    return tf.cast(part, tf.int32)
