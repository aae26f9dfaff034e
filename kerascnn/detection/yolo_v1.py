"""YOLO. Redmon et al. 2015: the image is divided into 7 x 7 cells, each of which says two boxes and one class.

Convolutions follow on the backbone's last map, and fully connected layers, the last of which gives all numbers of all
cells, without an activation: shares of the classes for each cell, and for each of its boxes how sure it is and where it
lies (section 2). A score is the product of a box's confidence and a class' share (equation 1); what lies beyond 0 to 1
is cut off.

The network is that of figure 3, which ``cfg/yolo.cfg`` of https://github.com/pjreddie/darknet had at commit 8c5364f5,
without batch norm; the tiny one is ``cfg/yolov1-tiny.cfg``.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, DarkNetReference
from kerascnn.applications.darknet import LEAKY
from kerascnn.blocks import pool_classify
from kerascnn.detection.detector import Detector
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="You only look once: unified, real-time object detection",
    authors="Redmon, Divvala, Girshick & Farhadi",
    year=2015,
    url="https://arxiv.org/abs/1506.02640",
)
STAGES = (  # of each convolution its width and side; between stages, a max pool
    ((64, 7),),
    ((192, 3),),
    ((128, 1), (256, 3), (256, 1), (512, 3)),
    ((256, 1), (512, 3)) * 4 + ((512, 1), (1024, 3)),
    ((512, 1), (1024, 3)) * 2,
)
TAIL = ((1024, 1), (1024, 2), (1024, 1), (1024, 1))


@dataclass(frozen=True)
class Extraction(Architecture):
    """The first 20 convolutions of figure 3, the very first at stride 2: what is trained on ImageNet before."""

    stages: tuple[tuple[tuple[int, int], ...], ...] = STAGES
    _: KW_ONLY
    style: Style = LEAKY
    paper: Paper = PAPER

    tiny = {"stages": (((8, 3),), ((8, 1), (16, 3))), "size": 32}

    def trunk(self, k, x):
        for i, stage in enumerate(self.stages, 1):
            place = k / f"stage{i}"
            x = place.max_pool(x, 2, 2) if i > 1 else x
            for j, (width, side) in enumerate(stage):
                x = place.conv_act(x, width, side, 2 if i == 1 and j == 0 else 1)
        return x

    def head(self, k, x, classes):
        return pool_classify(k, x, classes)


@dataclass(frozen=True)
class YOLOv1(Detector):
    """Boxes of a grid of cells, from fully connected layers on the map of a backbone."""

    convolutions: tuple[tuple[int, int], ...] = TAIL  # width and stride of the 3x3 behind the backbone
    bn: bool = True  # whether batch norm stands behind them
    hidden: int = 4096  # width of the first fully connected layer; 0: there is only one
    boxes: int = 2  # of each cell
    _: KW_ONLY
    classes: int = 20
    dropout: float = 0.5  # behind the first fully connected layer
    size: int = 448
    style: Style = LEAKY
    paper: Paper = PAPER

    marks = ("head-cells-",)

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        return {"backbone": small, "size": small.size, "convolutions": ((16, 2),), "hidden": min(self.hidden, 32)}

    def trunk(self, k, x):
        y = self.backbone(include_top=False, input_tensor=x, **self.weights_of_backbone).output
        for width, stride in self.convolutions:
            y = (k / "tail").conv_bn_act(y, width, 3, stride) if self.bn else (k / "tail").conv_act(y, width, 3, stride)
        return x.shape[1:3], y

    def topless(self, k, x, pool):
        return pool(x[1])

    def outputs(self, k, x, classes, activation):
        size, y = x
        k, grid = k / "head", tuple(y.shape[1:3])
        count = grid[0] * grid[1]
        y = k(L.Flatten)(y)
        if self.hidden:
            y = k.act((k / "hidden")(L.Dense, self.hidden)(y))
            y = k(L.Dropout, self.dropout)(y)
        y = (k / "cells")(L.Dense, count * (classes + 5 * self.boxes), dtype="float32")(y)
        parts, start = [], 0
        for name, rows, width in (("classes", 1, classes), ("objects", self.boxes, 1), ("boxes", self.boxes, 4)):
            stop = start + count * rows * width
            part = (k / name)(L.ChannelSlice, start, stop, dtype="float32")(y)
            shape = (count * rows, width) if name == "boxes" else (count, rows, width)
            parts.append((k / name)(L.Reshape, shape, dtype="float32")(part))
            start = stop
        shares, sure, places = parts
        scores = (k / "scores")(L.Multiply, dtype="float32")([sure, shares])
        scores = (k / "scores")(L.Reshape, (count * self.boxes, classes), dtype="float32")(scores)
        return {
            "boxes": k(L.DecodeRoots, size, grid, self.boxes, dtype="float32")(places),
            "scores": (k / "scores")(L.ReLU, 1.0, dtype="float32")(scores),
        }


def yolov1(backbone: Architecture | str) -> YOLOv1:
    """The row of YOLO's first version on a backbone, a row or a name, to be called like any other.

    >>> yolov1("mobilenet_v2")(classes=3).name
    'yolov1_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return YOLOv1(f"yolov1_{row.name}", row, channels=row.channels)


YOLOv1Extraction = YOLOv1("yolov1", Extraction("extraction"), bn=False)
YOLOv1Tiny = YOLOv1("yolov1_tiny", DarkNetReference, ((256, 1),), hidden=0)
