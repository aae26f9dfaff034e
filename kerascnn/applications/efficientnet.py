"""EfficientNet. Tan & Le 2019: B0 is Table 1, the others scale it; and Lite, which leaves out what phones do slowly.

B8 is that of Xie et al. 2019, https://arxiv.org/abs/1911.09665, and L2 that of https://arxiv.org/abs/1911.04252.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import deepen, divisible, drop_rates, mbconv, quarter_gate, walk
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="EfficientNet: rethinking model scaling for convolutional neural networks",
    authors="Tan & Le",
    year=2019,
    url="https://arxiv.org/abs/1905.11946",
)
LITE = Paper(
    title="Higher accuracy on vision models with EfficientNet-Lite",
    authors="Liu",
    year=2020,
    url="https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html",
)
TABLE_1 = (  # size, expansion, width, repeats, stride
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)


@dataclass(frozen=True)
class EfficientNet(Architecture):
    """A stem, seven stages of inverted residuals with squeeze-and-excitation, a last 1x1 convolution, average pool."""

    width: float
    depth: float
    table: tuple[tuple[int, ...], ...] = TABLE_1
    _: KW_ONLY
    drop_path: float = 0.2
    style: Style = Style(activation="silu", initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"table": ((3, 1, 8, 1, 1), (3, 6, 8, 1, 2), (5, 6, 16, 2, 2)), "width": 1.0, "depth": 1.0, "size": 32}

    def ends(self) -> tuple[int, int]:
        """Widths of the stem and of the last convolution."""
        return divisible(32 * self.width), divisible(1280 * self.width)

    def stages(self):
        """The table at this depth."""
        return deepen(self.table, self.depth)

    def gate(self, c):
        """Squeeze-and-excitation that squeezes to a quarter of c, the width of the block's input."""
        return quarter_gate(c)

    def trunk(self, k, x):
        stem, last = self.ends()
        x = (k / "stem").conv_bn_act(x, stem, 3, 2)
        drop = drop_rates(self.drop_path, sum(n for *_, n, _ in self.stages()))
        for scope, (size, t, width), stride in walk(k, self.stages()):
            c = x.shape[-1]
            x = mbconv(scope, x, t * c, divisible(width * self.width), size, stride, self.gate(c), next(drop))
        return (k / "last").conv_bn_act(x, last)


@dataclass(frozen=True)
class EfficientNetLite(EfficientNet):
    """No squeeze-and-excitation, ReLU6, and a stem, a first and a last stage and a head that stay as they are in B0."""

    _: KW_ONLY
    style: Style = Style(activation="relu6", initializer="he_fan_out")
    paper: Paper = LITE

    def ends(self):
        return 32, 1280

    def stages(self):
        first, *middle, last = self.table
        return first, *deepen(middle, self.depth), last

    def gate(self, c):
        return None


EfficientNetB0 = EfficientNet("efficientnet_b0", 1.0, 1.0, size=224, dropout=0.2)
EfficientNetB1 = EfficientNet("efficientnet_b1", 1.0, 1.1, size=240, dropout=0.2)
EfficientNetB2 = EfficientNet("efficientnet_b2", 1.1, 1.2, size=260, dropout=0.3)
EfficientNetB3 = EfficientNet("efficientnet_b3", 1.2, 1.4, size=300, dropout=0.3)
EfficientNetB4 = EfficientNet("efficientnet_b4", 1.4, 1.8, size=380, dropout=0.4)
EfficientNetB5 = EfficientNet("efficientnet_b5", 1.6, 2.2, size=456, dropout=0.4)
EfficientNetB6 = EfficientNet("efficientnet_b6", 1.8, 2.6, size=528, dropout=0.5)
EfficientNetB7 = EfficientNet("efficientnet_b7", 2.0, 3.1, size=600, dropout=0.5)
EfficientNetB8 = EfficientNet("efficientnet_b8", 2.2, 3.6, size=672, dropout=0.5)
EfficientNetL2 = EfficientNet("efficientnet_l2", 4.3, 5.3, size=800, dropout=0.5)
EfficientNetLite0 = EfficientNetLite("efficientnet_lite0", 1.0, 1.0, size=224, dropout=0.2)
EfficientNetLite1 = EfficientNetLite("efficientnet_lite1", 1.0, 1.1, size=240, dropout=0.2)
EfficientNetLite2 = EfficientNetLite("efficientnet_lite2", 1.1, 1.2, size=260, dropout=0.3)
EfficientNetLite3 = EfficientNetLite("efficientnet_lite3", 1.2, 1.4, size=280, dropout=0.3)
EfficientNetLite4 = EfficientNetLite("efficientnet_lite4", 1.4, 1.8, size=300, dropout=0.3)
