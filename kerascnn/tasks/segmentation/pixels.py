"""The loss of an image from the losses of its pixels."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from kerascnn.data.dataset import IGNORE


def mean_of_pixels(loss: Callable[[Any, Any], Any], scores: Any, masks: Any) -> Any:
    """The mean loss over the pixels of each image that have a class, ``(B,)``; 0 for an image that has none.

    Parameters
    ----------
    loss
        From scores (N, classes) and classes (N,) to losses (N,).
    scores
        (B, H, W, classes).
    masks
        (B, H, W) integers.
    """
    counted = masks != IGNORE
    classes = tf.reshape(tf.where(counted, masks, 0), [-1])
    weights = tf.cast(counted, scores.dtype)
    of_pixels = tf.reshape(loss(tf.reshape(scores, [-1, scores.shape[-1]]), classes), tf.shape(masks))
    return tf.math.divide_no_nan(tf.reduce_sum(of_pixels * weights, [1, 2]), tf.reduce_sum(weights, [1, 2]))
