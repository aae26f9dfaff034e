"""CondenseNet. Huang et al. 2018, section 3, with the tables of the released code: as it trains, and as it runs."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="CondenseNet: an efficient DenseNet using learned group convolutions",
    authors="Huang, Liu, van der Maaten & Weinberger",
    year=2018,
    url="https://arxiv.org/abs/1711.09224",
)


@dataclass(frozen=True)
class CondenseNet(Architecture):
    """Dense blocks with only a pool between them; their 1x1 convolutions learn their groups while the network trains.

    A training condenses it, ``kerascnn.graph.condense.condensed`` then makes the converted form of it.
    """

    depths: tuple[int, ...]
    growths: tuple[int, ...]
    groups: int = 4  # G
    condense: int = 4  # C
    stride: int = 2  # of the stem
    _: KW_ONLY
    style: Style = Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"depths": (2, 2), "growths": (8, 16), "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv(x, 2 * self.growths[0], 3, self.stride)
        for i, (depth, growth) in enumerate(zip(self.depths, self.growths, strict=True), 1):
            x = (k / f"pool{i}").avg_pool(x, 2, 2) if i > 1 else x
            for j in range(depth):
                x = self.layer(k / f"stage{i}" / f"layer{j + 1}", x, growth)
        return (k / "last").bn_act(x)

    def layer(self, k, x, growth):
        """Figure 1, middle: 1x1 to four times the growth, 3x3 in groups; the input stays beside the output."""
        y = self.narrow(k, x, 4 * growth)
        y = k.conv(k.bn_act(y), growth, 3, groups=self.groups)
        return k.concat(x, y)

    def narrow(self, k, x, width) -> Any:
        return k(L.LearnedGroupConv2D, width, self.groups, self.condense, use_bias=False)(k.bn_act(x))

    def head(self, k, x, classes):
        x = k(L.GlobalAveragePooling2D)(x)  # section 4.2: the classifier drops half of its inputs, in one group
        return L.LearnedGroupConv2D(classes, 1, 2, dtype="float32", name=k.name("dense"))(x)


@dataclass(frozen=True)
class CondenseNetConverted(CondenseNet):
    """Figure 1, right: what each group kept is selected, then convolved in plain groups."""

    def narrow(self, k, x, width):
        x = k(L.SelectChannels, x.shape[-1] * self.groups // self.condense)(x)
        x = k.conv(k.bn_act(x), width, groups=self.groups)
        return k(L.ChannelShuffle, self.groups)(x)

    def head(self, k, x, classes):
        x = k(L.GlobalAveragePooling2D)(x)
        x = k(L.SelectChannels, x.shape[-1] // 2)(x)
        return k(L.Dense, classes, dtype="float32")(x)


IMAGENET = (4, 6, 8, 10, 8), (8, 16, 32, 64, 128)
SMALL: dict[str, Any] = {"stride": 1, "size": 32, "classes": 10}
CondenseNet74C4G4 = CondenseNet("condensenet74_c4_g4", *IMAGENET)
CondenseNet74C4G4Converted = CondenseNetConverted("condensenet74_c4_g4_converted", *IMAGENET)
CondenseNet74C8G8 = CondenseNet("condensenet74_c8_g8", *IMAGENET, 8, 8)
CondenseNet74C8G8Converted = CondenseNetConverted("condensenet74_c8_g8_converted", *IMAGENET, 8, 8)
CondenseNet86 = CondenseNet("condensenet86", 3 * (14,), (8, 16, 32), **SMALL)
CondenseNet86Converted = CondenseNetConverted("condensenet86_converted", 3 * (14,), (8, 16, 32), **SMALL)
CondenseNet182 = CondenseNet("condensenet182", 3 * (30,), (12, 24, 48), **SMALL)
CondenseNet182Converted = CondenseNetConverted("condensenet182_converted", 3 * (30,), (12, 24, 48), **SMALL)
