"""Losses of detectors that say boxes in cells, of each image of a batch: what YOLO's three versions learn by.

An object belongs to the cell that its middle lies in. Numbers are sums over an image, as in the released code
(https://github.com/pjreddie/darknet), and gradients those of it.
"""

from typing import Any

import tensorflow as tf

from kerascnn.detection.boxes import area, iou, middles_and_sizes, shared_in_pairs
from kerascnn.detection.losses import giou
from kerascnn.detection.matching import NONE
from kerascnn.layers.boxes import decoded_in_cells, decoded_roots


def logistic(
    objects: Any,
    logits: Any,
    said: Any,
    defaults: Any,
    steps: Any,
    targets: dict[str, Any],
    *,
    ignore: float,
    overlap: float = 1.0,
    of_place: float = 1.0,
    of_boxes: str = "squares",
) -> tf.Tensor:
    """YOLOv3's loss of each image, (B,). Redmon & Farhadi 2018, https://arxiv.org/abs/1804.02767, section 2.1.

    The cross-entropies of whether a box is an object, and of the classes of those that are, and ``of_place`` times the
    errors of their places. A box that overlaps an object by more than ``ignore`` and is not to find it does not learn.

    Parameters
    ----------
    objects
        Logits, (B, A, 1).
    logits
        Of classes, each by itself, (B, A, K).
    said, defaults, steps
        As :func:`kerascnn.layers.boxes.decoded_in_cells` takes them.
    targets
        As :func:`kerascnn.detection.losses.multibox` takes them.
    overlap
        IoU round one middle with an object above which an anchor of its cell is to find it, beside the one most like
        it, unless it is that of another object.
    of_boxes
        A name in ``OF_BOXES``.
    """
    there = has_area(targets)
    like = likeness(targets["boxes"], defaults, steps)
    place = tf.argmax(like, -1, output_type=tf.int32)
    found = finders(place, there, defaults.shape[0])
    if overlap < 1:
        also = tf.where((like > overlap) & there[..., None], tf.range(tf.shape(like)[1])[:, None], NONE)
        found = tf.where(found >= 0, found, tf.reduce_max(also, axis=1))
    positive: Any = tf.cast(found >= 0, tf.float32)
    near = overlaps(decoded_in_cells(said, defaults, steps), targets["boxes"], there) > ignore
    learns = tf.maximum(positive, 1 - tf.cast(near, tf.float32))
    of_objects = tf.reduce_sum(learns * entropy(positive, objects[..., 0]), axis=1)
    valid: Any = tf.cast(there, tf.float32)
    classes = tf.one_hot(targets["classes"], logits.shape[-1]) * valid[..., None]
    own = tf.gather(classes, tf.maximum(found, 0), batch_dims=1)
    wanted = tf.maximum(own, scattered(classes, place, defaults.shape[0]))  # both classes where two objects ask for it
    of_classes = tf.reduce_sum(positive[..., None] * entropy(wanted, logits), axis=[1, 2])
    places = of_places(said, defaults, steps, targets["boxes"], found, of_boxes)
    return of_objects + of_classes + of_place * places


def region(
    objects: Any,
    logits: Any,
    said: Any,
    defaults: Any,
    steps: Any,
    targets: dict[str, Any],
    *,
    ignore: float,
    of_object: float,
    of_none: float,
) -> tf.Tensor:
    """YOLOv2's loss of each image, (B,). The region layer of the released code of Redmon & Farhadi 2016.

    A box that is to find an object is to be as sure of it as it overlaps it, ``of_object`` times; one that is not, and
    overlaps none by more than ``ignore``, is to be sure of none, ``of_none`` times. To these add up the cross-entropy
    of the classes of those that find, and the errors of their places.

    The parameters are those of :func:`logistic`, but that a box has one of the classes.
    """
    there = has_area(targets)
    place = anchors_of(targets["boxes"], defaults, steps)
    found = finders(place, there, defaults.shape[0])
    positive: Any = tf.cast(found >= 0, tf.float32)
    predicted = tf.stop_gradient(decoded_in_cells(said, defaults, steps))
    fits = positive * in_pairs(predicted, tf.gather(targets["boxes"], tf.maximum(found, 0), batch_dims=1))
    far = 1 - tf.cast(overlaps(predicted, targets["boxes"], there) > ignore, tf.float32)
    weight = of_object * positive + of_none * (1 - positive) * far
    of_objects = tf.reduce_sum(weight * entropy(fits, objects[..., 0]), axis=1)
    classes = tf.gather(tf.cast(targets["classes"], tf.int32), tf.maximum(found, 0), batch_dims=1)
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
    return of_objects + tf.reduce_sum(positive * each, 1) + of_places(said, defaults, steps, targets["boxes"], found)


