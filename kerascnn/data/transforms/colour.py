"""Operations on the values of pixels, each as Pillow does it: (H, W, C) uint8 to (H, W, C) uint8, C being 1 or 3.

Those that take a ``factor`` mix the image with one that lacks a quality: 0 gives that one, 1 the image, and what lies
beyond has more of the quality than the image. Haeberli & Voorhies 1994, http://www.graficaobscura.com/interp/
"""

from collections.abc import Callable

import tensorflow as tf

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
    exact = tf.cast(image, tf.float32)
    inverted = tf.cast(exact >= threshold, tf.float32)  # 0 or 1: sums are many times faster than tf.where on bytes
    return to_pixels(exact + inverted * (255 - 2 * exact))


def solarize_add(image: tf.Tensor, addition: tf.Tensor | float, threshold: int = 128) -> tf.Tensor:
    """Values below ``threshold`` are raised by ``addition``. Cubuk et al. 2019, https://arxiv.org/abs/1909.13719."""
    exact = tf.cast(image, tf.float32)
    return to_pixels(exact + addition * tf.cast(exact < threshold, tf.float32))


def autocontrast(image: tf.Tensor) -> tf.Tensor:
    """Each channel stretched so that its darkest value is 0 and its lightest 255; an even one stays as it is."""
    lowest, highest = (tf.cast(end(image, [0, 1]), tf.float64) for end in (tf.reduce_min, tf.reduce_max))
    scale = tf.where(highest > lowest, 255 / tf.maximum(highest - lowest, 1), 1)  # in 64 bits, as Python computes
    offset = tf.where(highest > lowest, -lowest * scale, 0)
    return to_pixels(tf.cast(image, tf.float64) * scale + offset)


def equalize(image: tf.Tensor) -> tf.Tensor:
    """Each channel's values spread so that all ranges of values hold about as many pixels.

    The lightest value that occurs does not count as pixels to be spread; of too few pixels, none is changed.
    """
    channels = tf.shape(image)[-1]
    places = tf.cast(image, tf.int32) + 256 * tf.range(channels)
    counts = tf.reshape(tf.math.bincount(places, minlength=256 * channels, maxlength=256 * channels), [channels, 256])
    below = tf.cumsum(counts, 1, exclusive=True)
    lightest = tf.reduce_max(tf.where(counts > 0, tf.range(256), 0), 1)
    step = tf.gather(below, lightest, batch_dims=1)[:, None] // 255
    spread = tf.minimum((step // 2 + below) // tf.maximum(step, 1), 255)
    table = tf.cast(tf.where(step > 0, spread, tf.range(256)), tf.uint8)
    return tf.gather(tf.reshape(table, [-1]), places)


def brightness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """More or less light; 0 is black."""
    return mixed(tf.constant(0.0), image, factor)


def contrast(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Further from or nearer to the image's mean luma, rounded; 0 is an even grey."""
    return mixed(tf.floor(tf.reduce_mean(luma(image)) + 0.5), image, factor)


def colour(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """More or less saturated; 0 is grey. A grey image stays as it is."""
    return mixed(luma(image), image, factor) if image.shape[-1] == 3 else image


def sharpness(image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """Sharper or smoother; 0 is the mean of 3 x 3 pixels, of which the middle one counts five times.

    The border, which has no such neighbourhood, stays as it is.
    """
    exact = tf.cast(image, tf.float32)
    around = tf.pad(exact, [[1, 1], [1, 1], [0, 0]])
    rows = around[:-2] + around[1:-1] + around[2:]
    smooth = tf.floor((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] + 4 * exact) / 13 + 0.5)
    y, x = (tf.range(side) for side in tf.unstack(tf.shape(image)[:2]))
    within = ((y > 0) & (y < y[-1]))[:, None, None] & ((x > 0) & (x < x[-1]))[:, None]
    return mixed(tf.where(within, smooth, exact), image, factor)


def luma(image: tf.Tensor) -> tf.Tensor:
    """Brightness as it is seen, (H, W, 1) float32, whole numbers."""
    exact = tf.cast(image, tf.float32)
    if image.shape[-1] == 1:
        return exact
    flat = tf.matmul(tf.reshape(exact, [-1, 3]), tf.constant(LUMA, tf.float32, [3, 1]))  # whole and below 2**24: exact
    return tf.reshape(tf.floor((flat + 32768) / 65536), [*tf.unstack(tf.shape(image)[:2]), 1])


def mixed(without: tf.Tensor, image: tf.Tensor, factor: tf.Tensor | float) -> tf.Tensor:
    """``image``, with ``factor`` times its distance from the image ``without`` the quality."""
    return to_pixels(without + factor * (tf.cast(image, tf.float32) - without))


def to_pixels(values: tf.Tensor) -> tf.Tensor:
    """Real numbers as values of pixels: within 0 to 255, and cut off rather than rounded, as Pillow does."""
    return tf.cast(tf.clip_by_value(values, 0, 255), tf.uint8)


def rounded(image: tf.Tensor) -> tf.Tensor:
    """Real values as the nearest that pixels have."""
    return to_pixels(tf.round(image))
