"""EfficientNetV2. Tan & Le 2021, Table 4, with the widths and depths of the released code, which differ from it."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import deepen, divisible, drop_rates, fused_mbconv, mbconv, quarter_gate, residual, walk
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="EfficientNetV2: smaller models and faster training",
    authors="Tan & Le",
    year=2021,
    url="https://arxiv.org/abs/2104.00298",
)


def plain(k, x, t, width, stride, drop):
    """Nothing expanded: one 3x3 convolution."""
    return residual(k, x, (k / "fused").conv_bn_act(x, width, 3, stride), stride, drop)


def fused(k, x, t, width, stride, drop):
    return fused_mbconv(k, x, t * x.shape[-1], width, 3, stride, drop)


def gated(k, x, t, width, stride, drop):
    c = x.shape[-1]
    return mbconv(k, x, t * c, width, 3, stride, quarter_gate(c), drop)


# block, expansion, width, repeats, stride
BASE = (
    (plain, 1, 16, 1, 1),
    (fused, 4, 32, 2, 2),
    (fused, 4, 48, 2, 2),
    (gated, 4, 96, 3, 2),
    (gated, 6, 112, 5, 1),
    (gated, 6, 192, 8, 2),
)
S = (
    (plain, 1, 24, 2, 1),
    (fused, 4, 48, 4, 2),
    (fused, 4, 64, 4, 2),
    (gated, 4, 128, 6, 2),
    (gated, 6, 160, 9, 1),
    (gated, 6, 256, 15, 2),
)
PREPRINT = ((fused, 1, 24, 2, 1), *S[1:5], (gated, 6, 272, 15, 2))  # the S of the first version of the paper
M = (
    (plain, 1, 24, 3, 1),
    (fused, 4, 48, 5, 2),
    (fused, 4, 80, 5, 2),
    (gated, 4, 160, 7, 2),
    (gated, 6, 176, 14, 1),
    (gated, 6, 304, 18, 2),
    (gated, 6, 512, 5, 1),
)
L = (
    (plain, 1, 32, 4, 1),
    (fused, 4, 64, 7, 2),
    (fused, 4, 96, 7, 2),
    (gated, 4, 192, 10, 2),
    (gated, 6, 224, 19, 1),
    (gated, 6, 384, 25, 2),
    (gated, 6, 640, 7, 1),
)
XL = (
    (plain, 1, 32, 4, 1),
    (fused, 4, 64, 8, 2),
    (fused, 4, 96, 8, 2),
    (gated, 4, 192, 16, 2),
    (gated, 6, 256, 24, 1),
    (gated, 6, 512, 32, 2),
    (gated, 6, 640, 8, 1),
)


@dataclass(frozen=True)
class EfficientNetV2(Architecture):
    """A stem, fused stages, inverted residuals with squeeze-and-excitation, a last 1x1 convolution, average pool."""

    table: tuple[tuple, ...]
    stem: int
    width: float = 1.0
    depth: float = 1.0
    last: int = 1280
    _: KW_ONLY
    drop_path: float = 0.2
    style: Style = Style(activation="silu", momentum=0.9, initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"table": ((plain, 1, 8, 2, 1), (fused, 4, 16, 1, 2), (gated, 4, 16, 2, 2)), "stem": 8, "size": 32}

    def scaled(self, width):
        return divisible(width * self.width, least=0.0)  # the released code rounds down further than that of 2019

    def trunk(self, k, x):
        table = deepen(self.table, self.depth)
        drop = drop_rates(self.drop_path, sum(n for *_, n, _ in table))
        x = (k / "stem").conv_bn_act(x, self.scaled(self.stem), 3, 2)
        for scope, (block, t, width), stride in walk(k, table):
            x = block(scope, x, t, self.scaled(width), stride, next(drop))
        return (k / "last").conv_bn_act(x, self.scaled(self.last))


EfficientNetV2B0 = EfficientNetV2("efficientnet_v2_b0", BASE, 32, size=224, dropout=0.2)
EfficientNetV2B1 = EfficientNetV2("efficientnet_v2_b1", BASE, 32, 1.0, 1.1, size=240, dropout=0.2)
EfficientNetV2B2 = EfficientNetV2("efficientnet_v2_b2", BASE, 32, 1.1, 1.2, size=260, dropout=0.3)
EfficientNetV2B3 = EfficientNetV2("efficientnet_v2_b3", BASE, 32, 1.2, 1.4, size=300, dropout=0.3)
EfficientNetV2S = EfficientNetV2("efficientnet_v2_s", S, 24, size=384, dropout=0.2)
EfficientNetV2SPreprint = EfficientNetV2("efficientnet_v2_s_preprint", PREPRINT, 24, last=1792, size=384, dropout=0.2)
EfficientNetV2M = EfficientNetV2("efficientnet_v2_m", M, 24, size=480, dropout=0.3)
EfficientNetV2L = EfficientNetV2("efficientnet_v2_l", L, 32, size=480, dropout=0.4)
EfficientNetV2XL = EfficientNetV2("efficientnet_v2_xl", XL, 32, size=512, dropout=0.4)
