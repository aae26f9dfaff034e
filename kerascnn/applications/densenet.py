"""DenseNet-BC. Huang et al. 2016, Table 1."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.architecture import Architecture
from kerascnn.blocks import imagenet_stem
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Densely connected convolutional networks",
    authors="Huang, Liu, van der Maaten & Weinberger",
    year=2016,
    url="https://arxiv.org/abs/1608.06993",
)


def layer(k, x, growth):
    """B: a 1x1 convolution to four times the growth before the 3x3; its input stays beside its output."""
    y = k.conv(k.bn_act(x), 4 * growth)
    y = k.conv(k.bn_act(y), growth, 3)
    return k.concat(x, y)


def transition(k, x):
    """C: halve the channels, then the map."""
    x = k.conv(k.bn_act(x), x.shape[-1] // 2)
    return k.avg_pool(x, 2, 2)


@dataclass(frozen=True)
class DenseNet(Architecture):
    """A stem, dense blocks with transitions between them, average pool."""

    depths: tuple[int, ...]
    growth: int = 32
    _: KW_ONLY
    style: Style = Style(epsilon=1.001e-5, momentum=0.9, padding="symmetric")
    paper: Paper = PAPER

    tiny = {"depths": (2, 2), "growth": 8, "size": 32}

    def trunk(self, k, x):
        x = imagenet_stem(k, x, 2 * self.growth)
        for i, depth in enumerate(self.depths, 1):
            if i > 1:
                x = transition(k / f"transition{i - 1}", x)
            for j in range(depth):
                x = layer(k / f"stage{i}" / f"layer{j + 1}", x, self.growth)
        return (k / "last").bn_act(x)


DenseNet121 = DenseNet("densenet121", (6, 12, 24, 16))
DenseNet169 = DenseNet("densenet169", (6, 12, 32, 32))
DenseNet201 = DenseNet("densenet201", (6, 12, 48, 32))
DenseNet264 = DenseNet("densenet264", (6, 12, 64, 48))
DenseNet161 = DenseNet("densenet161", (6, 12, 36, 24), growth=48)
