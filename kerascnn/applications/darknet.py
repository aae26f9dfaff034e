"""Darknet-19, Redmon & Farhadi 2016, Table 6; and Darknet-53, Redmon & Farhadi 2018, Table 1: YOLO's trunks.

The reference network, on which the same authors' tiny detectors stand, is in their released code alone.
"""

from dataclasses import KW_ONLY, dataclass

from kerascnn import layers as L
from kerascnn.blocks import pool_classify
from kerascnn.networks.architecture import Architecture
from kerascnn.spec import Paper, Style

YOLO9000 = Paper(
    title="YOLO9000: better, faster, stronger",
    authors="Redmon & Farhadi",
    year=2016,
    url="https://arxiv.org/abs/1612.08242",
)
YOLOV3 = Paper(
    title="YOLOv3: an incremental improvement",
    authors="Redmon & Farhadi",
    year=2018,
    url="https://arxiv.org/abs/1804.02767",
)
LEAKY = Style(activation="leaky_relu:0.1", epsilon=1e-5, padding="symmetric", pooling="same")


@dataclass(frozen=True)
class DarkNet19Family(Architecture):
    """3x3 convolutions that 1x1 convolutions to half their width take turns with, and a max pool before each stage."""

    stages: tuple[tuple[int, int], ...]  # width, convolutions
    _: KW_ONLY
    last_pool: int = 2  # the stride of the pool before the last stage
    style: Style = LEAKY
    paper: Paper = YOLO9000

    tiny = {"stages": ((8, 1), (16, 1), (16, 3)), "size": 32}

    def trunk(self, k, x):
        for i, (width, depth) in enumerate(self.stages, 1):
            scope = k / f"stage{i}"
            x = scope.max_pool(x, 2, self.last_pool if i == len(self.stages) else 2) if i > 1 else x
            for j in range(depth):
                x = scope.conv_bn_act(x, width // 2, 1) if j % 2 else scope.conv_bn_act(x, width, 3)
        return x

    def head(self, k, x, classes):
        """Classes for each place of the map, then their mean."""
        x = k(L.Dense, classes, dtype="float32")(x)
        return k(L.GlobalAveragePooling2D, dtype="float32")(x)


@dataclass(frozen=True)
class ReferenceFamily(DarkNet19Family):
    """The same, which averages the last map before it is classified: ``cfg/darknet.cfg`` of pjreddie/darknet."""

    def head(self, k, x, classes):
        return pool_classify(k, x, classes)


@dataclass(frozen=True)
class DarkNet53Family(Architecture):
    """A stem, and stages of residual blocks behind a convolution that halves the map."""

    stages: tuple[tuple[int, int], ...]  # width, blocks
    _: KW_ONLY
    size: int = 256
    style: Style = LEAKY
    paper: Paper = YOLOV3

    tiny = {"stages": ((8, 1), (16, 2)), "size": 32}

    def trunk(self, k, x):
        x = (k / "stem").conv_bn_act(x, self.stages[0][0] // 2, 3)
        for i, (width, depth) in enumerate(self.stages, 1):
            scope = k / f"stage{i}"
            x = scope.conv_bn_act(x, width, 3, 2)
            for j in range(depth):
                block = scope / f"block{j + 1}"
                y = block.conv_bn_act(x, width // 2)
                x = block.add(x, block.conv_bn_act(y, width, 3))
        return x


DarkNetReference = ReferenceFamily(
    "darknet_reference", ((16, 1), (32, 1), (64, 1), (128, 1), (256, 1), (512, 1), (1024, 1))
)
DarkNet19 = DarkNet19Family("darknet19", ((32, 1), (64, 1), (128, 3), (256, 3), (512, 5), (1024, 5)))
DarkNet53 = DarkNet53Family("darknet53", ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)))
