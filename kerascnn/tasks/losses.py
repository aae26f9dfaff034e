"""Losses of classification, of images or of their pixels, as records. TensorFlow is imported when one is computed."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from kerascnn.data.dataset import IGNORE
from kerascnn.errors import suggest
from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import SCORES, Tensors

SHARES = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax")  # activations that make numbers of 0 to 1 of logits
BALANCED = "balanced"  # weights, or a sampling, by which all classes count alike


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
    class_weights
        What the loss of an image of each class is multiplied by, by the names of classes; those that are not named have
        a weight of 1. "balanced": so that the images of every class weigh the same together, and all of them as much as
        without weights. None: 1 for all. They hold for mixed images in proportion.

    All of this is for the steps of a training. The loss on validation images is the cross-entropy in nats that an
    evaluation reports too, of the classes as they are, whichever of these losses the steps minimise.
    """

    label_smoothing: float = 0.0
    auxiliary: float = 0.0
    class_weights: Mapping[str, float] | str | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        smoothing, weight = self.label_smoothing, self.auxiliary
        expect(is_number(smoothing) and 0 <= smoothing < 1, "label_smoothing", smoothing, "from 0, below 1")
        expect(is_number(weight) and weight >= 0, "auxiliary", weight, "a weight of 0 or more")
        weights = self.class_weights
        numbers = isinstance(weights, Mapping) and all(is_number(each) and each >= 0 for each in weights.values())
        what = '"balanced", None, or a weight of 0 or more for classes by name, such as {"cat": 2.0}'
        expect(numbers or weights in (None, BALANCED), "class_weights", weights, what)

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        return self.of(outputs[SCORES], targets["label"])

    def of(self, logits: Any, labels: Any) -> Any:
        """The loss of each image, ``(B,)``, from logits ``(B, classes)`` float32."""
        losses = self.of_weights(logits, smoothed(labels, logits.shape[-1], self.label_smoothing))
        return losses if self.class_weights is None else losses * self.of_classes(labels)

    def of_classes(self, labels: Any) -> Any:
        """The weight of each image, ``(B,)``, by its class, or by its classes where it is mixed."""
        import tensorflow as tf

        assert isinstance(self.class_weights, Mapping), "weights are for classes that are known: see weighed"
        weights = tf.constant([*self.class_weights.values()], tf.float32)
        return tf.linalg.matvec(labels, weights) if len(labels.shape) == 2 else tf.gather(weights, labels)

    def weighed(self, classes: tuple[str, ...], images: Any) -> Self:
        """The same loss with a weight for each of the classes, in their order.

        ``images`` are the numbers of the training images' classes, (N,), or None where an image has several. Raises
        ``ValueError`` when a weight is of no class, or ``"balanced"`` is asked for several.
        """
        named = self.class_weights
        if named is None:
            return self
        if isinstance(named, str):
            if images is None:
                raise ValueError(
                    'class_weights is "balanced", but images have more than one class each. Give weights by name.'
                )
            counts = np.bincount(images, minlength=len(classes))
            named = dict(zip(classes, (len(images) / (len(classes) * np.maximum(counts, 1))).tolist(), strict=True))
        for name in named:
            if name not in classes:
                raise ValueError(
                    f"class_weights has a weight for {name!r}, which is no class. {suggest(name, classes)}"
                )
        return replace(self, class_weights={name: float(named.get(name, 1)) for name in classes})

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
    (B, classes). Raises ``ValueError`` for another one that makes shares of logits.
    """
    import tensorflow as tf

    weights = smoothed(labels, scores.shape[-1])
    if activation == "sigmoid":
        yes, no = (tf.math.log(tf.maximum(p, 1e-7)) for p in (scores, 1 - scores))  # 1 - p is no finer in float32
        return -tf.reduce_mean(weights * yes + (1 - weights) * no, axis=-1)
    if activation == "softmax":
        return -tf.reduce_sum(weights * tf.math.log(tf.maximum(scores, 1e-30)), axis=-1)
    if activation in SHARES:
        raise ValueError(f"The network ends in a {activation}, and cross-entropy is of a softmax, a sigmoid or logits.")
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
