"""ResNet. He et al. 2015, Table 1; and "v1.5", where the stride sits on the 3x3 convolution of the bottleneck."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn.architecture import Architecture
from kerascnn.blocks import shortcut
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Deep residual learning for image recognition",
    authors="He, Zhang, Ren & Sun",
    year=2015,
    url="https://arxiv.org/abs/1512.03385",
)


def basic(k, x, width, stride):
    """Figure 5, left: 3x3, 3x3."""
    y = k.conv_bn_act(x, width, 3, stride)
    y = k.conv_bn(y, width, 3)
    return k.act(k.add(shortcut(k / "shortcut", x, width, stride), y))


def bottleneck(k, x, width, stride):
    """Figure 5, right: 1x1, 3x3, and 1x1 to four times the width."""
    y = k.conv_bn_act(x, width, 1, stride)
    y = k.conv_bn_act(y, width, 3)
    y = k.conv_bn(y, 4 * width)
    return k.act(k.add(shortcut(k / "shortcut", x, 4 * width, stride), y))


def bottleneck_v1_5(k, x, width, stride):
    """The same with the stride on the 3x3, as Torch's port and most weights since have it."""
    y = k.conv_bn_act(x, width)
    y = k.conv_bn_act(y, width, 3, stride)
    y = k.conv_bn(y, 4 * width)
    return k.act(k.add(shortcut(k / "shortcut", x, 4 * width, stride), y))


@dataclass(frozen=True)
class ResNet(Architecture):
    """A stem, four stages of residual blocks, average pool."""

    block: Callable[..., Any]
    depths: tuple[int, ...]
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1.001e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"block": bottleneck, "depths": (1, 2), "width": 8, "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.width, 7, 2)
        x = (k / "pool").max_pool(x, 3, 2)
        for i, depth in enumerate(self.depths):  # conv2_x ... conv5_x
            for j in range(depth):
                stride = 2 if i > 0 and j == 0 else 1
                x = self.block(k / f"stage{i + 1}" / f"block{j + 1}", x, self.width * 2**i, stride)
        return x


ResNet18 = ResNet("resnet18", basic, (2, 2, 2, 2))
ResNet34 = ResNet("resnet34", basic, (3, 4, 6, 3))
ResNet50 = ResNet("resnet50", bottleneck, (3, 4, 6, 3))
ResNet101 = ResNet("resnet101", bottleneck, (3, 4, 23, 3))
ResNet152 = ResNet("resnet152", bottleneck, (3, 8, 36, 3))
ResNet50V1_5 = ResNet("resnet50_v1_5", bottleneck_v1_5, (3, 4, 6, 3))
ResNet101V1_5 = ResNet("resnet101_v1_5", bottleneck_v1_5, (3, 4, 23, 3))
ResNet152V1_5 = ResNet("resnet152_v1_5", bottleneck_v1_5, (3, 8, 36, 3))
