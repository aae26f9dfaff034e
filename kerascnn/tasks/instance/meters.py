"""What a training shows while it runs."""

from typing import Any

import numpy as np
import tensorflow as tf

from kerascnn.data.transforms.masks import unpacked
from kerascnn.tasks.detection.meters import AveragePrecision
from kerascnn.tasks.instance.pasting import HALF

SIDE = 128  # pixels of a line, and lines, spread evenly over the image, by which masks are compared


class MaskAveragePrecision(AveragePrecision):
    """COCO's average precision of masks, nearly: as that of boxes here, and by some of an image's pixels."""

    def overlaps(self, places: Any, outputs: Any, targets: Any) -> Any:
        boxes, masks = (tf.gather(outputs[name], places, batch_dims=1) for name in ("boxes", "masks"))
        size = targets["masks"].shape[2]
        step = -(-size // SIDE)
        seen = np.arange(step // 2, size, step)
        found = flat(shown(masks, boxes, seen))
        known = flat(tf.gather(unpacked(tf.gather(targets["masks"], seen, axis=2), size), seen, axis=3))
        both = tf.matmul(found, known, transpose_b=True)
        either = tf.reduce_sum(found, -1, keepdims=True) + tf.expand_dims(tf.reduce_sum(known, -1), 1) - both
        return tf.math.divide_no_nan(both, either)


def flat(masks: Any) -> Any:
    """(B, N, H, W) to (B, N, H * W) float32."""
    return tf.cast(tf.reshape(masks, [*tf.unstack(tf.shape(masks)[:2]), -1]), tf.float32)


def shown(masks: Any, boxes: Any, seen: np.ndarray) -> Any:
    """Whether objects are at some pixels, (B, N, P, P) bool, as :func:`kerascnn.tasks.instance.pasting.pasted` says it.

    Shares of 0 to 1 in boxes, (B, N, h, w) and (B, N, 4); the numbers of the pixels, (P,), down and across.
    """
    rows = weights(boxes[..., 1], boxes[..., 3], seen, masks.shape[2])
    columns = weights(boxes[..., 0], boxes[..., 2], seen, masks.shape[3])
    return tf.matmul(tf.matmul(rows, masks), columns, transpose_b=True) >= HALF


def weights(first: Any, last: Any, seen: np.ndarray, cells: int) -> Any:
    """How much each cell between two edges, (B, N), counts at the middles of pixels, (B, N, P, cells)."""
    place = tf.math.divide_no_nan(seen + np.float32(0.5) - first[..., None], (last - first)[..., None]) * cells - 0.5
    near = tf.maximum(0.0, 1 - tf.abs(place[..., None] - np.arange(cells, dtype="float32")))
    return tf.where((last > first)[..., None, None], near, 0.0)
