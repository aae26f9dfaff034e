"""A random part of the image wiped out. (H, W, C) float32, values of 0 to 255, to the same."""

import math

import tensorflow as tf

from kerascnn.data.transforms.geometry import GREY


def erasing(image: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """With ``probability``, a rectangle filled with noise.

    Zhong et al. 2017, https://arxiv.org/abs/1708.04896, algorithm 1: 2 to 40 % of the area, its height 0.3 to 1 / 0.3
    of its width, drawn until it fits, a hundred times at the most; each value is drawn evenly from 0 to 255. The
    logarithm of the proportion is drawn evenly, so that high and wide are alike.
    """
    of_chance, of_area, of_ratio, of_place, of_noise = tf.unstack(tf.random.split(seed, 5))
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    area = height * width * tf.random.stateless_uniform([100], of_area, 0.02, 0.4)
    bound = math.log(1 / 0.3)
    ratio = tf.exp(tf.random.stateless_uniform([100], of_ratio, -bound, bound))
    tall, wide = tf.round(tf.sqrt(area * ratio)), tf.round(tf.sqrt(area / ratio))
    fits = (tall < height) & (wide < width)
    first = tf.argmax(tf.cast(fits, tf.int32))
    happens = fits[first] & (tf.random.stateless_uniform([], of_chance) < probability)
    box = tf.where(happens, [tall[first], wide[first]], 0.0)
    corner = tf.floor(([height, width] - box + 1) * tf.random.stateless_uniform([2], of_place))
    shape = tf.concat([tf.cast(box, tf.int32), tf.shape(image)[2:]], 0)
    noise = tf.random.stateless_uniform(shape, of_noise, 0, 256, tf.int32)
    return pasted(image, tf.cast(noise, image.dtype), tf.cast(corner, tf.int32))


def cutout(image: tf.Tensor, seed: tf.Tensor, side: int) -> tf.Tensor:
    """A grey square of ``side`` pixels round a random pixel; what lies beyond the image's edge is lost.

    DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552, section 3.2. Grey is 128, for the data's mean.
    """
    shape = tf.shape(image)
    middle = tf.cast(tf.cast(shape[:2], tf.float32) * tf.random.stateless_uniform([2], seed), tf.int32)
    corner = tf.maximum(middle - side // 2, 0)
    box = tf.minimum(middle - side // 2 + side, shape[:2]) - corner
    return pasted(image, tf.fill([box[0], box[1], shape[2]], tf.cast(GREY, image.dtype)), corner)


def pasted(image: tf.Tensor, patch: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
    """``image`` with ``patch`` laid over it, its first pixel on ``corner``."""
    rest = tf.shape(image)[:2] - corner - tf.shape(patch)[:2]
    sides = tf.concat([tf.stack([corner, rest], 1), [[0, 0]]], 0)
    covered = tf.pad(tf.ones_like(patch, tf.bool), sides)
    return tf.ensure_shape(tf.where(covered, tf.pad(patch, sides), image), image.shape)
