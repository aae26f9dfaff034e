"""What masks in regions are to be, and their loss. He et al. 2017, Mask R-CNN, https://arxiv.org/abs/1703.06870."""

from typing import Any

import tensorflow as tf

from kerascnn.layers.roi_align import RoIAlign


def of_masks(logits: Any, regions: Any, found: Any, targets: dict[str, Any]) -> tf.Tensor:
    """The loss of the masks in an image's regions, (B,): He et al. 2017, section 3.

    The mean, over the cells of all regions that show objects, of the cross-entropy of the sigmoid that stands for the
    object's class; other classes do not count. An image without such regions has a loss of 0.

    Parameters
    ----------
    logits
        Of each cell of each region and each class, (B, N, h, w, K).
    regions
        Corners, (B, N, 4).
    found
        The number of its object for each region, (B, N) int32; a negative one where it shows none.
    targets
        ``"classes"``, (B, M) integers from 0, and ``"masks"``, (B, M, size, ceil(size / 8)) uint8: a bit for each pixel
        of the image, as ``np.packbits`` lays them.
    """
    shows: Any = tf.cast(found >= 0, logits.dtype)
    place = tf.maximum(found, 0)
    classes = tf.where(found >= 0, tf.gather(tf.cast(targets["classes"], tf.int32), place, batch_dims=1), 0)
    own = tf.gather(tf.transpose(logits, (0, 1, 4, 2, 3)), classes, batch_dims=2)
    wanted = cropped(targets["masks"], place, regions, (logits.shape[2], logits.shape[3]))
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(wanted, own)
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.reduce_mean(entropy, axis=[2, 3]) * shows, axis=1), tf.reduce_sum(shows, axis=1)
    )


def cropped(masks: Any, place: Any, regions: Any, cells: tuple[int, int]) -> tf.Tensor:
    """The mask of an object in each region, (B, N, h, w) float32: 1 in cells at least half of which it fills.

    Cells are looked at by RoIAlign, four points in each. Masks are as in :func:`of_masks`, ``place`` is the number of
    the object, (B, N).
    """
    size, line = masks.shape[2], masks.shape[3]
    edges = regions - 0.5
    down, across = (
        RoIAlign((1,), count, aligned=True).points(edges[..., axis], edges[..., axis + 2], size)
        for axis, count in ((1, cells[0]), (0, cells[1]))
    )
    bytes_of = tf.reshape(masks, (tf.shape(masks)[0], -1))
    start = (place * (size * line))[..., None, None]
    filled: Any = 0.0
    for row, of_row in down:
        for column, of_column in across:
            row_start = start + (row * line)[..., :, None]
            byte = tf.cast(tf.gather(bytes_of, row_start + (column // 8)[..., None, :], batch_dims=1), tf.int32)
            bit = tf.bitwise.right_shift(byte, (7 - column % 8)[..., None, :]) % 2
            filled += of_row[..., :, None] * of_column[..., None, :] * tf.cast(bit, tf.float32)
    return tf.cast(filled / 4 >= 0.5, tf.float32)
