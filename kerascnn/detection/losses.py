"""Losses of detectors, of each image of a batch."""

from typing import Any

import tensorflow as tf

from kerascnn.detection.boxes import corners, offsets
from kerascnn.detection.matching import matched


def smooth_l1(difference: Any, beta: float = 1.0) -> tf.Tensor:
    """Half the square by ``beta`` up to ``beta``, the absolute value less half of ``beta`` above.

    Girshick 2015, Fast R-CNN, https://arxiv.org/abs/1504.08083, equation 3.
    """
    size = tf.abs(difference)
    return tf.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def multibox(
    scores: Any,
    predicted: Any,
    defaults: Any,
    targets: dict[str, Any],
    *,
    overlap: float,
    negatives: float,
) -> tf.Tensor:
    """SSD's loss of each image, (B,). Liu et al. 2015, https://arxiv.org/abs/1512.02325, equations 1 to 3.

    The cross-entropy of the matched default boxes and of the hardest others, ``negatives`` times as many, and the
    smooth L1 of the offsets of the matched ones; their sum is divided by the number of matched ones. An image without
    objects has none, and a loss of 0.

    Parameters
    ----------
    scores
        Logits, (B, A, 1 + K), of which the first stands for the background.
    predicted
        Offsets, (B, A, 4).
    defaults
        Middles and sizes of the default boxes, (A, 4).
    targets
        ``"boxes"``, corners (B, M, 4); ``"classes"``, (B, M) integers from 0; ``"valid"``, (B, M) bool.
    overlap
        As in :func:`kerascnn.detection.matching.matched`.
    """
    found = matched(targets["boxes"], targets["valid"], corners(defaults), overlap)
    positive: Any = found >= 0
    place = tf.maximum(found, 0)
    classes = tf.where(positive, 1 + tf.gather(tf.cast(targets["classes"], tf.int32), place, batch_dims=1), 0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, scores)
    count = tf.reduce_sum(tf.cast(positive, tf.float32), axis=1)

    hardness = tf.where(positive, -1.0, tf.stop_gradient(entropy))
    rank = tf.argsort(tf.argsort(hardness, direction="DESCENDING", stable=True), stable=True)
    hard = tf.logical_not(positive) & (tf.cast(rank, tf.float32) < negatives * count[:, None])
    of_classes = tf.reduce_sum(tf.where(positive | hard, entropy, 0.0), axis=1)

    wanted: Any = offsets(tf.gather(targets["boxes"], place, batch_dims=1), defaults)
    wanted = tf.where(positive[..., None], wanted, predicted)
    of_boxes = tf.reduce_sum(smooth_l1(predicted - tf.stop_gradient(wanted)), axis=[1, 2])
    return (of_classes + of_boxes) / tf.maximum(count, 1)
