"""YOLOv2. Redmon & Farhadi 2016: at every cell of one map five boxes, of which each has an anchor for its size.

Convolutions follow on the backbone's last map, beside which its finer map is set with each 2 x 2 pixels as one (section
2, "Fine-Grained Features"). A box's middle lies in its cell (figure 3); it has a sigmoid for whether it is an object at
all, and a softmax over the classes. A score is the product of both.

Tables are those of the released code, ``cfg/yolov2*.cfg`` of https://github.com/pjreddie/darknet, where the finer map
goes through a 1x1 convolution first. Anchors are in cells.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, DarkNet19, DarkNetReference
from kerascnn.applications.darknet import LEAKY, YOLO9000
from kerascnn.detection.cells import EVEN, PRIOR, boxes_in_cells
from kerascnn.detection.detector import Detector
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper, Style

COCO = (
    (0.57273, 0.677385),
    (1.87446, 2.06253),
    (3.33843, 5.47434),
    (7.88282, 3.52778),
    (9.77052, 9.16828),
)
VOC = (
    (1.3221, 1.73145),
    (3.19275, 4.00944),
    (5.05587, 8.09892),
    (9.47112, 4.84053),
    (11.2364, 10.0071),
)
TINY_VOC = ((1.08, 1.19), (3.42, 4.41), (6.63, 11.38), (9.42, 5.11), (16.62, 10.52))


@dataclass(frozen=True)
class YOLOv2(Detector):
    """Boxes on the last map of a backbone, beside which the one before may stand."""

    anchors: tuple[tuple[float, float], ...] = COCO  # width and height, in cells
    width: int = 1024  # of the convolutions behind the backbone
    depth: int = 2  # how many of these before the finer map joins
    passthrough: int = 64  # width of the finer map then; 0: it does not
    prior: float = PRIOR  # how sure every box is before the first step that it is an object
    _: KW_ONLY
    size: int = 416
    style: Style = LEAKY
    paper: Paper = YOLO9000

    marks = ("head-map",)

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        fewer = {"anchors": ((1.5, 1.5), (3, 4)), "width": 16, "depth": 1, "passthrough": min(self.passthrough, 4)}
        return {"backbone": small, "size": small.size, **fewer}

    def trunk(self, k, x):
        from kerascnn.graph.features import features  # here, because it imports Keras

        backbone: Any = features(self.backbone(include_top=False, input_tensor=x, **self.weights_of_backbone))
        *before, y = (y for stride, y in backbone.output.items() if stride <= 32)
        k = k / "neck"
        for _ in range(self.depth):
            y = k.conv_bn_act(y, self.width, 3)
        if self.passthrough:
            y = k.concat(self.finer(k / "finer", before[-1:], y), y)
            y = k.conv_bn_act(y, self.width, 3)
        return x.shape[1:3], y

    def finer(self, k, before, last):
        """The map before the last one, at its size."""
        sides = [tuple(2 * side for side in last.shape[1:3])]
        if [tuple(y.shape[1:3]) for y in before] != sides:
            found = f"one of {before[0].shape[1]} x {before[0].shape[2]} pixels" if before else "none"
            raise ValueError(
                f"{self.name} sets a map of twice its size beside the last one, which has {last.shape[1]} x "
                f"{last.shape[2]} pixels; {self.backbone.name} makes {found}. Choose an image whose sides can be "
                "halved to that, such as a multiple of 32, or set passthrough to 0."
            )
        return k(L.SpaceToDepth)(k.conv_bn_act(before[0], self.passthrough))

    def topless(self, k, x, pool):
        return pool(x[1])

    def outputs(self, k, x, classes, activation):
        size, y = x
        down, across = (side / count for side, count in zip(size, y.shape[1:3], strict=True))
        anchors = tuple((across * width, down * height) for width, height in self.anchors)
        return boxes_in_cells(k / "head", size, [y], [anchors], classes, "softmax", self.prior)


def yolov2(backbone: Architecture | str) -> YOLOv2:
    """The row of YOLOv2 on a backbone, a row or a name, to be called like any other.

    >>> yolov2("mobilenet_v2")(classes=3).name
    'yolov2_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return YOLOv2(f"yolov2_{row.name}", row, channels=row.channels)


DARKNET_TINY = DarkNetReference.replace(name="darknet_tiny", last_pool=1)
YOLOv2DarkNet19 = YOLOv2("yolov2", DarkNet19, prior=EVEN, size=608)
YOLOv2VOC = YOLOv2("yolov2_voc", DarkNet19, VOC, prior=EVEN, classes=20)
YOLOv2Tiny = YOLOv2("yolov2_tiny", DARKNET_TINY, width=512, depth=1, passthrough=0, prior=EVEN)
YOLOv2TinyVOC = YOLOv2("yolov2_tiny_voc", DARKNET_TINY, TINY_VOC, depth=1, passthrough=0, prior=EVEN, classes=20)
