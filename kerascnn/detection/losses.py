"""Losses of detectors, of each image of a batch."""

from typing import Any

import tensorflow as tf

from kerascnn.detection.boxes import area, corners, offsets, shared_in_pairs
from kerascnn.detection.matching import NEITHER, matched, matched_between, matched_regions
from kerascnn.detection.sampling import sampled
from kerascnn.layers.boxes import decoded, middles_and_sizes
from kerascnn.layers.regions import objectness


def smooth_l1(difference: Any, beta: float = 1.0) -> tf.Tensor:
    """Half the square by ``beta`` up to ``beta``, the absolute value less half of ``beta`` above.

    Girshick 2015, Fast R-CNN, https://arxiv.org/abs/1504.08083, equation 3.
    """
    size = tf.abs(difference)
    return tf.where(size < beta, size**2 / (2 * beta), size - beta / 2)


def focal(logits: Any, targets: Any, alpha: float = 0.25, gamma: float = 2.0) -> tf.Tensor:
    """The cross-entropy of sigmoids, less the surer they are: of each of ``logits``, which ``targets`` wants 0 or 1.

    ``-alpha_t (1 - p_t) ** gamma log(p_t)``, where ``p_t`` is the share of what is wanted, and ``alpha_t`` is ``alpha``
    of a 1 and the rest of a 0. Lin et al. 2017, https://arxiv.org/abs/1708.02002, equation 5.
    """
    right = (2 * targets - 1) * logits  # whose sigmoid is p_t
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return weight * tf.exp(-gamma * tf.nn.softplus(right)) * tf.nn.softplus(-right)


def giou(first: Any, second: Any, epsilon: float = 1e-7) -> tf.Tensor:
    """1 less the generalised IoU of boxes in pairs: corners, (..., 4) each, to (...), from 0 to 2.

    That is their IoU less the part of the box round both that neither covers. Rezatofighi et al. 2019,
    https://arxiv.org/abs/1902.09630, algorithm 1; ``epsilon`` keeps gradients finite where boxes have no area.
    """
    both = shared_in_pairs(first, second)
    either: Any = area(first) + area(second) - both
    least, most = tf.minimum(first[..., :2], second[..., :2]), tf.maximum(first[..., 2:], second[..., 2:])
    around = area(tf.concat([least, most], axis=-1))
    return 1 - both / (either + epsilon) + (around - either) / (around + epsilon)


def multibox(
    scores: Any,
    predicted: Any,
    defaults: Any,
    variances: Any,
    targets: dict[str, Any],
    *,
    overlap: float,
    negatives: float,
) -> tf.Tensor:
    """SSD's loss of each image, (B,). Liu et al. 2015, https://arxiv.org/abs/1512.02325, equations 1 to 3.

    The cross-entropy of the matched default boxes and of the hardest others, ``negatives`` times as many, and the
    smooth L1 of the offsets of the matched ones; their sum is divided by the number of matched ones. An image without
    objects has none, and a loss of 0.

    Parameters
    ----------
    scores
        Logits, (B, A, 1 + K), of which the first stands for the background.
    predicted
        Offsets, (B, A, 4).
    defaults
        Middles and sizes of the default boxes, (A, 4).
    variances
        Two numbers, by which offsets are scaled: :func:`kerascnn.layers.boxes.decoded`.
    targets
        ``"boxes"``, corners (B, M, 4); ``"classes"``, (B, M) integers from 0; ``"valid"``, (B, M) bool.
    overlap
        As in :func:`kerascnn.detection.matching.matched`.
    """
    found = matched(targets["boxes"], targets["valid"], corners(defaults), overlap)
    positive: Any = found >= 0
    place = tf.maximum(found, 0)
    classes = tf.where(positive, 1 + tf.gather(tf.cast(targets["classes"], tf.int32), place, batch_dims=1), 0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, scores)
    count = tf.reduce_sum(tf.cast(positive, tf.float32), axis=1)

    hardness = tf.where(positive, -1.0, tf.stop_gradient(entropy))
    rank = tf.argsort(tf.argsort(hardness, direction="DESCENDING", stable=True), stable=True)
    hard = tf.logical_not(positive) & (tf.cast(rank, tf.float32) < negatives * count[:, None])
    of_classes = tf.reduce_sum(tf.where(positive | hard, entropy, 0.0), axis=1)

    wanted: Any = offsets(tf.gather(targets["boxes"], place, batch_dims=1), defaults, variances)
    wanted = tf.where(positive[..., None], wanted, predicted)
    of_boxes = tf.reduce_sum(smooth_l1(predicted - tf.stop_gradient(wanted)), axis=[1, 2])
    return (of_classes + of_boxes) / tf.maximum(count, 1)


