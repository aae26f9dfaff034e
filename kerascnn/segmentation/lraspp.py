"""Lite R-ASPP. Howard et al. 2019, section 6.4 and figure 10: the segmentation head of MobileNetV3.

A 1x1 convolution of the last map is weighed by a gate from the mean of that map; scores of it, enlarged, and of a finer
map are added. The row is torchvision's, whose gate pools the whole map where the paper pools windows of 49 x 49, and
whose finer map is that of the first block of stride 8.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.applications import ROWS
from kerascnn.blocks import resized
from kerascnn.segmentation.system import TRAIN, Head, OnBackbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Searching for MobileNetV3",
    authors="Howard et al.",
    year=2019,
    url="https://arxiv.org/abs/1905.02244",
)


@dataclass(frozen=True)
class LiteRASPP(OnBackbone):
    """The last map of stride 16, gated, and the first block's map of half that stride."""

    _: KW_ONLY
    width: int = 128
    output_stride: int | None = 16
    paper: Paper = PAPER

    @property
    def tiny(self):
        return super().tiny | {"width": 8, "output_stride": 4}

    def sources(self, backbone):
        from kerascnn.graph.features import first_block

        found = super().sources(backbone)
        last = max(min(stride, self.output_stride or stride) for stride in found)
        finer = max((stride for stride in found if stride < last), default=None)
        return found if finer is None else found | {finer: first_block(backbone, finer)}

    def head(self, k, x, classes):
        image, maps = x
        k = k.with_style(**TRAIN)
        coarse = max(maps)
        fine = maps[max((stride for stride in maps if stride < coarse), default=coarse)]
        gate = k / "gate"
        weight = gate.conv(gate(L.GlobalAveragePooling2D, keepdims=True)(maps[coarse]), self.width)
        y = (k / "hidden").conv_bn_act(maps[coarse], self.width)
        y = gate(L.Multiply)([y, gate.act(weight, "sigmoid")])
        scores = k / "score"
        y = scores.add((k / "score-fine").conv(fine, classes, bias=True),
                       (k / "score-coarse").conv(resized(scores, y, fine), classes, bias=True))  # fmt: skip
        return resized(k / "image", y, image)


MobileNet = ROWS["MobileNetV3Large_100"]
LRASPPMobileNetV3Large = LiteRASPP(
    "lraspp_mobilenet_v3_large_100", MobileNet, size=520, dilate_strided=True, style=MobileNet.style
)

LRASPP = Head("lraspp", LiteRASPP, rows={"mobilenet_v3_large": LRASPPMobileNetV3Large})
