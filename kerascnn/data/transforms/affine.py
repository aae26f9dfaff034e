"""Affines: where in its source a transform took each pixel from, so that annotations follow their image.

An affine is a row of six numbers a to f: the point (x, y) of the result shows the point (a x + b y + c, d x + e y + f)
of the source. Points are counted from the corner of an image, so the middle of its first pixel is (0.5, 0.5), as in
Pillow's ``Image.transform``. A transform returns a row for each of its moves, (n, 6) float32, in their order.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from kerascnn.data.dataset import IGNORE

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def row(*numbers: Any) -> tf.Tensor:
    """One row, (1, 6) float32, of six numbers."""
    if all(isinstance(number, int | float) for number in numbers):
        return tf.constant([numbers], tf.float32)
    return tf.stack([[float(n) if isinstance(n, int | float) else tf.cast(n, tf.float32) for n in numbers]])


def resizing(before: Any, after: Any, corner: Any = (0, 0)) -> tf.Tensor:
    """The row of an image resized from height and width ``before`` to ``after``, and seen from a corner on."""
    tall, wide = tf.unstack(tf.cast(tf.divide(before, after), tf.float32))
    top, left = tf.unstack(tf.cast(corner, tf.float32))
    return row(wide, 0, left * wide, 0, tall, top * tall)


def warped(pixels: tf.Tensor, affine: Sequence[Any], size: Any, fill: float) -> tf.Tensor:
    """(H, W, C) to (*size, C): each pixel the one where the affine's six numbers say it is; ``fill`` where none is.

    Whole pixels are gathered, with a border of ``fill`` to which all goes that lies outside: a third of the time that
    ImageProjectiveTransformV3 takes, which computes places anew for every channel.
    """
    a, b, c, d, e, f = affine
    height, width, channels = sides(pixels)
    down, across = tf.range(size[0], dtype=tf.float32)[:, None] + 0.5, tf.range(size[1], dtype=tf.float32) + 0.5
    x, y = a * across + (b * down + (c + 1)), d * across + (e * down + (f + 1))
    column, line = (
        tf.cast(tf.clip_by_value(place, 0, tf.cast(side + 1, tf.float32)), tf.int32)
        for place, side in ((x, width), (y, height))
    )
    value = tf.cast(fill, pixels.dtype)
    side, edge = tf.fill((height, 1, channels), value), tf.fill((1, width + 2, channels), value)
    bordered = tf.concat([edge, tf.concat([side, pixels, side], 1), edge], 0)
    return tf.gather(tf.reshape(bordered, (-1, pixels.shape[-1])), line * (width + 2) + column)


def sides(image: tf.Tensor) -> list[Any]:
    """Height, width and channels; numbers where they are known, which are no operations of a graph."""
    known = image.shape.as_list()
    return known if None not in known else [*tf.unstack(tf.shape(image))[:2], known[2]]


def mask_along(mask: tf.Tensor, affines: tf.Tensor, size: int) -> tf.Tensor:
    """(H, W) uint8 to (size, size) after as many moves as there are rows; ``IGNORE`` where nothing is.

    Move by move and not by their product, which would show again what one move took out of sight and the next back.
    """
    pixels = tf.expand_dims(mask, -1)
    for affine in tf.unstack(affines):
        pixels = warped(pixels, tf.unstack(affine), (size, size), IGNORE)
    return tf.ensure_shape(tf.squeeze(pixels, -1), (size, size))
