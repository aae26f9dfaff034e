"""What each of several workers gets of a batch: an equal part, or one image more for the first of them."""

import numpy as np


def share_of(batch: int, share: tuple[int, int]) -> int:
    """How many of a batch's images worker number ``share[0]`` of ``share[1]`` gets."""
    index, count = share
    return batch // count + (index < batch % count)


def is_own(images: int, batch: int, share: tuple[int, int]) -> np.ndarray:
    """Whether each of a data set's images, in order, is the worker's, (N,) bool; the last batch may be shorter."""
    index, count = share
    place = np.arange(images)
    begin = place // batch * batch
    size = np.minimum(batch, images - begin)
    first = begin + index * (size // count) + np.minimum(index, size % count)
    return (first <= place) & (place < first + size // count + (index < size % count))
