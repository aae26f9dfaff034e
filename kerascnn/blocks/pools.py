"""Pools that Keras has no padding for."""

from kerascnn import layers as L


def ceil_pool(k, x, size=3, stride=2):
    """Max pool whose last window may hang over the map's edge, as Caffe rounds the size of a map up.

    For maps of no negative numbers, as the zeros here stand for nothing. ``(B, H, W, C)`` to
    ``(B, ceil((H - size) / stride) + 1, ..., C)``.
    """
    over = stride - 1
    return k.but(padding="valid").max_pool(k(L.ZeroPadding2D, ((0, over), (0, over)))(x), size, stride)
