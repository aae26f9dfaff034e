"""Squeeze-and-excitation networks. Hu et al. 2017, Table 1 and the appendix: ResNet, ResNeXt and SENet-154."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn.blocks import basic, bottleneck, imagenet_stem, shortcut, squeeze_excite, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Squeeze-and-excitation networks",
    authors="Hu, Shen, Albanie, Sun & Wu",
    year=2017,
    url="https://arxiv.org/abs/1709.01507",
)


def gate(k, y):
    """Figure 3: squeeze to a sixteenth of the channels, and excite."""
    return squeeze_excite(k, y, y.shape[-1] // 16)


def se_basic(k, x, width, stride):
    """ResNet's two 3x3."""
    return basic(k, x, width, stride, gate=gate)


def se_bottleneck(k, x, width, stride):
    """ResNet's 1x1, 3x3, 1x1, with the stride on the first."""
    return bottleneck(k, x, width, 4 * width, (stride, 1), gate=gate)


def se_bottleneck_v1_5(k, x, width, stride):
    """The same with the stride on the 3x3."""
    return bottleneck(k, x, width, 4 * width, (1, stride), gate=gate)


def se_resnext(k, x, width, stride):
    """ResNeXt's 32 paths, 4 wide at first."""
    return bottleneck(k, x, 2 * width, 4 * width, (1, stride), groups=32, gate=gate)


def se_154(k, x, width, stride):
    """64 paths, 4 wide at first; half of their channels in the 1x1 before them; 3x3 in a shortcut at a stride."""
    wide = 4 * width
    return bottleneck(k, x, wide, wide, (1, stride), entry=2 * width, groups=64, gate=gate, skip=shortcut_3x3)


def shortcut_3x3(k, x, width, stride):
    return shortcut(k, x, width, stride) if stride == 1 else k.conv_bn(x, width, 3, stride)


@dataclass(frozen=True)
class SENet(Architecture):
    """A stem, four stages of residual blocks with squeeze-and-excitation, average pool."""

    block: Callable[..., Any]
    depths: tuple[int, ...]
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", pooling="ceil")
    paper: Paper = PAPER

    tiny = {"block": se_bottleneck, "depths": (1, 2), "width": 16, "size": 32}

    def stem(self, k, x):
        return imagenet_stem(k, x, self.width)

    def trunk(self, k, x):
        x = self.stem(k, x)
        return stages(k, x, self.depths, lambda k, x, i, stride: self.block(k, x, self.width * 2**i, stride))


@dataclass(frozen=True)
class SENet154Family(SENet):
    """Three 3x3 for a stem, and dropout before the classifier."""

    _: KW_ONLY
    dropout: float = 0.2

    tiny = {"block": se_154, "depths": (1, 1), "width": 32, "size": 32}

    def stem(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.width, 3, 2)
        x = (k / "stem").conv_bn_act(x, self.width, 3)
        x = (k / "stem").conv_bn_act(x, 2 * self.width, 3)
        return (k / "pool").max_pool(x, 3, 2)


SEResNet18 = SENet("se_resnet18", se_basic, (2, 2, 2, 2))
SEResNet34 = SENet("se_resnet34", se_basic, (3, 4, 6, 3))
SEResNet50 = SENet("se_resnet50", se_bottleneck, (3, 4, 6, 3))
SEResNet101 = SENet("se_resnet101", se_bottleneck, (3, 4, 23, 3))
SEResNet152 = SENet("se_resnet152", se_bottleneck, (3, 8, 36, 3))
SEResNet50V1_5 = SENet("se_resnet50_v1_5", se_bottleneck_v1_5, (3, 4, 6, 3))
SEResNet101V1_5 = SENet("se_resnet101_v1_5", se_bottleneck_v1_5, (3, 4, 23, 3))
SEResNet152V1_5 = SENet("se_resnet152_v1_5", se_bottleneck_v1_5, (3, 8, 36, 3))
SEResNeXt50_32x4d = SENet("se_resnext50_32x4d", se_resnext, (3, 4, 6, 3))
SEResNeXt101_32x4d = SENet("se_resnext101_32x4d", se_resnext, (3, 4, 23, 3))
SENet154 = SENet154Family("senet154", se_154, (3, 8, 36, 3))
