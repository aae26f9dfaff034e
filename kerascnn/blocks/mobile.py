"""The inverted residual, its fused form and its gate: MobileNetV2 and V3, MnasNet, EfficientNet, FBNet ..."""

from kerascnn import layers as L
from kerascnn.blocks.residual import residual


def squeeze_excite(k, x, width, gate="sigmoid"):
    """Weigh each channel by what the whole map holds, through a waist of ``width``. Hu et al. 2017, figure 3."""
    s = k(L.GlobalAveragePooling2D, keepdims=True)(x)
    s = k.conv_act(s, width)
    s = k.act(k.conv(s, x.shape[-1], bias=True), gate)
    return k(L.Multiply)([x, s])


def quarter_gate(c):
    """The gate of a block whose input has ``c`` channels: a waist of a quarter of them. Tan et al. 2018."""
    return lambda k, y: squeeze_excite(k, y, max(1, c // 4))


def mbconv(k, x, hidden, width, size=3, stride=1, gate=None, drop=0.0, *, groups=1, expand=False, skip=True):
    """1x1 to ``hidden`` channels, depthwise, ``gate(k, y)`` if any, 1x1 to ``width``; plus x where it fits.

    The first 1x1 is drawn where it widens x, and with ``expand`` everywhere; the last has ``groups``; without
    ``skip`` nothing is added. Sandler et al. 2018, figure 4.
    ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden) if expand or hidden != x.shape[-1] else x
    y = (k / "depthwise").depthwise_bn_act(y, size, stride)
    y = gate(k / "gate", y) if gate else y
    y = (k / "project").conv_bn(y, width, groups=groups)
    return residual(k, x, y, stride, drop) if skip else y


def fused_mbconv(k, x, hidden, width, size=3, stride=1, drop=0.0, skip=True):
    """A full convolution to ``hidden`` channels, 1x1 to ``width``; plus x where it fits and ``skip`` lets it.

    Tan & Le 2021, figure 2. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = (k / "expand").conv_bn_act(x, hidden, size, stride)
    y = (k / "project").conv_bn(y, width)
    return residual(k, x, y, stride, drop) if skip else y
