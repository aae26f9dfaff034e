"""Identity mappings. He et al. 2016: "v2" as Google released it, and the pre-activation networks of the paper."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import preact_basic, preact_bottleneck, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Identity mappings in deep residual networks",
    authors="He, Zhang, Ren & Sun",
    year=2016,
    url="https://arxiv.org/abs/1603.05027",
)


@dataclass(frozen=True)
class ResNetV2(Architecture):
    """TF-Slim's form, and Keras': a stage ends with its stride, and what no batch norm follows has a bias."""

    depths: tuple[int, ...]
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1.001e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"depths": (2, 2), "width": 8, "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv(x, self.width, 7, 2, bias=True)
        x = (k / "pool").max_pool(x, 3, 2)  # the zeros round it count, for no ReLU stands before it
        for i, depth in enumerate(self.depths, 1):
            inner = self.width * 2 ** (i - 1)
            for j in range(1, depth + 1):
                strides = (1, 2 if j == depth and i < len(self.depths) else 1)
                scope = k / f"stage{i}" / f"block{j}"
                x = preact_bottleneck(scope, x, inner, 4 * inner, strides, bias=True, skip=subsample)
        return (k / "last").bn_act(x)


def subsample(k, x, a, width, stride):
    """A shortcut that keeps every second pixel; only the first of a stage has a convolution."""
    if x.shape[-1] != width:
        return k.conv(a, width, 1, stride, bias=True)
    return k(L.MaxPooling2D, 1, stride)(x) if stride > 1 else x


def narrow(k, x, width, stride):
    """1x1, 3x3, and 1x1 to four times the width, with the stride on the first: the authors' code for CIFAR."""
    return preact_bottleneck(k, x, width, 4 * width, (stride, 1))


def narrow_v1_5(k, x, width, stride):
    """The same with the stride on the 3x3: the ports for ImageNet."""
    return preact_bottleneck(k, x, width, 4 * width, (1, stride))


@dataclass(frozen=True)
class PreActResNet(Architecture):
    """A stage begins with its stride, as in ResNet, and no convolution has a bias."""

    block: Callable[..., Any]
    depths: tuple[int, ...]
    width: int = 64
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"block": narrow_v1_5, "depths": (1, 2), "width": 8, "size": 32}

    def stem(self, k, x):
        x = (k / "stem").conv(x, self.width, 7, 2)
        x = (k / "pool")(L.MaxPooling2D, 3, 1, "same")(x)  # two pools, for zeros round the map must not count:
        return (k / "pool")(L.MaxPooling2D, 1, 2)(x)  # no ReLU stands before them

    def trunk(self, k, x):
        x = self.stem(k, x)
        x = stages(k, x, self.depths, lambda k, x, i, stride: self.block(k, x, self.width * 2**i, stride))
        return (k / "last").bn_act(x)


@dataclass(frozen=True)
class CifarPreActResNet(PreActResNet):
    """The same for small images: a 3x3 for a stem, and three stages."""

    width: int = 16
    _: KW_ONLY
    size: int = 32
    classes: int = 10

    tiny = {"block": narrow, "depths": (1, 2), "width": 8}
    min_size = 8

    def stem(self, k, x):
        return (k / "stem").conv(x, self.width, 3)


ResNet50V2 = ResNetV2("resnet50_v2", (3, 4, 6, 3))
ResNet101V2 = ResNetV2("resnet101_v2", (3, 4, 23, 3))
ResNet152V2 = ResNetV2("resnet152_v2", (3, 8, 36, 3))
PreActResNet18 = PreActResNet("preact_resnet18", preact_basic, (2, 2, 2, 2))
PreActResNet34 = PreActResNet("preact_resnet34", preact_basic, (3, 4, 6, 3))
PreActResNet50 = PreActResNet("preact_resnet50", narrow_v1_5, (3, 4, 6, 3))
PreActResNet101 = PreActResNet("preact_resnet101", narrow_v1_5, (3, 4, 23, 3))
PreActResNet152 = PreActResNet("preact_resnet152", narrow_v1_5, (3, 8, 36, 3))
PreActResNet110 = CifarPreActResNet("preact_resnet110", preact_basic, (18, 18, 18))
PreActResNet164 = CifarPreActResNet("preact_resnet164", narrow, (18, 18, 18))
PreActResNet1001 = CifarPreActResNet("preact_resnet1001", narrow, (111, 111, 111))
