"""NASNet-A. Zoph et al. 2017, figures 2 and 4, with the widths and the adjustments of the released code."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import average
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Learning transferable architectures for scalable image recognition",
    authors="Zoph et al.",
    year=2017,
    url="https://arxiv.org/abs/1707.07012",
)


def separable(k, x, width, size, stride=1):
    """Activation, a depthwise convolution and a 1x1, batch norm; twice, as appendix A.4 says."""
    for step in (stride, 1):
        x = k.bn(k.conv(k.depthwise(k.act(x), size, step), width))
    return x


def squeeze(k, x, width):
    """1x1 to the width of the cell's branches."""
    return k.conv_bn(k.act(x), width)


def halve(k, x, width):
    """Every second pixel, and beside it every second pixel from the next one on, each through a 1x1 to half the width.

    ``(B, H, W, C)`` to ``(B, H / 2, W / 2, width)``.
    """
    x = k.act(x)
    moved = k(L.Cropping2D, ((1, 0), (1, 0)))(k(L.ZeroPadding2D, ((0, 1), (0, 1)))(x))
    return k.bn(k.concat(*(k.conv(k.avg_pool(y, 1, 2), width // 2) for y in (x, moved))))


def adjust(k, before, width, halved):
    """The map of the cell before at the size and width of the branches."""
    if halved:
        return halve(k, before, width)
    return before if before.shape[-1] == width else squeeze(k, before, width)


def normal(k, x, before, width, halved):
    """Figure 4, left: five sums of two branches, on the map of the last cell and that of the one before it."""
    p, h = adjust(k / "adjust", before, width, halved), squeeze(k / "squeeze", x, width)
    sums = (
        (separable(k / "left1", h, width, 5), separable(k / "right1", p, width, 3)),
        (separable(k / "left2", p, width, 5), separable(k / "right2", p, width, 3)),
        (average(k / "left3", h), p),
        (average(k / "left4", p), average(k / "right4", p)),
        (separable(k / "left5", h, width, 3), h),
    )
    return k.concat(p, *(k.add(*pair) for pair in sums))


def reduction(k, x, before, width, halved):
    """Figure 4, right: the same at half the size, where the first sum is a source of two others.

    Without a map ``before``, the last cell's takes its place as it is.
    """
    p = x if before is None else adjust(k / "adjust", before, width, halved)
    h = squeeze(k / "squeeze", x, width)
    padded, padding = k.with_style(padding=k.style.pooling).pad(h, 3, 2)

    def pool(side, kind):
        return (k / side)(kind, 3, 2, padding)(padded)

    one = k.add(separable(k / "left1", h, width, 5, 2), separable(k / "right1", p, width, 7, 2))
    two = k.add(pool("left2", L.MaxPooling2D), separable(k / "right2", p, width, 7, 2))
    three = k.add(pool("left3", L.AveragePooling2D), separable(k / "right3", p, width, 5, 2))
    four = k.add(two, average(k / "left4", one))
    five = k.add(separable(k / "left5", one, width, 3), pool("right5", L.MaxPooling2D))
    return k.concat(two, three, four, five)


@dataclass(frozen=True)
class NASNet(Architecture):
    """A stem with two reduction cells, three stages of normal cells with a reduction cell between, average pool.

    Keras' port, whose weights are published, pads with zeros that the pools of reduction cells take for numbers;
    ``pooling="same"`` in the style leaves them out as the released code does.
    """

    cells: int  # normal cells of each stage: N of the paper's "N @ P"
    width: int  # channels of the last map: P
    stem: int  # filters of the first convolution
    skip: bool = False  # whether the cell after a reduction looks past it, two maps back, or at the map that it halved
    _: KW_ONLY
    dropout: float = 0.5
    style: Style = Style(momentum=0.9997, pooling="zeros")
    paper: Paper = PAPER

    tiny = {"cells": 1, "width": 192, "stem": 8, "size": 32}

    def __call__(self, input_shape=None, include_top=True, weights=None, input_tensor=None, pooling=None, classes=None,
                 classifier_activation: Any = "softmax", name=None, *, include_preprocessing=False):  # fmt: skip
        """As every builder, with the arguments in Keras' order."""
        arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        return Architecture.__call__(self, *arguments, include_preprocessing=include_preprocessing)

    def trunk(self, k, x):
        stem, width = k / "stem", self.width // 24
        x = stem.bn(stem.with_style(padding="valid").conv(x, self.stem, 3, 2))
        x, before = reduction(k / "stem1", x, None, width // 4, halved=False), x
        x, before = reduction(k / "stem2", x, before, width // 2, halved=True), x
        for i in range(3):
            stage = k / f"stage{i + 1}"
            if i:
                y = reduction(stage / "reduce", x, before, width * 2**i, halved=False)
                x, before = y, before if self.skip else x
            for j in range(self.cells):
                x, before = normal(stage / f"cell{j + 1}", x, before, width * 2**i, halved=j == 0), x
        return (k / "last").act(x)


NASNetMobile = NASNet("nasnet_mobile", 4, 1056, 32)
NASNetLarge = NASNet("nasnet_large", 6, 4032, 96, skip=True, size=331)
