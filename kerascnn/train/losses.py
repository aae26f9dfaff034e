"""Losses: one number per image, from logits in float32. TensorFlow is imported when one is computed."""

from collections.abc import Callable
from typing import Any


def smoothed(targets: Any, classes: int, smoothing: float) -> Any:
    """Classes (B,), or shares of mixed images (B, classes), to shares with ``smoothing`` spread evenly over classes.

    Szegedy et al. 2015, https://arxiv.org/abs/1512.00567, section 7.
    """
    import tensorflow as tf

    rest = smoothing / classes
    if len(targets.shape) == 2:
        return (1 - smoothing) * targets + rest
    return tf.one_hot(targets, classes, 1 - smoothing + rest, rest)


def softmax(targets: Any, logits: Any, smoothing: float) -> Any:
    """Cross-entropy of one choice among all classes."""
    import tensorflow as tf

    return tf.nn.softmax_cross_entropy_with_logits(smoothed(targets, logits.shape[-1], smoothing), logits)


def sigmoid(targets: Any, logits: Any, smoothing: float) -> Any:
    """Binary cross-entropy of a yes or no to every class, its mean over the classes.

    Wightman et al. 2021, ResNet strikes back, https://arxiv.org/abs/2110.00476, section 3.1.
    """
    import tensorflow as tf

    shares = smoothed(targets, logits.shape[-1], smoothing)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(shares, logits), axis=-1)


LOSSES: dict[str, Callable[[Any, Any, float], Any]] = {"softmax": softmax, "sigmoid": sigmoid}
