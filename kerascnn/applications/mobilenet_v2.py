"""MobileNetV2. Sandler et al. 2018, Table 2, at the width multipliers of the released weights."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import divisible, mbconv, walk
from kerascnn.networks.architecture import Architecture, Multiplied
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="MobileNetV2: inverted residuals and linear bottlenecks",
    authors="Sandler, Howard, Zhu, Zhmoginov & Chen",
    year=2018,
    url="https://arxiv.org/abs/1801.04381",
)
TABLE_2 = (  # t: expansion, c: width, n: repeats, s: stride
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@dataclass(frozen=True)
class MobileNetV2Family(Multiplied):
    """A stem, seven stages of inverted residuals, a last 1x1 convolution, average pool."""

    table: tuple[tuple[int, ...], ...] = TABLE_2
    last: int = 1280  # alpha below 1 leaves it as it is
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(activation="relu6", momentum=0.999)
    paper: Paper = PAPER

    tiny = {"table": TABLE_2[:3], "last": 32, "size": 32}

    def __call__(self, input_shape=None, alpha=None, include_top=True, weights=None, input_tensor=None, pooling=None,
                 classes=None, classifier_activation="softmax", name=None, *, include_preprocessing=False):  # fmt: skip
        """As every builder, with Keras' ``alpha`` and Keras' order: ``MobileNetV2(alpha=0.5)`` is MobileNetV2_050."""
        arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        return Architecture.__call__(
            self.with_arguments(alpha), *arguments, include_preprocessing=include_preprocessing
        )

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, divisible(32 * self.alpha), 3, 2)
        for scope, (t, c), stride in walk(k, self.table):
            x = mbconv(scope, x, t * x.shape[-1], divisible(c * self.alpha), 3, stride)
        return (k / "last").conv_bn_act(x, divisible(self.last * max(1.0, self.alpha)))


MobileNetV2_035 = MobileNetV2Family("mobilenet_v2_035", 0.35)
MobileNetV2_050 = MobileNetV2Family("mobilenet_v2_050", 0.5)
MobileNetV2_075 = MobileNetV2Family("mobilenet_v2_075", 0.75)
MobileNetV2_100 = MobileNetV2 = MobileNetV2Family("mobilenet_v2_100", 1.0)
MobileNetV2_130 = MobileNetV2Family("mobilenet_v2_130", 1.3)
MobileNetV2_140 = MobileNetV2Family("mobilenet_v2_140", 1.4)
