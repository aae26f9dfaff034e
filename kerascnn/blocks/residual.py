"""Shortcuts, and branches that are dropped at random."""

from collections.abc import Iterator

from kerascnn import layers as L


def shortcut(k, x, width, stride):
    """x as it is, or through the 1x1 convolution that gives it ``width`` channels at ``stride``.

    He et al. 2015, section 3.3, option B. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    return x if stride == 1 and x.shape[-1] == width else k.conv_bn(x, width, 1, stride)


def padded_shortcut(k, x, width, stride, window=1):
    """x as it is, or one mean of ``window`` x ``window`` pixels at every ``stride``, with zeros as new channels.

    He et al. 2015, section 3.3, option A: no parameters. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    if stride > 1:
        x = k.avg_pool(x, window, stride, "same")
    return x if x.shape[-1] == width else k(L.PadChannels, width)(x)


def drop_path(k, x, rate):
    """Drop a sample's whole branch while training. Huang et al. 2016, https://arxiv.org/abs/1603.09382."""
    return k(L.Dropout, rate, noise_shape=(None, *(1 for _ in x.shape[1:])))(x) if rate else x


def residual(k, x, y, stride, drop=0.0):
    """x plus the branch y where y keeps its size and width, else y alone. Sandler et al. 2018, figure 4."""
    return k.add(x, drop_path(k, y, drop)) if stride == 1 and x.shape[-1] == y.shape[-1] else y


def drop_rates(last: float, blocks: int) -> Iterator[float]:
    """Drop rates that rise evenly from 0 at the first block. EfficientNet's released code."""
    return (last * i / blocks for i in range(blocks))


def basic(k, x, width, stride=1, *, gate=None, drop=0.0, skip=shortcut):
    """3x3, 3x3, plus x. He et al. 2015, figure 5, left. ``gate(k, y)`` and ``skip(k, x, width, stride)`` as needed."""
    y = k.conv_bn_act(x, width, 3, stride)
    y = k.conv_bn(y, width, 3)
    return merge(k, x, y, stride, gate, drop, skip)


def bottleneck(k, x, inner, width, strides=(1, 1), *, entry=None, groups=1, gate=None, drop=0.0, skip=shortcut):
    """1x1 to ``inner`` channels, 3x3, 1x1 to ``width``, plus x. He et al. 2015, figure 5, right.

    ``strides`` are those of the first 1x1 and of the 3x3: the paper strides in the first, Torch's port and most
    weights since in the second. ``entry`` is the width of the first 1x1 where it is not ``inner``.
    """
    y = k.conv_bn_act(x, entry or inner, 1, strides[0])
    y = k.conv_bn_act(y, inner, 3, strides[1], groups=groups)
    y = k.conv_bn(y, width)
    return merge(k, x, y, max(strides), gate, drop, skip)


def merge(k, x, y, stride, gate, drop, skip):
    y = gate(k / "gate", y) if gate else y
    return k.act(k.add(skip(k / "shortcut", x, y.shape[-1], stride), drop_path(k, y, drop)))


def preact_shortcut(k, x, a, width, stride):
    """x as it is, or the 1x1 convolution of the activated ``a`` that gives it ``width`` channels at ``stride``.

    He et al. 2016's released code. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    return x if stride == 1 and x.shape[-1] == width else k.conv(a, width, 1, stride)


def preact_basic(k, x, width, stride=1, *, dropout=0.0, drop=0.0, skip=preact_shortcut):
    """Batch norm, ReLU and 3x3, twice, plus x. He et al. 2016, figure 4e; Zagoruyko & Komodakis 2016, figure 1d.

    ``dropout`` is that before the second convolution. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    a = k.bn_act(x)
    y = k.bn_act(k.conv(a, width, 3, stride))
    y = k(L.Dropout, dropout)(y) if dropout else y
    y = k.conv(y, width, 3)
    return k.add(skip(k / "shortcut", x, a, width, stride), drop_path(k, y, drop))


def preact_bottleneck(k, x, inner, width, strides=(1, 1), *, bias=False, drop=0.0, skip=preact_shortcut):
    """Batch norm, ReLU and 1x1, 3x3, 1x1, the last with ``bias`` or without, plus x. He et al. 2016, section 4.

    ``strides`` are those of the first 1x1 and of the 3x3, as in :func:`bottleneck`.
    """
    a = k.bn_act(x)
    y = k.bn_act(k.conv(a, inner, 1, strides[0]))
    y = k.bn_act(k.conv(y, inner, 3, strides[1]))
    y = k.conv(y, width, bias=bias)
    return k.add(skip(k / "shortcut", x, a, width, max(strides)), drop_path(k, y, drop))
