"""Which object each default box is to find."""

from typing import Any

import tensorflow as tf

from kerascnn.detection.boxes import iou

NONE = -1  # a default box that is to find nothing


def matched(boxes: Any, valid: Any, defaults: Any, least: float) -> Any:
    """The number of its object for each default box, (B, A) int32, or ``NONE``. Liu et al. 2015, SSD, section 2.2.

    A default box finds the object of the largest IoU with it where that is ``least`` or more; and the default box of
    the largest IoU with an object finds that object, however small the IoU. Where several objects ask for the same
    default box, it is the last one's.

    Parameters
    ----------
    boxes
        Corners of the objects, (B, M, 4).
    valid
        Which of these there are, (B, M) bool.
    defaults
        Corners of the default boxes, (A, 4).
    """
    overlap = tf.where(valid[..., None], iou(boxes, defaults[None]), -1.0)  # (B, M, A)
    best = tf.argmax(overlap, axis=1, output_type=tf.int32)
    found = tf.where(tf.reduce_max(overlap, axis=1) >= least, best, NONE)
    favourite = tf.one_hot(tf.argmax(overlap, axis=2), tf.shape(overlap)[2], on_value=True, off_value=False)
    numbers = tf.range(tf.shape(overlap)[1])[:, None]
    asked = tf.reduce_max(tf.where(favourite & (overlap > 0), numbers, NONE), axis=1)
    return tf.where(asked >= 0, asked, found)
