"""Losses of classification, of images or of their pixels, as records. TensorFlow is imported when one is computed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerascnn.data.dataset import IGNORE
from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import SCORES, Tensors


@dataclass(frozen=True, kw_only=True)
class ClassificationLoss(ABC):
    """What the losses of classification have in common. Called with outputs and targets, it gives the loss, ``(B,)``.

    Parameters
    ----------
    label_smoothing
        The part of every target that is spread evenly over all classes. Szegedy et al. 2015,
        https://arxiv.org/abs/1512.00567, section 7.
    auxiliary
        Weight of the loss of each auxiliary head, for networks that have some: 0.3 in GoogLeNet, 0.4 in Inception v3.
        It is part of the objective alone; the loss that is reported is the head's.
    """

    label_smoothing: float = 0.0
    auxiliary: float = 0.0

    def __post_init__(self) -> None:
        smoothing, weight = self.label_smoothing, self.auxiliary
        expect(is_number(smoothing) and 0 <= smoothing < 1, "label_smoothing", smoothing, "from 0, below 1")
        expect(is_number(weight) and weight >= 0, "auxiliary", weight, "a weight of 0 or more")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        return self.of(outputs[SCORES], targets["label"])

    def of(self, logits: Any, labels: Any) -> Any:
        """The loss of each image, ``(B,)``, from logits ``(B, classes)`` float32."""
        return self.of_weights(logits, smoothed(labels, logits.shape[-1], self.label_smoothing))

    @abstractmethod
    def of_weights(self, logits: Any, weights: Any) -> Any:
        """The same from the weight of every class in each image, ``(B, classes)``."""


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(ClassificationLoss):
    """Cross-entropy of one choice among all classes."""

    def of_weights(self, logits: Any, weights: Any) -> Any:
        import tensorflow as tf

        return tf.nn.softmax_cross_entropy_with_logits(weights, logits)


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropy(ClassificationLoss):
    """Binary cross-entropy of a yes or no to every class, its mean over the classes.

    Wightman et al. 2021, ResNet strikes back, https://arxiv.org/abs/2110.00476, section 3.1. The network keeps its
    softmax, which ranks the classes alike.
    """

    def of_weights(self, logits: Any, weights: Any) -> Any:
        import tensorflow as tf

        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(weights, logits), axis=-1)


def smoothed(labels: Any, classes: int, smoothing: float = 0.0) -> Any:
    """Classes (B,), or their weights in mixed images (B, classes), to weights with ``smoothing`` spread evenly."""
    import tensorflow as tf

    rest = smoothing / classes
    if len(labels.shape) == 2:
        return (1 - smoothing) * labels + rest
    return tf.one_hot(labels, classes, 1 - smoothing + rest, rest)


def of_activated(activation: str, scores: Any, labels: Any) -> Any:
    """Cross-entropy of each image from what a whole model puts out: logits, or what a softmax or sigmoid made of them.

    ``activation`` is "softmax", "sigmoid", or "linear" for logits; scores are (B, classes), labels (B,) or weights
    (B, classes).
    """
    import tensorflow as tf

    weights = smoothed(labels, scores.shape[-1])
    if activation == "sigmoid":
        yes, no = (tf.math.log(tf.maximum(p, 1e-7)) for p in (scores, 1 - scores))  # 1 - p is no finer in float32
        return -tf.reduce_mean(weights * yes + (1 - weights) * no, axis=-1)
    if activation == "softmax":
        return -tf.reduce_sum(weights * tf.math.log(tf.maximum(scores, 1e-30)), axis=-1)
    return tf.nn.softmax_cross_entropy_with_logits(weights, scores)


def mean_of_pixels(loss: Callable[[Any, Any], Any], scores: Any, masks: Any) -> Any:
    """The mean loss over the pixels of each image that have a class, ``(B,)``; 0 for an image that has none.

    Scores are (B, H, W, classes), masks (B, H, W) integers; ``loss`` takes rows of scores and classes.
    """
    import tensorflow as tf

    counted = masks != IGNORE
    classes = tf.reshape(tf.where(counted, masks, 0), [-1])
    weights = tf.cast(counted, scores.dtype)
    of_pixels = tf.reshape(loss(tf.reshape(scores, [-1, scores.shape[-1]]), classes), tf.shape(masks))
    return tf.math.divide_no_nan(tf.reduce_sum(of_pixels * weights, [1, 2]), tf.reduce_sum(weights, [1, 2]))
