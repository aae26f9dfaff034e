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


def distilled(teacher: Any, student: Any, temperature: float) -> Any:
    """How far a student's softened shares are from its teacher's, by both logits: ``T^2 KL(p_T || q_T)``.

    Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2: T^2 keeps gradients as great as those of the
    targets. The paper's cross-entropy is greater by the teacher's own entropy, which has no gradient.
    """
    import tensorflow as tf

    taught, softened = teacher / temperature, student / temperature
    shares = tf.nn.softmax(taught)
    divergence = tf.reduce_sum(shares * (tf.nn.log_softmax(taught) - tf.nn.log_softmax(softened)), axis=-1)
    return temperature**2 * divergence


LOSSES: dict[str, Callable[[Any, Any, float], Any]] = {"softmax": softmax, "sigmoid": sigmoid}
