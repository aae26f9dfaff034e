"""EfficientNet-EdgeTPU. Gupta & Tan 2019: searched for the Edge TPU, which prefers full convolutions and ReLU."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import deepen, divisible, drop_rates, fused_mbconv, mbconv, walk
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="EfficientNet-EdgeTPU: creating accelerator-optimized neural networks with AutoML",
    authors="Gupta & Tan",
    year=2019,
    url="https://research.google/blog/efficientnet-edgetpu-creating-accelerator-optimized-neural-networks-with-automl/",
)


def first(k, x, size, t, width, stride, drop):
    """Expands its own width, not that of the stem before it, and has no shortcut."""
    y = (k / "expand").conv_bn_act(x, t * width, size, stride)
    return (k / "project").conv_bn(y, width)


def fused(k, x, size, t, width, stride, drop):
    return fused_mbconv(k, x, t * x.shape[-1], width, size, stride, drop)


def depthwise(k, x, size, t, width, stride, drop):
    return mbconv(k, x, t * x.shape[-1], width, size, stride, drop=drop)


TABLE = (  # block, size, expansion, width, repeats, stride; the authors' released code
    (first, 3, 4, 24, 1, 1),
    (fused, 3, 8, 32, 2, 2),
    (fused, 3, 8, 48, 4, 2),
    (depthwise, 5, 8, 96, 5, 2),
    (depthwise, 5, 8, 144, 4, 1),
    (depthwise, 5, 8, 192, 2, 2),
)


@dataclass(frozen=True)
class EfficientNetEdgeTPU(Architecture):
    """A stem, three fused and three depthwise stages, a last 1x1 convolution, average pool."""

    width: float
    depth: float
    table: tuple[tuple, ...] = TABLE
    _: KW_ONLY
    drop_path: float = 0.2
    style: Style = Style(initializer="he_fan_out")
    paper: Paper = PAPER

    tiny = {"table": (*TABLE[:2], TABLE[5]), "width": 0.25, "depth": 1.0, "size": 32}

    def trunk(self, k, x):
        table = deepen(self.table, self.depth)
        drop = drop_rates(self.drop_path, sum(n for *_, n, _ in table))
        x = (k / "stem").conv_bn_act(x, divisible(32 * self.width), 3, 2)
        for scope, (block, size, t, width), stride in walk(k, table):
            x = block(scope, x, size, t, divisible(width * self.width), stride, next(drop))
        return (k / "last").conv_bn_act(x, divisible(1280 * self.width))


EfficientNetEdgeTPUS = EfficientNetEdgeTPU("efficientnet_edgetpu_s", 1.0, 1.0, size=224, dropout=0.2)
EfficientNetEdgeTPUM = EfficientNetEdgeTPU("efficientnet_edgetpu_m", 1.0, 1.1, size=240, dropout=0.2)
EfficientNetEdgeTPUL = EfficientNetEdgeTPU("efficientnet_edgetpu_l", 1.2, 1.4, size=300, dropout=0.3)
