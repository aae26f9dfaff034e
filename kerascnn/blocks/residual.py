"""Shortcuts, and branches that are dropped at random."""

from collections.abc import Iterator

from kerascnn import layers as L


def shortcut(k, x, width, stride):
    """x as it is, or through the 1x1 convolution that gives it ``width`` channels at ``stride``.

    He et al. 2015, section 3.3, option B. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    return x if stride == 1 and x.shape[-1] == width else k.conv_bn(x, width, 1, stride)


def drop_path(k, x, rate):
    """Drop a sample's whole branch while training. Huang et al. 2016, https://arxiv.org/abs/1603.09382."""
    return k(L.Dropout, rate, noise_shape=(None, 1, 1, 1))(x) if rate else x


def residual(k, x, y, stride, drop=0.0):
    """x plus the branch y where y keeps its size and width, else y alone. Sandler et al. 2018, figure 4."""
    return k.add(x, drop_path(k, y, drop)) if stride == 1 and x.shape[-1] == y.shape[-1] else y


def drop_rates(last: float, blocks: int) -> Iterator[float]:
    """Drop rates that rise evenly from 0 at the first block. EfficientNet's released code."""
    return (last * i / blocks for i in range(blocks))
