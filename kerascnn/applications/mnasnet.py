"""MnasNet. Tan et al. 2018, figure 7 (A1); B1 and small are tables of the released code."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import depthwise_project, divisible, mbconv, quarter_gate, walk
from kerascnn.networks.architecture import Multiplied
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="MnasNet: platform-aware neural architecture search for mobile",
    authors="Tan, Chen, Pang, Vasudevan, Sandler, Howard & Le",
    year=2018,
    url="https://arxiv.org/abs/1807.11626",
)


def sep(k, x, size, t, width, stride):
    """Figure 7, SepConv: depthwise and 1x1; t is 1, and there is no shortcut."""
    return depthwise_project(k, x, width, size, stride)


def plain(k, x, size, t, width, stride):
    return mbconv(k, x, t * x.shape[-1], width, size, stride)


def gated(k, x, size, t, width, stride):
    c = x.shape[-1]
    return mbconv(k, x, t * c, width, size, stride, quarter_gate(c))


# block, size, expansion, width, repeats, stride
A1 = (
    (sep, 3, 1, 16, 1, 1),
    (plain, 3, 6, 24, 2, 2),
    (gated, 5, 3, 40, 3, 2),
    (plain, 3, 6, 80, 4, 2),
    (gated, 3, 6, 112, 2, 1),
    (gated, 5, 6, 160, 3, 2),
    (plain, 3, 6, 320, 1, 1),
)
B1 = (
    (sep, 3, 1, 16, 1, 1),
    (plain, 3, 3, 24, 3, 2),
    (plain, 5, 3, 40, 3, 2),
    (plain, 5, 6, 80, 3, 2),
    (plain, 3, 6, 96, 2, 1),
    (plain, 5, 6, 192, 4, 2),
    (plain, 3, 6, 320, 1, 1),
)
SMALL = (
    (sep, 3, 1, 8, 1, 1),
    (plain, 3, 3, 16, 1, 2),
    (plain, 3, 6, 16, 2, 2),
    (gated, 5, 6, 32, 4, 2),
    (gated, 3, 6, 32, 3, 1),
    (gated, 5, 6, 88, 3, 2),
    (plain, 3, 6, 144, 1, 1),
)


@dataclass(frozen=True)
class MnasNet(Multiplied):
    """A stem, seven stages of inverted residuals, some with squeeze-and-excitation, a last 1x1, average pool."""

    table: tuple[tuple, ...]
    stem: int = 32
    last: int = 1280  # whatever alpha is
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"table": ((sep, 3, 1, 8, 1, 1), (plain, 3, 3, 16, 2, 2), (gated, 5, 6, 16, 1, 2)), "last": 16, "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, divisible(self.stem * self.alpha), 3, 2)
        for scope, (block, size, t, width), stride in walk(k, self.table):
            x = block(scope, x, size, t, divisible(width * self.alpha), stride)
        return (k / "last").conv_bn_act(x, self.last)


MnasNetA1_035 = MnasNet("mnasnet_a1_035", 0.35, A1)
MnasNetA1_050 = MnasNet("mnasnet_a1_050", 0.5, A1)
MnasNetA1_075 = MnasNet("mnasnet_a1_075", 0.75, A1)
MnasNetA1_100 = MnasNetA1 = MnasNet("mnasnet_a1_100", 1.0, A1)
MnasNetA1_140 = MnasNet("mnasnet_a1_140", 1.4, A1)
MnasNetB1_035 = MnasNet("mnasnet_b1_035", 0.35, B1)
MnasNetB1_050 = MnasNet("mnasnet_b1_050", 0.5, B1)
MnasNetB1_075 = MnasNet("mnasnet_b1_075", 0.75, B1)
MnasNetB1_100 = MnasNetB1 = MnasNet("mnasnet_b1_100", 1.0, B1)
MnasNetB1_130 = MnasNet("mnasnet_b1_130", 1.3, B1)
MnasNetB1_140 = MnasNet("mnasnet_b1_140", 1.4, B1)
MnasNetSmall = MnasNet("mnasnet_small", 1.0, SMALL, 8, dropout=0.0)
# timm and pytorchcv add a shortcut round the first block, and their weights were trained with it
MnasNetSmallSkip = MnasNetSmall.replace(name="mnasnet_small_skip", table=((plain, *SMALL[0][1:]), *SMALL[1:]))
