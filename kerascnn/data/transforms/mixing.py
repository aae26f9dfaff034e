"""Images of a batch mixed with each other, and their targets with them.

Images are (B, H, W, C) float32, targets (B, classes) float32, whose rows sum to 1. Each image has one partner, by a
random order of the batch.
"""

import tensorflow as tf


def mixup(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Every image is ``weight`` of itself and the rest of its partner; the weight is one for the batch.

    Zhang et al. 2017, https://arxiv.org/abs/1710.09412, section 2: the weight follows Beta(``alpha``, ``alpha``).
    """
    weight, order = betas(tf.random.split(seed, 2)[0], alpha, 1), partners(seed, tf.shape(images)[0])
    return blended(images, tf.gather(images, order), weight), blended(targets, tf.gather(targets, order), weight)


def cutmix(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Every image has one rectangle of its partner, at the same place in the whole batch.

    Yun et al. 2019, https://arxiv.org/abs/1905.04899, section 3.1: 1 - the rectangle's area follows
    Beta(``alpha``, ``alpha``), its sides are in the image's proportion, its middle is drawn evenly, and targets are
    mixed by the area that lies within the image.
    """
    of_weight, _, of_place = tf.unstack(tf.random.split(seed, 3))
    order = partners(seed, tf.shape(images)[0])
    shape = tf.shape(images)[1:3]
    size = tf.cast(shape, tf.float32)
    box = tf.cast(size * tf.sqrt(1 - betas(of_weight, alpha, 1)), tf.int32)
    corner = tf.cast(size * tf.random.stateless_uniform([2], of_place), tf.int32) - box // 2
    first, last = tf.maximum(corner, 0), tf.minimum(corner + box, shape)
    y, x = (tf.range(side) for side in tf.unstack(shape))
    inside = ((y >= first[0]) & (y < last[0]))[:, None, None] & ((x >= first[1]) & (x < last[1]))[:, None]
    weight = 1 - tf.cast(tf.reduce_prod(last - first), tf.float32) / tf.reduce_prod(size)
    return tf.where(inside, tf.gather(images, order), images), blended(targets, tf.gather(targets, order), weight)


def mixup_cutmix(
    images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha_mixup: float, alpha_cutmix: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """MixUp of the first half of the batch and CutMix of the second, as in the released code of EfficientNetV2.

    ``google/automl``, ``efficientnetv2/datasets.py``. The partners are the half in reverse, and every image has a
    weight or a rectangle of its own. MixUp leaves each image the greater weight. The targets of CutMix are mixed by
    one weight, the mean over the half, as there.
    """
    of_weight, of_area, of_place = tf.unstack(tf.random.split(seed, 3))
    half = tf.shape(images)[0] // 2
    weight = betas(of_weight, alpha_mixup, half)
    weight = tf.maximum(weight, 1 - weight)[:, None]
    inside = rectangles(tf.shape(images), betas(of_area, alpha_cutmix, tf.shape(images)[0] - half), of_place)
    left = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    (one, other), (ours, theirs) = (images[:half], images[half:]), (targets[:half], targets[half:])
    pasted = tf.where(tf.expand_dims(inside, -1), other[::-1], other)
    return (
        tf.concat([blended(one, one[::-1], weight[:, None, None]), pasted], 0),
        tf.concat([blended(ours, ours[::-1], weight), blended(theirs, theirs[::-1], left)], 0),
    )


def rectangles(shape: tf.Tensor, left: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """For every weight (N,) that is to be left, which pixels (N, H, W) a rectangle takes, cut off at the borders."""
    bounds = shape[1:3]
    reach = tf.cast(tf.sqrt(1 - left)[:, None] * tf.cast(bounds, tf.float32), tf.int32) // 2
    middle = tf.random.stateless_uniform(tf.stack([tf.size(left), 2]), seed) * tf.cast(bounds, tf.float32)
    middle = tf.cast(middle, tf.int32)
    first, last = tf.expand_dims(middle - reach, -1), tf.expand_dims(middle + reach, -1)  # (N, 2, 1)
    rows, columns = tf.range(bounds[0]), tf.range(bounds[1])
    tall = (rows >= first[:, 0]) & (rows < last[:, 0])
    wide = (columns >= first[:, 1]) & (columns < last[:, 1])
    return tall[:, :, None] & wide[:, None]


def betas(seed: tf.Tensor, alpha: float, count: tf.Tensor | int) -> tf.Tensor:
    """``count`` numbers that follow Beta(``alpha``, ``alpha``), float32."""
    draws = tf.random.stateless_gamma(tf.stack([count, 2]), seed, tf.constant(alpha, tf.float64), dtype=tf.float64)
    return tf.cast(draws[:, 0] / tf.reduce_sum(draws, 1), tf.float32)


def mixed_with(name: str, seed: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """With whom the mix called ``name`` mixes each image of a batch of ``size``, (B,) int32."""
    if name != "mixup_cutmix":
        return partners(seed, size)
    half = size // 2
    return tf.concat([tf.range(half)[::-1], tf.range(half, size)[::-1]], 0)


def partners(seed: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """A random order of a batch of ``size``, (B,) int32."""
    return tf.argsort(tf.random.stateless_uniform(tf.stack([size]), tf.random.split(seed, 2)[1]))


def blended(ours: tf.Tensor, partners: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    return weight * ours + (1 - weight) * partners