def dense_focal(
    scores: Any,
    predicted: Any,
    defaults: Any,
    variances: Any,
    targets: dict[str, Any],
    *,
    alpha: float,
    gamma: float,
    low: float,
    high: float,
    of_boxes: str,
) -> tf.Tensor:
    """RetinaNet's loss of each image, (B,). Lin et al. 2017, https://arxiv.org/abs/1708.02002, sections 3 and 4.

    The focal loss of every class at every default box but those between ``low`` and ``high``, and the loss of the
    matched boxes; their sum is divided by the number of matched ones, or by 1 where there is none.

    Parameters
    ----------
    scores
        Logits, (B, A, K).
    predicted, defaults, variances, targets
        As in :func:`multibox`.
    alpha, gamma
        As in :func:`focal`.
    low, high
        As in :func:`kerascnn.detection.matching.matched_between`.
    of_boxes
        A name in ``OF_BOXES``.
    """
    found = matched_between(targets["boxes"], targets["valid"], corners(defaults), low, high)
    positive: Any = found >= 0
    place = tf.maximum(found, 0)
    classes = tf.where(positive, tf.gather(tf.cast(targets["classes"], tf.int32), place, batch_dims=1), -1)
    learned = tf.cast(found != NEITHER, scores.dtype)[..., None]
    of_classes = tf.reduce_sum(
        learned * focal(scores, tf.one_hot(classes, scores.shape[-1]), alpha, gamma), axis=[1, 2]
    )
    wanted = tf.gather(targets["boxes"], place, batch_dims=1)
    each = OF_BOXES[of_boxes](predicted, wanted, defaults, variances)
    of_matched = tf.reduce_sum(tf.where(positive, each, 0.0), axis=1)
    return (of_classes + of_matched) / tf.maximum(tf.reduce_sum(tf.cast(positive, tf.float32), axis=1), 1)


def of_proposals(
    scores: Any,
    predicted: Any,
    defaults: Any,
    variances: Any,
    targets: dict[str, Any],
    *,
    low: float,
    high: float,
    count: int,
    share: float,
    beta: float,
) -> tf.Tensor:
    """The first stage's loss of each image, (B,). Ren et al. 2015, Faster R-CNN, section 3.1.

    The mean, over default boxes that are drawn, of the cross-entropy of there being an object or none, and of the
    smooth L1 of the offsets, which counts for those of objects.

    Parameters
    ----------
    scores
        Logits, (B, A, 1) or (B, A, 2), as :class:`kerascnn.layers.Proposals` takes them.
    predicted, defaults, variances
        As in :func:`multibox`.
    targets
        The same, and ``"seed"``, (B, 2).
    low, high
        As in :func:`kerascnn.detection.matching.matched_between`.
    count, share
        As in :func:`kerascnn.detection.sampling.sampled`.
    beta
        As in :func:`smooth_l1`.
    """
    found = matched_between(targets["boxes"], targets["valid"], corners(defaults), low, high)
    places, there = sampled(found, targets["seed"], count, share)
    found = tf.gather(found, places, batch_dims=1)
    positive: Any = there & (found >= 0)
    logits = tf.gather(objectness(scores), places, batch_dims=1)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(positive, logits.dtype), logits)
    boxes = tf.gather(targets["boxes"], tf.maximum(found, 0), batch_dims=1)
    wanted = offsets(boxes, tf.gather(defaults, places), variances)
    return mean_of_sampled(entropy, there, tf.gather(predicted, places, batch_dims=1), wanted, positive, beta)


