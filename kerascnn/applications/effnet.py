"""EffNet. Freeman et al. 2018, Table 1, for CIFAR-10. (EfficientNet is another network.)"""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper

PAPER = Paper(
    title="EffNet: an efficient structure for convolutional neural networks",
    authors="Freeman, Roese-Koerner & Kummert",
    year=2018,
    url="https://arxiv.org/abs/1801.06434",
)
TABLE_1 = ((32, 64), (64, 128), (128, 256))  # inner width, width


def leaky_bn(k, x):
    return k.bn(k(L.LeakyReLU, 0.3)(x))


def separable(k, x, inner, width):
    """Figure 1, right: 1x1, 1x3 and 3x1 depthwise, 2x1; the height is pooled and the width strided.

    ``(B, H, W, C)`` to ``(B, H / 2, W / 2, width)``.
    """
    x = leaky_bn(k, k.conv(x, inner))
    x = leaky_bn(k, k.depthwise(x, (1, 3)))
    x = k.max_pool(x, (2, 1), (2, 1))
    x = leaky_bn(k, k.depthwise(x, (3, 1)))
    return leaky_bn(k, k.conv(x, width, (2, 1), (1, 2)))


@dataclass(frozen=True)
class EffNetFamily(Architecture):
    """Blocks of convolutions along one axis at a time, and one dense layer on the whole map."""

    table: tuple[tuple[int, int], ...] = TABLE_1
    _: KW_ONLY
    size: int = 32
    classes: int = 10
    paper: Paper = PAPER

    tiny = {"table": ((4, 8), (8, 12))}

    def trunk(self, k, x):
        for i, (inner, width) in enumerate(self.table, 1):
            x = separable(k / f"block{i}", x, inner, width)
        return x

    def head(self, k, x, classes):
        return k(L.Dense, classes, dtype="float32")(k(L.Flatten)(x))


EffNet = EffNetFamily("effnet")
