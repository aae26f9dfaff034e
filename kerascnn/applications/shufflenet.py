"""ShuffleNet. Zhang et al. 2017, Table 1, and its widths scaled as in Table 2."""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import divisible, pool_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="ShuffleNet: an extremely efficient convolutional neural network for mobile devices",
    authors="Zhang, Zhou, Lin & Sun",
    year=2017,
    url="https://arxiv.org/abs/1707.01083",
)
TABLE_1 = {  # groups: widths of stages 2 to 4
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}


def unit(k, x, width, stride, groups, first):
    """Figure 2: 1x1, shuffle, depthwise 3x3, 1x1; plus x, or beside what x pools to where the map is halved.

    ``first`` is the number of groups of the first 1x1. ``(B, H, W, C)`` to ``(B, H / stride, W / stride, width)``.
    """
    y = k.conv_bn_act(x, width // 4, groups=first)
    y = k(L.ChannelShuffle, groups)(y) if groups > 1 else y
    y = k.bn(k.depthwise(y, 3, stride))
    y = k.conv_bn(y, width - x.shape[-1] if stride > 1 else width, groups=groups)
    return k.act(k.concat(y, k.avg_pool(x, 3, stride, "same")) if stride > 1 else k.add(x, y))


@dataclass(frozen=True)
class ShuffleNet(Architecture):
    """A stem, three stages of shuffled units whose first halves the map, average pool."""

    groups: int
    scale: float = 1.0
    stem: int = 24
    depths: tuple[int, ...] = (4, 8, 4)
    classifier_bias: bool = True
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric", count_padding=True)
    paper: Paper = PAPER

    tiny = {"groups": 3, "scale": 0.1, "stem": 6, "depths": (1, 2, 1), "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.stem, 3, 2)
        x = (k / "pool").max_pool(x, 3, 2)
        for i, (width, depth) in enumerate(zip(TABLE_1[self.groups], self.depths, strict=True), 2):
            width = divisible(width * self.scale, 4 * self.groups)  # a quarter of it comes in groups
            for j in range(depth):
                first = 1 if i == 2 and j == 0 else self.groups  # the stem is too narrow for groups
                x = unit(k / f"stage{i}" / f"block{j + 1}", x, width, 2 if j == 0 else 1, self.groups, first)
        return x

    def head(self, k, x, classes):
        return pool_classify(k, x, classes, bias=self.classifier_bias)


ShuffleNetG1_025 = ShuffleNet("shufflenet_g1_025", 1, 0.25, 6)
ShuffleNetG1_050 = ShuffleNet("shufflenet_g1_050", 1, 0.5, 12)
ShuffleNetG1_075 = ShuffleNet("shufflenet_g1_075", 1, 0.75, 18)
ShuffleNetG1_100 = ShuffleNet("shufflenet_g1_100", 1)
ShuffleNetG1_150 = ShuffleNet("shufflenet_g1_150", 1, 1.5, 36)
ShuffleNetG1_200 = ShuffleNet("shufflenet_g1_200", 1, 2.0, 48)
ShuffleNetG2_025 = ShuffleNet("shufflenet_g2_025", 2, 0.25, 6)
ShuffleNetG2_050 = ShuffleNet("shufflenet_g2_050", 2, 0.5, 12)
ShuffleNetG2_100 = ShuffleNet("shufflenet_g2_100", 2)
ShuffleNetG2_150 = ShuffleNet("shufflenet_g2_150", 2, 1.5, 36)
ShuffleNetG2_200 = ShuffleNet("shufflenet_g2_200", 2, 2.0, 48)
ShuffleNetG3_025 = ShuffleNet("shufflenet_g3_025", 3, 0.25, 6)
ShuffleNetG3_050 = ShuffleNet("shufflenet_g3_050", 3, 0.5, 12)
ShuffleNetG3_075 = ShuffleNet("shufflenet_g3_075", 3, 0.75, 18)
ShuffleNetG3_100 = ShuffleNet("shufflenet_g3_100", 3)
ShuffleNetG3_150 = ShuffleNet("shufflenet_g3_150", 3, 1.5, 36)
ShuffleNetG3_200 = ShuffleNet("shufflenet_g3_200", 3, 2.0, 48)
ShuffleNetG4_100 = ShuffleNet("shufflenet_g4_100", 4)
ShuffleNetG4_200 = ShuffleNet("shufflenet_g4_200", 4, 2.0, 48)
ShuffleNetG8_050 = ShuffleNet("shufflenet_g8_050", 8, 0.5, 16, classifier_bias=False)  # as in the released code
ShuffleNetG8_100 = ShuffleNet("shufflenet_g8_100", 8)
ShuffleNetG8_150 = ShuffleNet("shufflenet_g8_150", 8, 1.5, 24, classifier_bias=False)
ShuffleNetG8_200 = ShuffleNet("shufflenet_g8_200", 8, 2.0, 48)
