"""The inverted residual, its fused form, squeeze-and-excitation: MobileNetV2, V3, MnasNet, EfficientNet, FBNet ..."""

from kerascnn import layers as L
from kerascnn.blocks.residual import residual


def squeeze_excite(k, x, width, gate="sigmoid"):
    """Scale each channel by a weight from the whole map, by way of ``width`` units. Hu et al. 2017, figure 3."""
    s = k(L.GlobalAveragePooling2D, keepdims=True)(x)
    s = k.conv_act(s, width)
    s = k.act(k.conv(s, x.shape[-1], bias=True), gate)
    return k(L.Multiply)([x, s])


def quarter_gate(c):
    """Squeeze-and-excitation to a quarter of ``c``, the channels of the block's input. Tan et al. 2018."""
    return lambda k, y: squeeze_excite(k, y, max(1, c // 4))


def mbconv(k, x, hidden, width, size=3, stride=1, gate=None, drop=0.0):
    """1x1 to ``hidden`` channels where that widens x, then :func:`depthwise_project`; plus x where it fits.

    Sandler et al. 2018, figure 4. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden) if hidden != x.shape[-1] else x
    return residual(k, x, depthwise_project(k, y, width, size, stride, gate), stride, drop)


def depthwise_project(k, x, width, size=3, stride=1, gate=None, groups=1):
    """Depthwise, ``gate(k, x)`` if any, and a 1x1 in ``groups`` to ``width`` without activation.

    Sandler et al. 2018, figure 3b. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    x = (k / "depthwise").depthwise_bn_act(x, size, stride)
    x = gate(k / "gate", x) if gate else x
    return (k / "project").conv_bn(x, width, groups=groups)


def fused_mbconv(k, x, hidden, width, size=3, stride=1, drop=0.0):
    """A full convolution to ``hidden`` channels, 1x1 to ``width``; plus x where it fits.

    Tan & Le 2021, figure 2. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden, size, stride)
    return residual(k, x, (k / "project").conv_bn(y, width), stride, drop)
