"""MobileNet. Howard et al. 2017, Table 1, at the width multipliers of Table 6."""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import walk
from kerascnn.networks.architecture import Architecture, Multiplied
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="MobileNets: efficient convolutional neural networks for mobile vision applications",
    authors="Howard et al.",
    year=2017,
    url="https://arxiv.org/abs/1704.04861",
)
TABLE_1 = (  # width, repeats, stride
    (64, 1, 1),
    (128, 2, 2),
    (256, 2, 2),
    (512, 6, 2),
    (1024, 2, 2),
)


@dataclass(frozen=True)
class MobileNetFamily(Multiplied):
    """A stem, thirteen pairs of a depthwise and a 1x1 convolution, average pool."""

    table: tuple[tuple[int, ...], ...] = TABLE_1
    depth_multiplier: int = 1  # channels that a depthwise convolution makes of each of its own
    _: KW_ONLY
    dropout: float = 0.001
    style: Style = Style(activation="relu6")
    paper: Paper = PAPER

    tiny = {"table": TABLE_1[:3], "alpha": 0.25, "size": 32}

    def __call__(self, input_shape=None, alpha=None, depth_multiplier=None, dropout=None, include_top=True,
                 weights=None, input_tensor=None, pooling=None, classes=None, classifier_activation="softmax",
                 name=None, *, include_preprocessing=False):  # fmt: skip
        """As every builder, with the fields that Keras lets change, in Keras' order: ``MobileNet(alpha=0.5)``."""
        arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        row = self.with_arguments(alpha, depth_multiplier=depth_multiplier, dropout=dropout)
        return Architecture.__call__(row, *arguments, include_preprocessing=include_preprocessing)

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, int(32 * self.alpha), 3, 2)
        for scope, (width,), stride in walk(k, self.table):
            x = (scope / "depthwise").depthwise_bn_act(x, 3, stride, multiplier=self.depth_multiplier)
            x = (scope / "pointwise").conv_bn_act(x, int(width * self.alpha))
        return x


MobileNet_025 = MobileNetFamily("mobilenet_025", 0.25)
MobileNet_050 = MobileNetFamily("mobilenet_050", 0.5)
MobileNet_075 = MobileNetFamily("mobilenet_075", 0.75)
MobileNet_100 = MobileNet = MobileNetFamily("mobilenet_100", 1.0)
