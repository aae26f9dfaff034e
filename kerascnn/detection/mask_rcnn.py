"""Mask R-CNN. He et al. 2017: Faster R-CNN, and a third head that says which pixels of a box are the object's.

What the maps show in each detection goes through convolutions, at a finer resolution than what its class is told from.
A mask is made for every class, each pixel by a sigmoid of its own; the one of the box's class comes out (section 3).
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, ResNet50V1_5
from kerascnn.detection.faster_rcnn import FasterRCNN
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Mask R-CNN", authors="He, Gkioxari, Dollár & Girshick", year=2017, url="https://arxiv.org/abs/1703.06870"
)


@dataclass(frozen=True)
class MaskRCNN(FasterRCNN):
    """Faster R-CNN on a feature pyramid, with a head for masks. Figure 4, right.

    Beside boxes and scores ``"masks"`` come out, ``(batch, boxes, 28, 28)``, 0 to 1: the object's share of each cell of
    its box.
    """

    _: KW_ONLY
    mask_convolutions: int = 4
    paper: Paper = PAPER

    task = "instance"

    @property
    def tiny(self) -> dict[str, Any]:
        return {**super().tiny, "mask_convolutions": 1}

    def outputs(self, k, x, classes, activation):
        found = super().outputs(k, x, classes, activation)
        _, strides, maps = x
        k = k / "head" / "masks"
        logits = self.masks(k, self.cut(k, found["boxes"], strides, maps, 14), classes)
        own = k(L.ClassMasks, dtype="float32")([logits, found["scores"]])
        return {**found, "masks": L.Activation("sigmoid", name=k.name("sigmoid"), dtype="float32")(own)}

    def masks(self, k, x, classes):
        """A mask of the background and of each class, logits: ``(B, N, 14, 14, C)`` to ``(B, N, 28, 28, 1 + K)``."""
        for number in range(1, self.mask_convolutions + 1):
            x = self.convolved(k / f"conv{number}", x)
        k = k.with_style(initializer="he_fan_out")
        x = k.act(k(L.RegionConv2DTranspose, self.width, 2, 2, kernel_initializer=k.initializer)(x), "relu")
        return k(L.RegionConv2D, 1 + classes, 1, kernel_initializer=k.initializer, dtype="float32")(x)


def mask_rcnn(backbone: Architecture | str) -> MaskRCNN:
    """The row of Mask R-CNN with a feature pyramid on a backbone, a row or a name, to be called like any other.

    >>> mask_rcnn("mobilenet_v2")(classes=3).name
    'mask_rcnn_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return MaskRCNN(f"mask_rcnn_{row.name}", row, channels=row.channels, style=row.style)


MaskRCNNResNet50 = MaskRCNN("mask_rcnn_resnet50_fpn", ResNet50V1_5, style=ResNet50V1_5.style)
# Li et al. 2021, https://arxiv.org/abs/2111.11429, section 3: batch norms in the pyramid and in heads of convolutions.
MaskRCNNResNet50V2 = MaskRCNNResNet50.replace(
    name="mask_rcnn_resnet50_fpn_v2", norm=True, depth=2, convolutions=4, hidden=(1024,)
)
