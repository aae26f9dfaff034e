"""What a training shows while it runs."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.data.transforms.masks import unpacked
from kerascnn.detection.suppression import detections
from kerascnn.tasks.detection.meters import CANDIDATES, MOST, surest
from kerascnn.tasks.instance.meters import SIDE, flat, shown
from kerascnn.tasks.panoptic.evaluation import HIT
from kerascnn.tasks.panoptic.merging import HIDDEN, LEAST, SURE
from kerascnn.tasks.panoptic.prediction import STUFF
from kerascnn.tasks.task import SCORES


class PanopticQuality(keras.metrics.Metric):
    """Panoptic quality, its mean over the classes that occur, by some of an image's pixels.

    Kirillov et al. 2018, https://arxiv.org/abs/1801.00868, section 4; segments are merged as
    :func:`kerascnn.tasks.panoptic.merging.merged` does. It is made of counts, so that replicas add up exactly.
    """

    def __init__(self, classes: int, name: str):
        super().__init__(name=name)
        self.classes = classes
        self.iou = self.add_variable((classes,), "zeros", name="iou")
        self.counts = self.add_variable((classes, 3), "zeros", name="counts")  # found, wrong and missed

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:
        size = targets["masks"].shape[2]
        step = -(-size // SIDE)
        seen = np.arange(step // 2, size, step)
        numbers, kinds = self.segments(outputs, seen)
        known = flat(tf.gather(unpacked(tf.gather(targets["masks"], seen, axis=2), size), seen, axis=3))
        found = tf.transpose(tf.one_hot(numbers - 1, kinds.shape[1]), (0, 2, 1))  # (B, S, P * P)
        both = tf.matmul(found, known, transpose_b=True)
        of_found, of_known = tf.reduce_sum(found, -1), tf.reduce_sum(known, -1)
        nothing = of_found - tf.reduce_sum(both, -1)  # pixels of no segment
        either = of_found[:, :, None] + of_known[:, None] - both - nothing[:, :, None]
        alike = kinds[:, :, None] == tf.cast(targets["classes"], tf.int32)[:, None]
        true = targets["valid"] & ~targets["crowd"]
        hits = alike & true[:, None] & (tf.math.divide_no_nan(both, either) > HIT)
        crowd = tf.cast(alike & (targets["valid"] & targets["crowd"])[:, None], tf.float32)
        ignored = nothing + tf.reduce_sum(both * crowd, -1)
        there = of_found > 0
        hit = tf.reduce_any(hits, 2)
        wrong = there & ~hit & (tf.math.divide_no_nan(ignored, of_found) <= HIT)
        missed = true & (of_known > 0) & ~tf.reduce_any(hits, 1)
        overlap = tf.reduce_sum(tf.where(hits, tf.math.divide_no_nan(both, either), 0.0), 2)
        classes = tf.cast(targets["classes"], tf.int32)
        self.iou.assign_add(self.by_class(overlap, kinds))
        rows = [self.by_class(tf.cast(x, tf.float32), k) for x, k in ((hit, kinds), (wrong, kinds), (missed, classes))]
        self.counts.assign_add(tf.stack(rows, axis=1))

    def segments(self, outputs: Any, seen: np.ndarray) -> tuple[Any, Any]:
        """The segment of some pixels, (B, P * P) int32 from 1 and 0 for none, and the class of each, (B, S) int32."""
        boxes, scores, places = surest(outputs["boxes"], outputs[SCORES])
        most = min(MOST, boxes.shape[1])
        found = detections(boxes, scores, least=SURE, overlap=0.5, candidates=CANDIDATES, most=most)
        chosen = tf.gather(places, found.places, batch_dims=1)
        masks = shown(tf.gather(outputs["masks"], chosen, batch_dims=1), found.boxes, seen)
        masks = flat(masks & (tf.range(most) < found.count[:, None])[:, :, None, None]) > 0
        numbers = tf.zeros_like(masks[:, 0], tf.int32)
        for number in range(most):
            whole = masks[:, number]
            free = whole & (numbers == 0)
            area, left = (tf.reduce_sum(tf.cast(each, tf.float32), 1) for each in (whole, free))
            kept = area - left <= HIDDEN * area
            numbers = tf.where(free & kept[:, None], number + 1, numbers)
        stuff = tf.gather(tf.gather(outputs[STUFF], seen, axis=1), seen, axis=2)
        best = tf.reshape(tf.argmax(stuff, -1, tf.int32), tf.shape(numbers))
        kinds, things = stuff.shape[-1], outputs[SCORES].shape[-1]
        for kind in range(1, kinds):
            free = (best == kind) & (numbers == 0)
            enough = tf.reduce_sum(tf.cast(free, tf.float32), 1) >= LEAST * len(seen) ** 2
            numbers = tf.where(free & enough[:, None], most + kind, numbers)
        of_stuff = tf.broadcast_to(things + tf.range(kinds - 1), [tf.shape(numbers)[0], kinds - 1])
        classes = tf.concat([found.classes, of_stuff], 1)
        return numbers, tf.ensure_shape(classes, (None, most + kinds - 1))

    def by_class(self, values: Any, classes: Any) -> Any:
        """(classes,) sums of values of segments, (B, S)."""
        return tf.math.unsorted_segment_sum(tf.reshape(values, [-1]), tf.reshape(classes, [-1]), self.classes)

    def result(self) -> Any:
        found, wrong, missed = tf.unstack(tf.convert_to_tensor(self.counts), axis=1)
        total = found + (wrong + missed) / 2
        quality = tf.math.divide_no_nan(tf.convert_to_tensor(self.iou), total)
        return tf.math.divide_no_nan(tf.reduce_sum(quality), tf.reduce_sum(tf.cast(total > 0, tf.float32)))
