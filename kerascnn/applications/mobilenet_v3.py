"""MobileNetV3. Howard et al. 2019, Tables 1 and 2, at several widths; and "minimalistic", as in the released code."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from itertools import groupby
from typing import Any

from kerascnn import layers as L
from kerascnn.blocks import divisible, mbconv, squeeze_excite
from kerascnn.networks.architecture import Architecture, Multiplied
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="Searching for MobileNetV3",
    authors="Howard et al.",
    year=2019,
    url="https://arxiv.org/abs/1905.02244",
)


def SE(k, y):
    """Section 5.3: squeeze to a quarter of the expanded channels, excite by a hard sigmoid."""
    return squeeze_excite(k.with_style(activation="relu"), y, divisible(y.shape[-1] / 4), "hard_sigmoid")


RE, HS = "relu", "hard_silu"
TABLE_1 = (  # Large: size, expanded width, width, squeeze and excitation, nonlinearity, stride
    (3, 16, 16, None, RE, 1),
    (3, 64, 24, None, RE, 2),
    (3, 72, 24, None, RE, 1),
    (5, 72, 40, SE, RE, 2),
    (5, 120, 40, SE, RE, 1),
    (5, 120, 40, SE, RE, 1),
    (3, 240, 80, None, HS, 2),
    (3, 200, 80, None, HS, 1),
    (3, 184, 80, None, HS, 1),
    (3, 184, 80, None, HS, 1),
    (3, 480, 112, SE, HS, 1),
    (3, 672, 112, SE, HS, 1),
    (5, 672, 160, SE, HS, 2),
    (5, 960, 160, SE, HS, 1),
    (5, 960, 160, SE, HS, 1),
)
TABLE_2 = (  # Small
    (3, 16, 16, SE, RE, 2),
    (3, 72, 24, None, RE, 2),
    (3, 88, 24, None, RE, 1),
    (5, 96, 40, SE, HS, 2),
    (5, 240, 40, SE, HS, 1),
    (5, 240, 40, SE, HS, 1),
    (5, 120, 48, SE, HS, 1),
    (5, 144, 48, SE, HS, 1),
    (5, 288, 96, SE, HS, 2),
    (5, 576, 96, SE, HS, 1),
    (5, 576, 96, SE, HS, 1),
)


@dataclass(frozen=True)
class MobileNetV3Family(Multiplied):
    """A stem, inverted residuals with squeeze-and-excitation, a last 1x1, average pool, a hidden layer."""

    table: tuple[tuple[int, int, int, Callable[..., Any] | None, str, int], ...]
    last: int  # width of the hidden layer, which alpha below 1 leaves as it is
    _: KW_ONLY
    dropout: float = 0.2
    style: Style = Style(activation=HS)
    paper: Paper = PAPER

    tiny = {"table": ((3, 16, 16, None, RE, 1), (3, 64, 24, SE, RE, 2), (5, 72, 24, SE, HS, 1)), "last": 16, "size": 32}

    def __call__(self, input_shape=None, alpha=None, minimalistic=False, include_top=True, weights=None,
                 input_tensor=None, classes=None, pooling=None, dropout_rate=None, classifier_activation="softmax",
                 name=None, *, include_preprocessing=False):  # fmt: skip
        """As every builder, with the fields that Keras lets change, in Keras' order."""
        arguments = include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
        row = (self.minimalistic() if minimalistic else self).with_arguments(alpha, dropout=dropout_rate)
        return Architecture.__call__(row, *arguments, include_preprocessing=include_preprocessing)

    def minimalistic(self):
        """The same widths with what every accelerator does fast: 3x3, ReLU, no squeeze-and-excitation."""
        kind, _, alpha = self.name.rpartition("_")
        return self.replace(
            name=f"{kind}_minimalistic_{alpha}",
            table=tuple((3, hidden, width, None, RE, stride) for _, hidden, width, _, _, stride in self.table),
            style=replace(self.style, activation=RE),
        )

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, 16, 3, 2)  # the released code does not multiply the stem
        before = 16
        for i, (_, blocks) in enumerate(groupby(self.table, key=lambda block: block[2]), 1):
            for j, (size, hidden, width, gate, activation, stride) in enumerate(blocks, 1):
                scope = (k / f"stage{i}" / f"block{j}").with_style(activation=activation)
                expanded = divisible(x.shape[-1] * hidden / before)  # the table's ratio, of the width we have
                x = mbconv(scope, x, expanded, divisible(width * self.alpha), size, stride, gate)
                before = width
        return (k / "last").conv_bn_act(x, divisible(6 * x.shape[-1]))

    def head(self, k, x, classes):
        """Figure 5: the last features are made after the pool, where they cost little."""
        x = k(L.GlobalAveragePooling2D)(x)
        x = k.act(k(L.Dense, divisible(self.last * max(1.0, self.alpha)))(x))
        x = k(L.Dropout, self.dropout)(x)
        return k(L.Dense, classes, dtype="float32")(x)


MobileNetV3Large_035 = MobileNetV3Family("mobilenet_v3_large_035", 0.35, TABLE_1, 1280)
MobileNetV3Large_050 = MobileNetV3Family("mobilenet_v3_large_050", 0.5, TABLE_1, 1280)
MobileNetV3Large_075 = MobileNetV3Family("mobilenet_v3_large_075", 0.75, TABLE_1, 1280)
MobileNetV3Large_100 = MobileNetV3Large = MobileNetV3Family("mobilenet_v3_large_100", 1.0, TABLE_1, 1280)
MobileNetV3Large_125 = MobileNetV3Family("mobilenet_v3_large_125", 1.25, TABLE_1, 1280)
MobileNetV3Small_035 = MobileNetV3Family("mobilenet_v3_small_035", 0.35, TABLE_2, 1024)
MobileNetV3Small_050 = MobileNetV3Family("mobilenet_v3_small_050", 0.5, TABLE_2, 1024)
MobileNetV3Small_075 = MobileNetV3Family("mobilenet_v3_small_075", 0.75, TABLE_2, 1024)
MobileNetV3Small_100 = MobileNetV3Small = MobileNetV3Family("mobilenet_v3_small_100", 1.0, TABLE_2, 1024)
MobileNetV3Small_125 = MobileNetV3Family("mobilenet_v3_small_125", 1.25, TABLE_2, 1024)
MobileNetV3LargeMinimalistic_035 = MobileNetV3Large_035.minimalistic()
MobileNetV3LargeMinimalistic_050 = MobileNetV3Large_050.minimalistic()
MobileNetV3LargeMinimalistic_075 = MobileNetV3Large_075.minimalistic()
MobileNetV3LargeMinimalistic_100 = MobileNetV3LargeMinimalistic = MobileNetV3Large_100.minimalistic()
MobileNetV3LargeMinimalistic_125 = MobileNetV3Large_125.minimalistic()
MobileNetV3SmallMinimalistic_035 = MobileNetV3Small_035.minimalistic()
MobileNetV3SmallMinimalistic_050 = MobileNetV3Small_050.minimalistic()
MobileNetV3SmallMinimalistic_075 = MobileNetV3Small_075.minimalistic()
MobileNetV3SmallMinimalistic_100 = MobileNetV3SmallMinimalistic = MobileNetV3Small_100.minimalistic()
MobileNetV3SmallMinimalistic_125 = MobileNetV3Small_125.minimalistic()
