"""Detections: of the boxes and scores of all default boxes those that stand for an object each."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class Detections(NamedTuple):
    """The detections of a batch of images, the surest first; behind ``count`` of them is nothing but zeros."""

    boxes: Any  # (B, most, 4)
    scores: Any  # (B, most)
    classes: Any  # (B, most) int32
    count: Any  # (B,) int32
    places: Any  # (B, most) int32: which of the boxes each is


def detections(
    boxes: Any,
    scores: Any,
    *,
    least: float,
    overlap: float,
    candidates: int,
    most: int,
) -> Detections:
    """Suppress boxes that overlap a surer one of the same class. Girshick et al. 2013, section 2.2.

    All shapes are fixed, so that it runs in any graph.

    Parameters
    ----------
    boxes, scores
        Corners, (B, A, 4), and a score for each class, (B, A, K).
    least
        Only larger scores count.
    overlap
        IoU above which a box gives way.
    candidates
        Of every class the surest boxes that are looked at.
    most
        Detections of an image.
    """
    few = min(candidates, scores.shape[1])

    def surest(scores):
        best, places = tf.math.top_k(tf.transpose(scores), few)  # (K, few)
        classes = tf.repeat(tf.range(scores.shape[1]), few)
        return tf.reshape(best, [-1]), tf.reshape(places, [-1]), classes

    return suppressed(boxes, scores, surest, least=least, overlap=overlap, most=most)


def detections_of_maps(
    boxes: Any,
    scores: Any,
    maps: Sequence[int],
    *,
    least: float,
    overlap: float,
    candidates: int,
    most: int,
) -> Detections:
    """As :func:`detections`, of the surest pairs of a box and a class of every map. Lin et al. 2017, section 4.1.

    Parameters
    ----------
    maps
        How many of the boxes are of each map, one after the other.
    candidates
        Of every map the surest pairs that are looked at.
    """

    def surest(scores):
        found, start = [], 0
        for count in maps:
            pairs = tf.reshape(scores[start : start + count], [-1])
            best, places = tf.math.top_k(pairs, min(candidates, count * scores.shape[1]))
            found.append((best, start + places // scores.shape[1], places % scores.shape[1]))
            start += count
        return tuple(tf.concat(parts, axis=0) for parts in zip(*found, strict=True))

    return suppressed(boxes, scores, surest, least=least, overlap=overlap, most=most)


def suppressed(boxes: Any, scores: Any, surest: Callable, *, least: float, overlap: float, most: int) -> Detections:
    """The detections among what ``surest`` gives of an image's scores: scores, and their boxes' places and classes."""

    def of_image(pair):
        boxes, scores = pair
        best, places, classes = surest(scores)
        near = tf.gather(boxes, places)
        low = tf.reduce_min(near)
        extent = tf.reduce_max(near) - low + 1
        apart = near - low + tf.cast(classes, near.dtype)[:, None] * extent  # boxes of two classes never meet
        chosen, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=apart,
            scores=best,
            max_output_size=most,
            iou_threshold=overlap,
            score_threshold=least,
            pad_to_max_output_size=True,
        )
        there = tf.range(most) < count
        return (
            tf.where(there[:, None], tf.gather(near, chosen), 0.0),
            tf.where(there, tf.gather(best, chosen), 0.0),
            tf.where(there, tf.gather(classes, chosen), 0),
            count,
            tf.where(there, tf.gather(places, chosen), 0),
        )

    if boxes.shape[0] == 1:  # no loop, which runtimes of phones would have to run
        return Detections(*(part[None] for part in of_image((boxes[0], scores[0]))))
    one = tf.TensorSpec
    numbers = one((most,), tf.int32)
    signature = (one((most, 4)), one((most,)), numbers, one((), tf.int32), numbers)
    return Detections(*tf.map_fn(of_image, (boxes, scores), fn_output_signature=signature))
