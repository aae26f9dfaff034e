"""What each of several workers gets of a batch: an equal part, or one image more for the first of them."""

import numpy as np


def size_of_shard(batch: int, shard: tuple[int, int]) -> int:
    """How many of a batch's images worker number ``shard[0]`` of ``shard[1]`` gets."""
    index, count = shard
    return batch // count + (index < batch % count)


def is_own(images: int, batch: int, shard: tuple[int, int]) -> np.ndarray:
    """Whether each of a data set's images, in order, is the worker's, (N,) bool; the last batch may be shorter."""
    index, count = shard
    place = np.arange(images)
    begin = place // batch * batch
    size = np.minimum(batch, images - begin)
    first = begin + index * (size // count) + np.minimum(index, size % count)
    return (first <= place) & (place < first + size // count + (index < size % count))
