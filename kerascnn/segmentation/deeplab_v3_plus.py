"""DeepLabV3+. Chen et al. 2018: DeepLabV3's pyramid, refined by a map of stride 4 before the scores.

Section 4.1: 48 channels of that map, and two 3x3 convolutions of 256 on both together.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn.blocks import resized
from kerascnn.segmentation.deeplab_v3 import DeepLab, pyramid
from kerascnn.segmentation.system import TRAIN, Head
from kerascnn.spec import Paper

PAPER = Paper(
    title="Encoder-decoder with atrous separable convolution for semantic image segmentation",
    authors="Chen, Zhu, Papandreou, Schroff & Adam",
    year=2018,
    url="https://arxiv.org/abs/1802.02611",
)


@dataclass(frozen=True)
class DeepLabPlus(DeepLab):
    """The pyramid, enlarged to a finer map; two 3x3 convolutions on both; scores."""

    _: KW_ONLY
    fine: int = 4  # stride of the finer map; of a backbone that makes none coarser, its finest
    fine_width: int = 48
    paper: Paper = PAPER

    @property
    def tiny(self):
        return super().tiny | {"fine_width": 4}

    def head(self, k, x, classes):
        image, maps = x
        k = k.with_style(**TRAIN)
        y = pyramid(k / "pyramid", maps[max(maps)], self.width, self.rates, self.dropout)
        fine = maps[max((stride for stride in maps if stride <= self.fine and stride < max(maps)), default=max(maps))]
        decoder = k / "decoder"
        y = decoder.concat(resized(decoder, y, fine), (k / "fine").conv_bn_act(fine, self.fine_width))
        y = decoder.conv_bn_act(decoder.conv_bn_act(y, self.width, 3), self.width, 3)
        return resized(k / "image", (k / "score").conv(y, classes, bias=True), image)


DeepLabV3Plus = Head("deeplabv3plus", DeepLabPlus)
DeepLabV3PlusResNet50 = DeepLabV3Plus.on("resnet50_v1_5")
DeepLabV3PlusResNet101 = DeepLabV3Plus.on("resnet101_v1_5")
DeepLabV3PlusMobileNetV2 = DeepLabV3Plus.on("mobilenet_v2_100")
