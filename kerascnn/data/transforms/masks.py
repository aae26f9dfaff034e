"""Masks of objects that follow the affines of their image's transforms, in bits: see :func:`masks_along`."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.data.segments import bitmap_of, segments_of


def masks_along(row: tf.Tensor, valid: tf.Tensor, affines: tf.Tensor, sizes: Any) -> tf.Tensor:
    """The masks of an image's objects after as many moves as there are rows, (M, size, ceil(size / 8)) uint8.

    A bit is a pixel, the first of a line the most significant, as ``np.packbits`` lays them: a byte for each would be
    the largest part of a batch by far. ``row`` is one of :class:`kerascnn.data.segments.Segments`; objects that are not
    ``valid``, (M,) bool, have no pixels. ``sizes`` are height and width of the image after every move; of the last it
    is the square that the network takes. Move by move and not by their product, as masks of classes go.
    """
    size = int(sizes[-1][0])
    pixels = pixels_along(affines, sizes)
    bits = tf.numpy_function(shown, [row, pixels, valid], tf.uint8, stateful=False)
    return tf.ensure_shape(bits, (valid.shape[0], size, -(-size // 8)))


def pixels_along(affines: tf.Tensor, sizes: Any) -> tf.Tensor:
    """Line and column of the source pixel that each pixel of the result shows, (size, size, 2) int32; -1 for none.

    They are computed as :func:`kerascnn.data.transforms.affine.warped` does, and so rounded alike.
    """
    height, width = sizes[-1]
    y, x = tf.meshgrid(tf.range(height, dtype=tf.float32) + 0.5, tf.range(width, dtype=tf.float32) + 0.5, indexing="ij")
    inside = tf.ones((height, width), tf.bool)
    rows, before = tf.unstack(affines), [None, *sizes[:-1]]
    for affine, size in zip(reversed(rows), reversed(before), strict=True):
        a, b, c, d, e, f = tf.unstack(affine)
        column, line = (tf.floor(place) - 1 for place in (a * x + (b * y + (c + 1)), d * x + (e * y + (f + 1))))
        if size is not None:
            tall, wide = tf.unstack(tf.cast(size, tf.float32))
            inside &= (column >= 0) & (column < wide) & (line >= 0) & (line < tall)
        x, y = column + 0.5, line + 0.5
    found = tf.cast(tf.stack([y, x], -1) - 0.5, tf.int32)
    return tf.where(tf.expand_dims(inside, -1), found, -1)


def shown(row: bytes | np.ndarray, pixels: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The objects' bits where each pixel shows the one of the source that ``pixels`` names."""
    segments, height, width = segments_of(np.asarray(row, object).item())
    line, column = pixels[..., 0], pixels[..., 1]
    inside = (line >= 0) & (line < height) & (column >= 0) & (column < width)
    places = np.where(inside, column * height + line, 0)
    bits = np.zeros((len(valid), *inside.shape), bool)
    for number in np.flatnonzero(valid[: len(segments)]):
        bits[number] = bitmap_of(segments[number], height, width).ravel(order="F").take(places)
    return np.packbits(bits & inside, axis=-1)


def unpacked(masks: Any, size: int) -> Any:
    """Bits, (..., size, ceil(size / 8)) uint8, as numbers, (..., size, size) uint8: 1 where the object is."""
    shifts = tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8)
    bits: Any = tf.bitwise.bitwise_and(tf.bitwise.right_shift(masks[..., None], shifts), tf.constant(1, tf.uint8))
    whole = tf.concat([tf.shape(masks)[:-1], [8 * masks.shape[-1]]], 0)
    lines: Any = tf.reshape(bits, whole)
    return lines[..., :size]
