"""Which default boxes, and which regions, of an image a detector of two stages learns from."""

from typing import Any

import keras
import tensorflow as tf

from kerascnn.detection.matching import NONE, matched_regions


def sampled(found: Any, seeds: Any, count: int, share: float) -> tuple[Any, Any]:
    """Places of ``count`` boxes, at most ``share`` of them of objects, drawn at random; and whether each is one.

    The first are of objects, as many as there are up to that share, and the rest of boxes that are to find nothing. Ren
    et al. 2015, Faster R-CNN, section 3.1.3.

    Parameters
    ----------
    found
        For each of an image's boxes the number of its object, or a negative number, (B, A); those of ``NONE`` are to
        find nothing.
    seeds
        Of each image, (B, 2): the same boxes are drawn wherever it is in a batch.

    Returns
    -------
    tuple
        (B, count) int32; and (B, count) bool, False behind the last where an image has fewer boxes that can be drawn.
        Both are of fewer places where there are not so many boxes.
    """
    count = min(count, found.shape[1])
    most = max(1, int(count * share))
    drawn = tf.map_fn(
        lambda seed: tf.random.stateless_uniform([found.shape[1]], seed), seeds, fn_output_signature=tf.float32
    )
    chance, first = tf.math.top_k(tf.where(found >= 0, drawn, -1.0), most)
    objects = tf.reduce_sum(tf.cast(chance >= 0, tf.int32), axis=1, keepdims=True)
    chance, others = tf.math.top_k(tf.where(found == NONE, drawn, -1.0), count)
    number = tf.range(count)
    of_others = tf.maximum(number - objects, 0)
    places = tf.where(
        number < objects,
        tf.gather(first, tf.minimum(number, most - 1), axis=1),
        tf.gather(others, of_others, batch_dims=1),
    )
    return places, (number < objects) | (tf.gather(chance, of_others, batch_dims=1) >= 0)


class SampledRegions(keras.layers.Layer):
    """The regions that a second stage is trained on: some of those proposed, and of the objects' own boxes.

    It takes regions, (B, N, 4), and of an image's objects the boxes, whether each is there and whether it is a crowd,
    and the image's seed. It gives ``(B, count, 4)``, zeros where there is none, and the same without the objects' own.
    Outside training it gives the regions as they are, twice.
    """

    def __init__(self, count: int, share: float, overlap: float, low: float = 0.0, *, name: str):
        super().__init__(dtype="float32", name=name)
        self.count, self.share, self.overlap, self.low = count, share, overlap, low

    def call(self, inputs, training=False):
        regions, boxes, valid, crowd, seeds = inputs
        if not training:
            return regions, regions
        valid &= tf.logical_not(crowd)
        own = tf.where(valid[..., None], boxes, 0.0)
        every = tf.concat([regions, own], axis=1)
        found = matched_regions(boxes, valid, every, self.overlap, self.low)
        places, there = sampled(found, seeds, self.count, self.share)
        chosen = tf.where(there[..., None], tf.gather(every, places, batch_dims=1), 0.0)
        return chosen, tf.where((places < regions.shape[1])[..., None], chosen, 0.0)

    def compute_output_shape(self, input_shapes):
        batch = input_shapes[0][0]
        return (batch, None, 4), (batch, None, 4)
