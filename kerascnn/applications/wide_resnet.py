"""Wide residual networks. Zagoruyko & Komodakis 2016: Table 1 for CIFAR, section 3 for ImageNet."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import bottleneck, imagenet_stem, preact_basic, stages
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Wide residual networks",
    authors="Zagoruyko & Komodakis",
    year=2016,
    url="https://arxiv.org/abs/1605.07146",
)
STYLE = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", initializer="he_fan_out")


@dataclass(frozen=True)
class WRN(Architecture):
    """A 3x3, three stages of wide pre-activation blocks, average pool."""

    depth: int  # 6n + 4, for n blocks in each stage
    k: int  # times the width of ResNet
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    block_dropout: float = 0.0  # between the two convolutions of a block; 0.3 on CIFAR, 0.4 on SVHN, section 2.4
    style: Style = STYLE
    paper: Paper = PAPER

    tiny = {"depth": 10, "k": 1, "block_dropout": 0.3}
    min_size = 8

    def trunk(self, k, x):
        x = (k / "stem").conv(x, 16, 3)
        x = stages(k, x, 3 * [(self.depth - 4) // 6], self.block)
        return (k / "last").bn_act(x)

    def block(self, k, x, i, stride):
        return preact_basic(k, x, self.k * 16 * 2**i, stride, dropout=self.block_dropout)


@dataclass(frozen=True)
class WideResNet(Architecture):
    """ResNet for ImageNet, with bottlenecks that are wider inside."""

    depths: tuple[int, ...]
    widen: int
    width: int = 64
    _: KW_ONLY
    style: Style = STYLE
    paper: Paper = PAPER

    tiny = {"depths": (1, 2), "width": 8, "size": 32}

    def trunk(self, k, x):
        return stages(k, imagenet_stem(k, x, self.width), self.depths, self.block)

    def block(self, k, x, i, stride):
        width = self.width * 2**i
        return bottleneck(k, x, self.widen * width, 4 * width, (1, stride))


WRN40_1 = WRN("wrn_40_1", 40, 1)
WRN40_2 = WRN("wrn_40_2", 40, 2)
WRN40_4 = WRN("wrn_40_4", 40, 4)
WRN40_8 = WRN("wrn_40_8", 40, 8)
WRN28_10 = WRN("wrn_28_10", 28, 10)
WRN16_8 = WRN("wrn_16_8", 16, 8)
WRN16_10 = WRN("wrn_16_10", 16, 10)
WideResNet50_2 = WideResNet("wide_resnet50_2", (3, 4, 6, 3), 2)
WideResNet101_2 = WideResNet("wide_resnet101_2", (3, 4, 23, 3), 2)
