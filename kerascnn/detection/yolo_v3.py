"""YOLOv3. Redmon & Farhadi 2018: at every cell of three maps three boxes, each with a class of its own.

The last maps of the backbone are read from coarse to fine: convolutions of 1x1 and 3x3 take turns on a map, a 3x3 and a
1x1 make its boxes, and what the last but these gives is narrowed, doubled and set beside the next finer map (section
2.3). A box's middle lies in its cell, its size is that of an anchor by exponentials; it has a sigmoid for whether it is
an object at all, and one for each class (sections 2.1 and 2.2). A score is the product of both.

Tables are those of the released code, ``cfg/yolov3.cfg`` and ``cfg/yolov3-tiny.cfg`` of
https://github.com/pjreddie/darknet. Anchors are pixels, whatever the size of the image.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn.applications import ROWS, DarkNet53
from kerascnn.applications.darknet import LEAKY, YOLOV3
from kerascnn.blocks import enlarged
from kerascnn.detection.cells import EVEN, PRIOR, boxes_in_cells
from kerascnn.detection.detector import Detector
from kerascnn.detection.yolo_v2 import DARKNET_TINY
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper, Style

Anchors = tuple[tuple[float, float], ...]  # width and height, in pixels
ANCHORS: tuple[Anchors, ...] = (
    ((10, 13), (16, 30), (33, 23)),
    ((30, 61), (62, 45), (59, 119)),
    ((116, 90), (156, 198), (373, 326)),
)


@dataclass(frozen=True)
class YOLOv3(Detector):
    """Boxes on the last maps of a backbone, each map joined to what the coarser one knows."""

    anchors: tuple[Anchors, ...] = ANCHORS  # of each map, the finest first
    heads: tuple[tuple[int, int], ...] = ((128, 5), (256, 5), (512, 5))  # width of its 1x1, and convolutions that turn
    prior: float = PRIOR  # how sure every box is before the first step that it is an object
    _: KW_ONLY
    size: int = 416
    style: Style = LEAKY
    paper: Paper = YOLOV3

    marks = ("head-map",)

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        fewer = {"anchors": (((6, 6), (10, 14)), ((20, 20), (30, 24))), "heads": ((8, 1), (16, 1))}
        return {"backbone": small, "size": small.size, **fewer}

    def trunk(self, k, x):
        from kerascnn.graph.features import features  # here, because it imports Keras

        backbone: Any = features(self.backbone(include_top=False, input_tensor=x, **self.weights_of_backbone))
        count = len(self.heads)
        maps = [y for stride, y in backbone.output.items() if stride <= 32][-count:]
        if not len(maps) == count == len(self.anchors):
            raise ValueError(
                f"{self.name} has heads for {count} maps and anchors for {len(self.anchors)}, and "
                f"{self.backbone.name} makes {len(maps)} up to stride 32; it needs as many of each."
            )
        read = []
        for number in range(count, 0, -1):
            place, (width, depth) = k / f"map{number}", self.heads[number - 1]
            y = maps[number - 1]
            if read:
                up = (place / "up").conv_bn_act(read[0], width)
                y = place.concat(enlarged(place / "up", up, y), y)
            for turn in range(depth):
                y = place.conv_bn_act(y, *((2 * width, 3) if turn % 2 else (width, 1)))
            read.insert(0, y)
        return x.shape[1:3], read

    def topless(self, k, x, pool):
        return pool(x[1][-1])

    def outputs(self, k, x, classes, activation):
        size, maps = x
        k, last = k / "head", []
        for number, (y, (width, _)) in enumerate(zip(maps, self.heads, strict=True), 1):
            last.append((k / f"map{number}").conv_bn_act(y, 2 * width, 3))
        return boxes_in_cells(k, size, last, self.anchors, classes, "sigmoid", self.prior)


def yolov3(backbone: Architecture | str) -> YOLOv3:
    """The row of YOLOv3 on a backbone, a row or a name, to be called like any other.

    >>> yolov3("mobilenet_v2")(classes=3).name
    'yolov3_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return YOLOv3(f"yolov3_{row.name}", row, channels=row.channels)


YOLOv3DarkNet53 = YOLOv3("yolov3", DarkNet53, prior=EVEN, size=608)
YOLOv3Tiny = YOLOv3(
    "yolov3_tiny",
    DARKNET_TINY,
    (((10, 14), (23, 27), (37, 58)), ((81, 82), (135, 169), (344, 319))),
    ((128, 0), (256, 1)),
    EVEN,
)