def sum_squared(
    sure: Any,
    shares: Any,
    said: Any,
    defaults: Any,
    steps: Any,
    targets: dict[str, Any],
    *,
    of_place: float,
    of_none: float,
) -> tf.Tensor:
    """YOLO's first loss of each image, (B,). Redmon et al. 2015, https://arxiv.org/abs/1506.02640, equation 3.

    The squared errors of the classes of cells with an object; of the place of the box that overlaps it most,
    ``of_place`` times; of how sure this one is, which is to be its overlap; and of how sure all others are, ``of_none``
    times. Where no box of a cell overlaps its object, the nearest counts, as in the released code. Of two objects in a
    cell it is to find the first.

    Parameters
    ----------
    sure
        (B, cells, boxes, 1).
    shares
        Of classes, (B, cells, 1, K).
    said, defaults, steps
        As :func:`kerascnn.layers.boxes.decoded_roots` takes them.
    targets
        As in :func:`logistic`.
    """
    cells, boxes = sure.shape[1], sure.shape[2]
    there = has_area(targets)
    number = tf.shape(there)[1] - 1  # objects are counted from the last on, for the largest number wins
    place = anchors_of(targets["boxes"], defaults[::boxes], steps[::boxes])
    found = finders(place[:, ::-1], there[:, ::-1], cells)
    found = tf.where(found >= 0, number - found, NONE)
    positive: Any = tf.cast(found >= 0, tf.float32)
    wanted: Any = tf.gather(targets["boxes"], tf.maximum(found, 0), batch_dims=1)

    rows = (-1, cells, boxes, 4)
    predicted: Any = tf.stop_gradient(tf.reshape(decoded_roots(said, defaults, steps), rows))
    overlap = in_pairs(predicted, wanted[:, :, None])
    scale = tf.tile(defaults[0, 2:], [2])  # width and height of the image
    off = tf.reduce_sum(((middles_and_sizes(predicted) - middles_and_sizes(wanted)[:, :, None]) / scale) ** 2, -1)
    best = tf.where(tf.reduce_max(overlap, -1) > 0, tf.argmax(overlap, -1), tf.argmin(off, -1))
    chosen: Any = tf.one_hot(best, boxes) * positive[..., None]

    middles = (middles_and_sizes(wanted)[..., :2] - defaults[::boxes, :2]) / steps[::boxes]
    roots = tf.sqrt(tf.maximum(middles_and_sizes(wanted)[..., 2:], 0.0) / defaults[0, 2:])
    errors = (tf.reshape(said, rows) - tf.concat([middles, roots], -1)[:, :, None]) ** 2
    of_places = of_place * tf.reduce_sum(chosen[..., None] * errors, axis=[1, 2, 3])
    weight = chosen + of_none * (1 - chosen)
    of_objects = tf.reduce_sum(weight * (sure[..., 0] - chosen * overlap) ** 2, axis=[1, 2])
    classes = tf.gather(tf.cast(targets["classes"], tf.int32), tf.maximum(found, 0), batch_dims=1)
    off = (shares[:, :, 0] - tf.one_hot(classes, shares.shape[-1])) ** 2
    return of_places + of_objects + tf.reduce_sum(positive[..., None] * off, axis=[1, 2])


def has_area(targets: dict[str, Any]) -> Any:
    """Which objects there are, (B, M): a box without width or height is none."""
    return targets["valid"] & (area(targets["boxes"]) > 0)


