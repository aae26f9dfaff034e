"""SSDLite. Sandler et al. 2018, section 6.2: SSD whose convolutions are depthwise separable, on any backbone.

The first map is what enters the depthwise convolution that leads to stride 32, the second is the last one. For
MobileNetV3 the authors halve the channels behind the first (Howard et al. 2019, section 6.3). On any other backbone the
first map is the last one at its stride.

Paddings, scales and what starts the weights are torchvision's, which follows the released code but for its paddings.
"""

from dataclasses import KW_ONLY, dataclass, replace

from kerascnn.applications import ROWS, MobileNetV3Large
from kerascnn.detection.ssd import SIX, SSD
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="MobileNetV2: Inverted residuals and linear bottlenecks",
    authors="Sandler et al.",
    year=2018,
    url="https://arxiv.org/abs/1801.04381",
)
STYLE = Style(activation="relu6", epsilon=1e-3, momentum=0.97, padding="symmetric", initializer="random_normal:0.03")


@dataclass(frozen=True)
class SSDLite(SSD):
    """SSD with a depthwise 3x3 and a 1x1 wherever it has a 3x3."""

    extras: tuple[int, ...] = (512, 256, 256, 128)
    scales: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
    ratios: tuple[tuple[float, ...], ...] = (SIX,) * 6
    _: KW_ONLY
    size: int = 320
    style: Style = STYLE
    paper: Paper = PAPER

    def extra(self, k, x, width, number):
        x = k.conv_bn_act(x, width // 2)
        return k.conv_bn_act(k.depthwise_bn_act(x, 3, 2), width)

    def predictor(self, k, x, width):
        return k.conv(k.depthwise_bn_act(x), width, bias=True)


def ssdlite(backbone: Architecture | str) -> SSDLite:
    """The row of SSDLite on a backbone, a row or a name, to be called like any other.

    >>> ssdlite("mobilenet_v2")(classes=3).name
    'ssdlite_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return SSDLite(f"ssdlite_{row.name}", row, channels=row.channels)


TABLE = MobileNetV3Large.table
SHORT = (  # the last stage at half its width
    *TABLE[:-3],
    (5, 672, 80, *TABLE[-3][3:]),
    (5, 480, 80, *TABLE[-2][3:]),
    (5, 480, 80, *TABLE[-1][3:]),
)
SSDLite320MobileNetV3Large = SSDLite(
    "ssdlite320_mobilenet_v3_large",
    MobileNetV3Large.replace(
        name="mobilenet_v3_large_short", table=SHORT, style=replace(STYLE, activation=MobileNetV3Large.style.activation)
    ),
    taps=("stage6-block1-expand-hard_silu", "last-hard_silu"),
)
