"""ResNet. He et al. 2015, Table 1; "v1.5", where the stride sits on the bottleneck's 3x3; section 4.2 for CIFAR."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn.blocks import basic, bottleneck, imagenet_stem, padded_shortcut, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Deep residual learning for image recognition",
    authors="He, Zhang, Ren & Sun",
    year=2015,
    url="https://arxiv.org/abs/1512.03385",
)


def bottleneck_v1(k, x, width, stride):
    """Figure 5, right: 1x1, 3x3, and 1x1 to four times the width, with the stride on the first."""
    return bottleneck(k, x, width, 4 * width, (stride, 1))


def bottleneck_v1_5(k, x, width, stride):
    """The same with the stride on the 3x3."""
    return bottleneck(k, x, width, 4 * width, (1, stride))


@dataclass(frozen=True)
class ResNet(Architecture):
    """A stem, four stages of residual blocks, average pool."""

    block: Callable[..., Any]
    depths: tuple[int, ...]
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1.001e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"block": bottleneck_v1, "depths": (1, 2), "width": 8, "size": 32}

    def trunk(self, k, x):
        x = imagenet_stem(k, x, self.width)
        return stages(k, x, self.depths, lambda k, x, i, stride: self.block(k, x, self.width * 2**i, stride))


@dataclass(frozen=True)
class ResNetCIFAR(Architecture):
    """6n + 2 layers on 32 x 32 pixels: a 3x3, three stages of n blocks whose shortcuts have no parameters."""

    n: int
    widths: tuple[int, ...] = (16, 32, 64)
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"n": 1, "widths": (8, 16)}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.widths[0], 3)
        depths = (self.n,) * len(self.widths)
        return stages(k, x, depths, lambda k, x, i, stride: basic(k, x, self.widths[i], stride, skip=padded_shortcut))


ResNet18 = ResNet("resnet18", basic, (2, 2, 2, 2))
ResNet34 = ResNet("resnet34", basic, (3, 4, 6, 3))
ResNet50 = ResNet("resnet50", bottleneck_v1, (3, 4, 6, 3))
ResNet101 = ResNet("resnet101", bottleneck_v1, (3, 4, 23, 3))
ResNet152 = ResNet("resnet152", bottleneck_v1, (3, 8, 36, 3))
ResNet50V1_5 = ResNet("resnet50_v1_5", bottleneck_v1_5, (3, 4, 6, 3))
ResNet101V1_5 = ResNet("resnet101_v1_5", bottleneck_v1_5, (3, 4, 23, 3))
ResNet152V1_5 = ResNet("resnet152_v1_5", bottleneck_v1_5, (3, 8, 36, 3))
ResNet20CIFAR = ResNetCIFAR("resnet20_cifar", 3)
ResNet32CIFAR = ResNetCIFAR("resnet32_cifar", 5)
ResNet44CIFAR = ResNetCIFAR("resnet44_cifar", 7)
ResNet56CIFAR = ResNetCIFAR("resnet56_cifar", 9)
ResNet110CIFAR = ResNetCIFAR("resnet110_cifar", 18)
ResNet1202CIFAR = ResNetCIFAR("resnet1202_cifar", 200)
