"""Random changes of light and colour, of images (H, W, C) float32 with values of 0 to 255, C being 1 or 3."""

from functools import partial

import tensorflow as tf

from kerascnn.data.transforms import colour

# The directions in which the colours of ImageNet's pixels vary (rows: red, green, blue), and how much, scaled to 0..1.
DIRECTIONS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
VARIANCES = (0.2175, 0.0188, 0.0045)


def jitter(
    image: tf.Tensor, seed: tf.Tensor, brightness: float, contrast: float, saturation: float, hue: float
) -> tf.Tensor:
    """Brightness, contrast, saturation and hue changed, in random order.

    Howard 2013, https://arxiv.org/abs/1312.5402, section 2.2. Each of the first three has a factor drawn evenly from
    1 - x to 1 + x, not below 0; hue moves by up to ``hue`` turns of the colour circle to either side. A grey image
    has neither saturation nor hue.
    """
    of_order, of_amount = tf.unstack(tf.random.split(seed, 2))
    draws = tf.unstack(tf.random.stateless_uniform([4], of_amount))
    lows = [(x, max(0.0, 1 - x)) for x in (brightness, contrast, saturation)]
    factors = [low + draw * (1 + x - low) for draw, (x, low) in zip(draws[:3], lows, strict=True)]
    operations = (colour.brightness, colour.contrast, colour.colour, hue_moved)
    amounts = (*factors, hue * (2 * draws[3] - 1))
    pixels = colour.rounded(image)
    for which in tf.unstack(tf.argsort(tf.random.stateless_uniform([4], of_order))):
        changes = [partial(change, pixels, amount) for change, amount in zip(operations, amounts, strict=True)]
        pixels = tf.ensure_shape(tf.switch_case(which, changes), image.shape)
    return tf.cast(pixels, image.dtype)


def hue_moved(image: tf.Tensor, turns: tf.Tensor | float) -> tf.Tensor:
    """Every colour moved along the circle of hues, (H, W, C) uint8; 1 is a whole turn. A grey image stays as it is."""
    if image.shape[-1] == 1:
        return image
    return colour.rounded(255 * tf.image.adjust_hue(tf.cast(image, tf.float32) / 255, turns))


def lighting(image: tf.Tensor, seed: tf.Tensor, deviation: float) -> tf.Tensor:
    """One colour added to all pixels, along the principal directions in which ImageNet's colours vary.

    Krizhevsky et al. 2012, "ImageNet Classification with Deep Convolutional Neural Networks", section 4.1: direction i
    times its variance times a normal number of the given ``deviation``. To grey images the luma of that is added.
    """
    draws = deviation * tf.random.stateless_normal([3], seed) * VARIANCES
    light = 255 * tf.linalg.matvec(tf.constant(DIRECTIONS), draws)
    if image.shape[-1] == 1:
        light = tf.reduce_sum(light * colour.LUMA, keepdims=True) / sum(colour.LUMA)
    return image + light
