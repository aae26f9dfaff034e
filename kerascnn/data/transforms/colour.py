"""Operations on the values of pixels, each as Pillow does it: (H, W, C) uint8 to (H, W, C) uint8, C being 1 or 3.

Those that take a ``factor`` mix the image with one that lacks a quality: 0 gives that one, 1 the image, and what lies
beyond has more of the quality than the image. Haeberli & Voorhies 1994, http://www.graficaobscura.com/interp/
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerascnn.data.transforms.affine import sides

Operation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

LUMA = (19595, 38470, 7471)  # of red, green and blue, in 65536ths: ITU-R 601 as Pillow rounds it


def invert(image: tf.Tensor) -> tf.Tensor:
    """Dark becomes light."""
    return 255 - image


def posterize(image: tf.Tensor, bits: tf.Tensor | int) -> tf.Tensor:
    """Only the first ``bits`` bits of each value, 0 to 8."""
    dropped = 8 - tf.cast(bits, tf.int32)
    return tf.bitwise.bitwise_and(image, tf.cast(256 - tf.bitwise.left_shift(1, dropped), tf.uint8))


def solarize(image: tf.Tensor, threshold: tf.Tensor | float) -> tf.Tensor:
    """Values from ``threshold`` (0 to 256) on are inverted."""
    first = tf.math.ceil(tf.cast(threshold, tf.float32))
    inverted = tf.cast(image >= to_pixels(first), tf.uint8)  # 0 or 1
    return tf.bitwise.bitwise_xor(image, inverted * tf.cast(tf.where(first < 256, 255, 0), tf.uint8))


def solarize_add(image: tf.Tensor, addition: tf.Tensor | float, threshold: int = 128) -> tf.Tensor:
    """Values below ``threshold`` are raised by ``addition``. Cubuk et al. 2019, https://arxiv.org/abs/1909.13719."""
    raised = tf.minimum(255 - image, to_pixels(tf.convert_to_tensor(addition)))
    return image + raised * tf.cast(image < threshold, tf.uint8)  # sums are many times faster than tf.where on bytes


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Each channel stretched so that its darkest value is 0 and its lightest 255; an even one stays as it is."""
    lowest, highest = (tf.cast(end(image, [0, 1]), tf.float64) for end in (tf.reduce_min, tf.reduce_max))
    scale = tf.where(highest > lowest, 255 / tf.maximum(highest - lowest, 1), 1)  # in 64 bits, as Python computes
    offset = tf.where(highest > lowest, -lowest * scale, 0)
    lines, width = in_lines(image)
    stretched = tf.cast(lines, tf.float64) * tf.tile(scale, [width]) + tf.tile(offset, [width])
    return tf.reshape(tf.cast(stretched, tf.uint8), sides(image))


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Each channel's values spread so that all ranges of values hold about as many pixels.

    The lightest value that occurs does not count as pixels to be spread; of too few pixels, none is changed.
    """
    channels = sides(image)[2]
    lines, width = in_lines(image)
    places = tf.cast(lines, tf.int32) + tf.tile(256 * tf.range(channels), [width])
    none = tf.zeros([0], tf.int32)  # tf.math.bincount looks first for numbers that are out of range
    counts = tf.raw_ops.Bincount(arr=tf.reshape(places, [-1]), size=256 * channels, weights=none)
    counts = tf.reshape(counts, [channels, 256])
    below = tf.cumsum(counts, 1, exclusive=True)
    lightest = tf.reduce_max(tf.where(counts > 0, tf.range(256), 0), 1)
    step = tf.gather(below, lightest, batch_dims=1)[:, None] // 255
    spread = tf.minimum((step // 2 + below) // tf.maximum(step, 1), 255)
    table = tf.cast(tf.where(step > 0, spread, tf.range(256)), tf.uint8)
    return tf.reshape(tf.gather(tf.reshape(table, [-1]), places), sides(image))


def brightness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """More or less light; 0 and less is black."""
    factor = tf.maximum(factor, 0.0)
    return tf.cast(tf.minimum(factor * tf.cast(image, tf.float32), 255), tf.uint8)


def contrast(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Further from or nearer to the image's mean luma, rounded; 0 is an even grey."""
    return mixed(tf.floor(tf.reduce_mean(luma(image)) + 0.5), image, factor)


def colour(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """More or less saturated; 0 is grey. A grey image stays as it is."""
    return mixed(luma(image, 3), image, factor) if image.shape[-1] == 3 else image


def sharpness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Sharper or smoother; 0 is the mean of 3 x 3 pixels, of which the middle one counts five times.

    The border, which has no such neighbourhood, stays as it is.
    """
    lines, _ = in_lines(image)
    pixel, exact = sides(image)[2], tf.cast(lines, tf.float32)
    rows = exact[:-2] + exact[1:-1] + exact[2:]
    middle = exact[1:-1, pixel:-pixel]
    smooth = rows[:, : -2 * pixel] + rows[:, pixel:-pixel] + rows[:, 2 * pixel :] + 4 * middle
    inner = to_pixels(between(tf.floor(smooth / 13 + 0.5), middle, factor))
    left, right = lines[1:-1, :pixel], lines[1:-1, pixel:][:, -pixel:]
    whole = tf.concat([lines[:1], tf.concat([left, inner, right], 1), lines[1:][-1:]], 0)
    return tf.reshape(whole, sides(image))


def luma(image: tf.Tensor, copies: int = 1) -> tf.Tensor:
    """Brightness as it is seen, (H, W, copies) float32, whole numbers: what is copied need not be broadcast."""
    exact = tf.cast(image, tf.float32)
    if image.shape[-1] == 1:
        return exact
    shares = tf.tile(tf.constant(LUMA, tf.float32, [3, 1]) / 65536, [1, copies])
    flat = tf.matmul(tf.reshape(exact, [-1, 3]), shares)  # 24 bits: exact
    return tf.reshape(tf.floor(flat + 0.5), [*sides(image)[:2], copies])


def mixed(without: tf.Tensor, image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """``image``, with ``factor`` times its distance from the image ``without`` the quality."""
    return to_pixels(between(without, tf.cast(image, tf.float32), factor))


def between(without: tf.Tensor, exact: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """The same, real numbers throughout."""
    return without + factor * (exact - without)


def in_lines(image: tf.Tensor) -> tuple[tf.Tensor, Any]:
    """(H, W, C) as (H, W * C), of which what differs by channel is added or multiplied many times faster; and W."""
    height, width, channels = sides(image)
    return tf.reshape(image, [height, width * channels]), width


def to_pixels(values: tf.Tensor) -> tf.Tensor:
    """Real numbers as values of pixels: within 0 to 255, and cut off rather than rounded, as Pillow does."""
    return tf.cast(tf.clip_by_value(values, 0, 255), tf.uint8)


def rounded(image: tf.Tensor) -> tf.Tensor:
    """Real values as the nearest that pixels have."""
    return to_pixels(tf.round(image))
