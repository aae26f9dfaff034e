"""What a training shows while it runs; pixels without a class do not count."""

from typing import Any

import keras
import tensorflow as tf

from kerascnn.data.dataset import IGNORE
from kerascnn.tasks.task import SCORES


class MeanIoU(keras.metrics.Metric):
    """Intersection over union of predicted and true pixels of a class, its mean over the classes that occur in either.

    Everingham et al. 2010, The PASCAL visual object classes challenge, section 4.4. Pixels are counted as integers, so
    that replicas and epochs of any size add up exactly.
    """

    def __init__(self, classes: int, name: str):
        super().__init__(name=name)
        self.classes = classes
        self.confusion = self.add_variable((classes, classes), "zeros", dtype="int64", name="confusion")

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:
        masks = tf.reshape(targets["mask"], [-1])
        counted = masks != IGNORE
        predicted = tf.reshape(tf.argmax(outputs[SCORES], -1), [-1])
        self.confusion.assign_add(
            tf.math.confusion_matrix(
                tf.where(counted, masks, 0), predicted, self.classes, tf.cast(counted, tf.int64), tf.int64
            )
        )

    def result(self) -> Any:
        confusion = tf.cast(self.confusion, tf.float64)
        both = tf.linalg.diag_part(confusion)
        either = tf.reduce_sum(confusion, 0) + tf.reduce_sum(confusion, 1) - both
        occurring = tf.reduce_sum(tf.cast(either > 0, tf.float64))
        return tf.math.divide_no_nan(tf.reduce_sum(tf.math.divide_no_nan(both, either)), occurring)


class PixelAccuracy(keras.metrics.Mean):
    """Fraction of the pixels whose largest score is that of their class."""

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> Any:
        masks = targets["mask"]
        right = tf.argmax(outputs[SCORES], -1, tf.int32) == tf.cast(masks, tf.int32)
        return super().update_state(right, tf.cast(masks != IGNORE, tf.float32))
