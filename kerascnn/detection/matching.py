"""Which object each default box is to find."""

from typing import Any

import tensorflow as tf

from kerascnn.detection.boxes import area, iou

NONE = -1  # a default box that is to find nothing
NEITHER = -2  # one whose overlap is too large for that, and too small for its object


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


def matched_between(boxes: Any, valid: Any, defaults: Any, low: float, high: float) -> Any:
    """The number of its object for each default box, (B, A) int32, or ``NONE``, or ``NEITHER``. Lin et al. 2017, s. 4.

    A default box finds the object of the largest IoU with it where that is ``high`` or more, nothing where it is less
    than ``low``, and does not learn in between. Those of the largest IoU with an object, all that share it, find the
    object of their own largest IoU, however small that is (Ren et al. 2015, section 3.1.2).

    The parameters are those of :func:`matched`.
    """
    overlap = tf.where(valid[..., None], iou(boxes, defaults[None]), -1.0)  # (B, M, A)
    best = tf.argmax(overlap, axis=1, output_type=tf.int32)
    most = tf.reduce_max(overlap, axis=1)
    found = tf.where(most >= high, best, tf.where(most < low, NONE, NEITHER))
    favourite = (overlap == tf.reduce_max(overlap, axis=2, keepdims=True)) & (overlap > 0)
    return tf.where(tf.reduce_any(favourite, axis=1), best, found)


def matched_regions(boxes: Any, valid: Any, regions: Any, least: float, low: float = 0.0) -> Any:
    """The number of its object for each region, (B, N) int32, or ``NONE``, or ``NEITHER``. Girshick 2015, section 2.3.

    A region, corners (B, N, 4), shows the object of the largest IoU with it where that is ``least`` or more, none where
    it is ``low`` or more, and does not learn below, as one without area never does. Objects are those of
    :func:`matched`.
    """
    overlap = tf.where(valid[..., None], iou(boxes, regions), -1.0)
    best, most = tf.argmax(overlap, axis=1, output_type=tf.int32), tf.reduce_max(overlap, axis=1)
    found = tf.where(most >= least, best, tf.where(tf.maximum(most, 0.0) >= low, NONE, NEITHER))
    return tf.where(area(regions) > 0, found, NEITHER)