def anchors_of(boxes: Any, defaults: Any, steps: Any) -> Any:
    """The number of the box that is to find each object, (B, M): of its cells' anchors the one most like it in shape.

    Of anchors that are alike, and of an object whose middle lies in no cell, the first.
    """
    return tf.argmax(likeness(boxes, defaults, steps), -1, output_type=tf.int32)


def likeness(boxes: Any, defaults: Any, steps: Any) -> Any:
    """How alike in shape each object and each anchor of its cells are, (B, M, A): IoU round one middle; else -1."""
    wanted = middles_and_sizes(boxes)[..., None, :]
    middle, size = wanted[..., :2], wanted[..., 2:]
    corner, anchor = defaults[:, :2], defaults[:, 2:]
    inside = tf.reduce_all((corner <= middle) & (middle < corner + steps), axis=-1)
    both = tf.reduce_prod(tf.minimum(size, anchor), -1)
    return tf.where(inside, both / (tf.reduce_prod(size, -1) + tf.reduce_prod(anchor, -1) - both), -1.0)


def finders(place: Any, there: Any, count: int) -> Any:
    """The number of its object for each of ``count`` boxes, (B, count) int32, or ``NONE``; of several the last."""
    numbers: Any = tf.where(there, tf.range(tf.shape(place)[1]), NONE)
    return tf.reduce_max(scattered(numbers[..., None] - NONE, place, count), -1) + NONE


def scattered(values: Any, place: Any, count: int) -> Any:
    """Values of objects, (B, M, V), at their places among ``count`` boxes, (B, count, V): the largest, or 0."""
    images = tf.shape(place)[0]
    rows = tf.range(images)[:, None] * count + place
    found = tf.math.unsorted_segment_max(
        tf.reshape(values, (-1, values.shape[-1])), tf.reshape(rows, [-1]), images * count
    )
    return tf.reshape(tf.maximum(found, 0), (images, count, values.shape[-1]))


def overlaps(predicted: Any, boxes: Any, there: Any) -> Any:
    """The largest IoU of each box with an object, (B, A)."""
    found = tf.where(there[:, None], iou(tf.stop_gradient(predicted), boxes), 0.0)
    return tf.reduce_max(found, axis=-1)


def in_pairs(first: Any, second: Any) -> Any:
    """IoU of boxes in pairs."""
    both = shared_in_pairs(first, second)
    return tf.math.divide_no_nan(both, area(first) + area(second) - both)


def entropy(wanted: Any, logits: Any) -> Any:
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits)


def of_places(said: Any, defaults: Any, steps: Any, boxes: Any, found: Any, of_boxes: str = "squares") -> Any:
    """The errors of the places of boxes that find an object, (B,), as ``OF_BOXES`` measures them."""
    wanted = tf.gather(boxes, tf.maximum(found, 0), batch_dims=1)
    return tf.reduce_sum(tf.where(found >= 0, OF_BOXES[of_boxes](said, wanted, defaults, steps), 0.0), 1)


def squares(said: Any, boxes: Any, defaults: Any, steps: Any) -> Any:
    """Cross-entropy of middles, half squares of sizes. Small objects count up to twice as much as the whole image."""
    wanted: Any = middles_and_sizes(boxes)
    middle = (wanted[..., :2] - defaults[:, :2]) / steps
    size: Any = tf.math.log(tf.maximum(wanted[..., 2:], 1e-3) / defaults[:, 2:])
    image = tf.reduce_prod(tf.reduce_max(defaults[:, :2] + steps, axis=0))
    weight = 2 - tf.reduce_prod(wanted[..., 2:], -1) / image
    return weight * tf.reduce_sum(entropy(middle, said[..., :2]) + (said[..., 2:] - size) ** 2 / 2, -1)


def giou_in_cells(said: Any, boxes: Any, defaults: Any, steps: Any) -> Any:
    return giou(decoded_in_cells(said, defaults, steps), boxes)


OF_BOXES = {"squares": squares, "giou": giou_in_cells}  # (B, A) of what is said, and of the boxes that it should be