def of_regions(
    scores: Any,
    predicted: Any,
    regions: Any,
    variances: Any,
    targets: dict[str, Any],
    *,
    overlap: float,
    low: float = 0.0,
    count: int,
    share: float,
    beta: float,
) -> tf.Tensor:
    """The second stage's loss of each image, (B,). Girshick 2015, Fast R-CNN, section 2.3.

    The mean, over regions that are drawn, of the cross-entropy with the background, and of the smooth L1 of the offsets
    for the object's class, which counts for regions of objects.

    Parameters
    ----------
    scores
        Logits, (B, N, 1 + K), of which the first stands for the background.
    predicted
        Offsets for each class, (B, N, 4 K), or for the background first, (B, N, 4 + 4 K).
    regions
        Corners, (B, N, 4); those of zeros are none.
    overlap, low
        As ``least`` and ``low`` in :func:`kerascnn.detection.matching.matched_regions`.
    variances, targets, count, share, beta
        As in :func:`of_proposals`.
    """
    found = matched_regions(targets["boxes"], targets["valid"], regions, overlap, low)
    places, there = sampled(found, targets["seed"], count, share)
    scores, predicted, regions, found = (
        tf.gather(each, places, batch_dims=1) for each in (scores, predicted, regions, found)
    )
    positive: Any = there & (found >= 0)
    place = tf.maximum(found, 0)
    classes = tf.where(positive, 1 + tf.gather(tf.cast(targets["classes"], tf.int32), place, batch_dims=1), 0)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, scores)
    kinds = predicted.shape[-1] // 4  # the classes are the last of these
    of_classes = tf.reshape(predicted, [-1, predicted.shape[1], kinds, 4])
    own = tf.maximum(classes - scores.shape[-1] + kinds, 0)
    around = middles_and_sizes(tf.where(positive[..., None], regions, tf.constant([0.0, 0, 1, 1])))
    wanted = offsets(tf.gather(targets["boxes"], place, batch_dims=1), around, variances)
    return mean_of_sampled(entropy, there, tf.gather(of_classes, own, batch_dims=2), wanted, positive, beta)


def mean_of_sampled(entropy: Any, there: Any, predicted: Any, wanted: Any, positive: Any, beta: float) -> tf.Tensor:
    """Of each image, over the drawn boxes that are ``there``: entropies, and differences of the ``positive`` ones."""
    wanted = tf.where(positive[..., None], wanted, predicted)
    of_boxes = tf.reduce_sum(smooth_l1(predicted - tf.stop_gradient(wanted), beta), axis=[1, 2])
    total = tf.reduce_sum(tf.where(there, entropy, 0.0), axis=1) + of_boxes
    return total / tf.maximum(tf.reduce_sum(tf.cast(there, tf.float32), axis=1), 1)


def l1_of_offsets(predicted: Any, wanted: Any, defaults: Any, variances: Any) -> Any:
    return tf.reduce_sum(tf.abs(predicted - offsets(wanted, defaults, variances)), axis=-1)


def smooth_l1_of_offsets(predicted: Any, wanted: Any, defaults: Any, variances: Any) -> Any:
    return tf.reduce_sum(smooth_l1(predicted - offsets(wanted, defaults, variances)), axis=-1)


def giou_of_boxes(predicted: Any, wanted: Any, defaults: Any, variances: Any) -> Any:
    return giou(decoded(predicted, defaults, variances), wanted)


OF_BOXES = {
    "l1": l1_of_offsets,
    "smooth_l1": smooth_l1_of_offsets,
    "giou": giou_of_boxes,
}  # (B, A) of offsets and boxes
