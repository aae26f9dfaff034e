"""What a training shows while it runs."""

from typing import Any

import keras
import tensorflow as tf

from kerascnn.detection.boxes import iou
from kerascnn.detection.suppression import detections
from kerascnn.tasks.task import SCORES

THRESHOLDS = [0.5 + step / 20 for step in range(10)]  # of IoU, as COCO has them
BINS = 200  # of scores
CANDIDATES, MOST = 200, 50  # default boxes of an image that are looked at, and detections that are counted


class AveragePrecision(keras.metrics.Metric):
    """COCO's average precision, its mean over IoU from 0.5 to 0.95 and over the classes, nearly.

    It is made of counts, so that replicas add up exactly, and cheap: scores count by their bin, and an object is found
    by the first detection that fits it best, as in PASCAL VOC (Everingham et al. 2010, section 4.4). ``kerascnn
    evaluate`` measures what COCO's own code does.
    """

    def __init__(self, classes: int, name: str):
        super().__init__(name=name)
        self.classes = classes
        self.right = self.add_variable((classes * BINS, len(THRESHOLDS)), "zeros", name="right")
        self.found = self.add_variable((classes * BINS,), "zeros", name="found")
        self.objects = self.add_variable((classes,), "zeros", name="objects")

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:
        boxes, scores, places = surest(outputs["boxes"], outputs[SCORES])
        found = detections(boxes, scores, least=0.01, overlap=0.5, candidates=CANDIDATES, most=MOST)
        there = tf.range(MOST) < found.count[:, None]  # (B, D)
        valid, classes = targets["valid"] & ~targets["crowd"], tf.cast(targets["classes"], tf.int32)
        alike = (found.classes[:, :, None] == classes[:, None]) & valid[:, None]
        places = tf.gather(places, found.places, batch_dims=1)
        overlap = tf.where(alike, self.overlaps(places, outputs, targets), 0.0)  # (B, D, M)
        which: Any = tf.argmax(overlap, -1)
        fits: Any = tf.where(there, tf.reduce_max(overlap, -1), 0.0)
        surer = tf.range(MOST)[:, None] > tf.range(MOST)
        rivals = surer & (which[:, :, None] == which[:, None])  # (B, D, D)
        claims: Any = fits[..., None] >= THRESHOLDS  # (B, D, T)
        taken = tf.einsum("bde,bet->bdt", tf.cast(rivals, tf.float32), tf.cast(claims, tf.float32)) > 0
        right = tf.cast(claims & tf.logical_not(taken), tf.float32)
        bins = found.classes * BINS + tf.minimum(tf.cast(found.scores * BINS, tf.int32), BINS - 1)
        bins = tf.reshape(bins, [-1])
        count = self.classes * BINS
        self.right.assign_add(tf.math.unsorted_segment_sum(tf.reshape(right, [-1, len(THRESHOLDS)]), bins, count))
        self.found.assign_add(tf.math.unsorted_segment_sum(tf.reshape(tf.cast(there, tf.float32), [-1]), bins, count))
        objects = tf.one_hot(classes, self.classes) * tf.cast(valid, tf.float32)[:, :, None]
        self.objects.assign_add(tf.reduce_sum(objects, axis=[0, 1]))

    def overlaps(self, places: Any, outputs: Any, targets: Any) -> Any:
        """IoU of the detections at some places, (B, D), and the objects: (B, D, M)."""
        return iou(tf.gather(outputs["boxes"], places, batch_dims=1), targets["boxes"])

    def result(self) -> Any:
        right = tf.reshape(tf.convert_to_tensor(self.right), (self.classes, BINS, -1))
        found = tf.reshape(tf.convert_to_tensor(self.found), (self.classes, BINS, 1))
        right, found = (tf.cumsum(counts, axis=1, reverse=True) for counts in (right, found))  # as sure or surer
        objects = tf.convert_to_tensor(self.objects)
        precision = tf.math.divide_no_nan(right, found)
        recall = tf.math.divide_no_nan(right, objects[:, None, None])
        levels = tf.linspace(0.0, 1.0, 101)
        reached = recall[:, None] >= levels[None, :, None, None] - 1e-6  # (K, 101, BINS, T)
        best = tf.reduce_max(tf.where(reached, precision[:, None], 0.0), axis=2)
        of_classes = tf.reduce_mean(best, axis=[1, 2])
        occurring = tf.cast(objects > 0, tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(of_classes * occurring), tf.reduce_sum(occurring))


def surest(boxes: Any, scores: Any) -> tuple[Any, Any, Any]:
    """Of each image the boxes that have the largest scores, with all of theirs, and their places."""
    _, places = tf.math.top_k(tf.reduce_max(scores, -1), min(CANDIDATES, scores.shape[1]))
    return tf.gather(boxes, places, batch_dims=1), tf.gather(scores, places, batch_dims=1), places
