"""DeepLabV3. Chen et al. 2017: atrous convolutions of several rates side by side on one map, and the mean of it all.

The rows are torchvision's, which keeps the rates of stride 8 at stride 16 too. On other backbones the fields are the
paper's for training, section 4.1: a stride of 16, with half these rates.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS
from kerascnn.blocks import resized
from kerascnn.segmentation.system import TRAIN, Head, OnBackbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Rethinking atrous convolution for semantic image segmentation",
    authors="Chen, Papandreou, Schroff & Adam",
    year=2017,
    url="https://arxiv.org/abs/1706.05587",
)
RATES = (6, 12, 18)
DOUBLED = (12, 24, 36)


@dataclass(frozen=True)
class DeepLab(OnBackbone):
    """Atrous spatial pyramid pooling, a 3x3 convolution, scores."""

    _: KW_ONLY
    rates: tuple[int, ...] = RATES
    width: int = 256
    output_stride: int | None = 16
    dropout: float = 0.5
    paper: Paper = PAPER

    @property
    def tiny(self):
        return super().tiny | {"width": 8, "rates": (2, 4), "output_stride": 4}

    def head(self, k, x, classes):
        image, maps = x
        k = k.with_style(**TRAIN)
        y = pyramid(k / "pyramid", maps[max(maps)], self.width, self.rates, self.dropout)
        y = (k / "merged").conv_bn_act(y, self.width, 3)
        return resized(k / "image", (k / "score").conv(y, classes, bias=True), image)


def pyramid(k: Any, x: Any, width: int, rates: tuple[int, ...], dropout: float) -> Any:
    """1x1, 3x3 at each rate, and the mean of the map, side by side; a 1x1 merges them. Section 3.3, figure 5.

    ``(B, H, W, C)`` to ``(B, H, W, width)``.
    """
    found = [(k / "rate1").conv_bn_act(x, width)]
    found += [(k / f"rate{i}").conv_bn_act(x, width, 3, dilation=rate) for i, rate in enumerate(rates, 2)]
    mean = k / "mean"
    pooled = mean.conv_bn_act(mean(L.GlobalAveragePooling2D, keepdims=True)(x), width)
    merged = k / "merged"
    y = merged.conv_bn_act(merged.concat(*found, resized(mean, pooled, x)), width)
    return merged(L.Dropout, dropout)(y)


ResNet50, ResNet101, MobileNet = (ROWS[name] for name in ("ResNet50V1_5", "ResNet101V1_5", "MobileNetV3Large_100"))
OF_TORCHVISION: dict[str, Any] = {"size": 520, "rates": DOUBLED}
DeepLabV3ResNet50 = DeepLab(
    "deeplabv3_resnet50_v1_5", ResNet50, output_stride=8, style=ResNet50.style, **OF_TORCHVISION
)
DeepLabV3ResNet101 = DeepLab(
    "deeplabv3_resnet101_v1_5", ResNet101, output_stride=8, style=ResNet101.style, **OF_TORCHVISION
)
DeepLabV3MobileNetV3Large = DeepLab(
    "deeplabv3_mobilenet_v3_large_100", MobileNet, dilate_strided=True, style=MobileNet.style, **OF_TORCHVISION
)

DeepLabV3 = Head(
    "deeplabv3",
    DeepLab,
    rows={
        "resnet101": DeepLabV3ResNet101,
        "resnet50": DeepLabV3ResNet50,
        "mobilenet_v3_large": DeepLabV3MobileNetV3Large,
    },
)
