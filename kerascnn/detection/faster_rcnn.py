"""Faster R-CNN. Ren et al. 2015: a first stage proposes regions of the image, a second one says what each shows.

The first stage scores and moves the anchors at each place of a map, as to whether they hold an object at all. What the
maps show in the surest regions goes through layers that score every class and the background, and move the region in a
way of its own for each class. Classes count from 0, and the background is none of them: its score is not put out.

On a feature pyramid (Lin et al. 2016, https://arxiv.org/abs/1612.03144, section 4) all maps share the first stage, with
anchors of one size each, and a region is looked at in the map that suits its size. The paper's own network stands on a
single map. Both suppress boxes themselves: what comes out are detections, the surest first.

Anchors and constants of the pyramid's are torchvision's, for its weights.
"""

from dataclasses import KW_ONLY, dataclass
from math import sqrt
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, VGG16, MobileNetV3Large, ResNet50V1_5
from kerascnn.blocks import feature_pyramid
from kerascnn.detection.fast_rcnn import FastRCNN
from kerascnn.detection.retinanet import RATIOS, even
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Faster R-CNN: Towards real-time object detection with region proposal networks",
    authors="Ren, He, Girshick & Sun",
    year=2015,
    url="https://arxiv.org/abs/1506.01497",
)
SIDES = (32.0, 64.0, 128.0, 256.0, 512.0)
BASE, SCALES = 16, (8, 16, 32)  # of the paper's anchors: a square of 16 pixels, and how much larger they are


@dataclass(frozen=True)
class FasterRCNN(FastRCNN):
    """A feature pyramid, a first stage that its maps share, and a head that looks at each region."""

    _: KW_ONLY
    sides: tuple[tuple[float, ...], ...] = ()  # pixels of the anchors of every map; none: eight strides of it
    width: int = 256
    norm: bool = False  # whether convolutions of the pyramid and of regions have batch norms
    depth: int = 1  # convolutions of the first stage before its last
    convolutions: int = 0  # of a region, before the dense layers
    hidden: tuple[int, ...] = (1024, 1024)
    candidates: int = 1000  # anchors of each map among which regions are chosen
    proposals: int = 1000
    least: float = 0.0  # share that a region has to have in the first stage
    overlap: float = 0.5
    size: int = 800
    dropout: float = 0.0
    paper: Paper = PAPER

    marks = ("head-proposals-", "rpn.head.")
    takes_proposals = False
    logits = 1  # of an anchor

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        fewer = {"sides": (), "taps": (), "width": 16, "convolutions": min(self.convolutions, 1), "least": 0.0}
        few = {"candidates": 100, "proposals": 60, "pairs": 100, "detections": 20}
        return {"backbone": small, "size": max(64, small.size), "hidden": (32,) * len(self.hidden), **fewer, **few}

    def trunk(self, k, x):
        strides, maps = self.maps_of_backbone(x)
        k = k.with_style(padding="symmetric", initializer="lecun_uniform") / "pyramid"
        return x.shape[1:3], strides, feature_pyramid(k, maps, self.width, self.norm)

    def regions(self, k, size, strides, maps):
        """The first stage: regions, ``(B, proposals, 4)``, of all maps and of one half as large as the last."""
        coarser = k.with_style(padding="valid").max_pool(maps[-1], 1, 2)
        return self.proposed(k, size, [*strides, 2 * strides[-1]], [*maps, coarser], middle=0.0)

    def proposed(self, k, size, strides, maps, middle):
        """The surest of the anchors of maps, as the same convolutions on each score and move them. Figure 3."""
        grids = [tuple(y.shape[1:3]) for y in maps]
        steps = [tuple(side // count for side, count in zip(size, grid, strict=True)) for grid in grids]
        shapes = self.shapes(strides)
        k = k.with_style(initializer="random_normal:0.01")
        same = {"padding": "same", "kernel_initializer": k.initializer}
        trunk: list[Any] = []
        for number in range(1, self.depth + 1):
            place = k / f"conv{number}"
            trunk += [place(L.Conv2D, self.width, 3, **same), L.Activation("relu", name=place.name("relu"))]
        ends = [
            ((k / kind)(L.Conv2D, width * len(shapes[0]), 1, **same), k / kind, width)
            for kind, width in (("boxes", 4), ("scores", self.logits))
        ]
        rows: tuple[list[Any], ...] = ([], [])
        for number, x in enumerate(maps, 1):
            for layer in trunk:
                x = layer(x)
            for row, (last, place, width) in zip(rows, ends, strict=True):
                row.append((place / f"map{number}")(L.Reshape, (-1, width))(last(x)))
        how = {"candidates": self.candidates, "most": self.proposals, "least": self.least, "dtype": "float32"}
        return k(L.Proposals, size, grids, steps, shapes, (1.0, 1.0), middle, **how)([*rows[0], *rows[1]])

    def shapes(self, strides: list[int]) -> list[list[tuple[float, float]]]:
        """Width and height in pixels of the anchors at a place of every map, of even numbers."""
        sides = self.sides or tuple((8.0 * stride,) for stride in strides)
        if len(sides) != len(strides) or len({*map(len, sides)}) > 1:
            raise ValueError(
                f"{self.name} has {len(strides)} maps and sides {sides}; it needs as many sides for each of its maps."
            )
        return [
            [(even(side / sqrt(ratio)), even(side * sqrt(ratio))) for ratio in RATIOS for side in of_map]
            for of_map in sides
        ]

    def cut(self, k, regions, strides, maps, side=7):
        """What the maps show in each region, ``(B, N, side, side, C)``; of maps of one stride, the first."""
        places = [strides.index(stride) for stride in dict.fromkeys(strides)]
        align = k(L.RoIAlign, [strides[place] for place in places], side, dtype="float32")
        return align([regions, *(maps[place] for place in places)])

    def described(self, k, x):
        """What the head says of each region, ``(B, N, units)``."""
        for number in range(1, self.convolutions + 1):
            x = self.convolved(k / f"conv{number}", x)
        return self.dense(k, x)

    def convolved(self, k, x):
        k = k.with_style(convolution="RegionConv2D", initializer="he_fan_out", activation="relu")
        return k.conv_bn_act(x, self.width, 3) if self.norm else k.conv_act(x, self.width, 3)


@dataclass(frozen=True)
class FasterRCNNOnMap(FasterRCNN):
    """The paper's own: on one map of stride 16, whose regions go through the dense layers of VGG. Sections 3 and 4.

    Of the anchors 2,000 are looked at, and not 6,000. None that reaches beyond the image is left out in training.
    """

    _: KW_ONLY
    width: int = 512
    hidden: tuple[int, ...] = (4096, 4096)
    candidates: int = 2000
    proposals: int = 300
    size: int = 600
    dropout: float = 0.5

    logits = 2

    @property
    def tiny(self) -> dict[str, Any]:
        return {**super().tiny, "sides": ((16.0, 32.0),)}

    def trunk(self, k, x):
        strides, maps = self.maps_of_backbone(x, 16, 1)
        return x.shape[1:3], strides, maps

    def regions(self, k, size, strides, maps):
        return self.proposed(k, size, strides, maps, middle=0.5)

    def shapes(self, strides):
        """Width and height of the anchors at a place, rounded as the authors' code does before they are enlarged."""
        if self.sides:
            return super().shapes(strides)
        widths = [round(BASE / sqrt(ratio)) for ratio in RATIOS]
        return [
            [
                (float(scale * width), float(scale * round(width * ratio)))
                for width, ratio in zip(widths, RATIOS, strict=True)
                for scale in SCALES
            ]
        ]

    def cut(self, k, regions, strides, maps):
        return k(L.RoIPool, strides[0], dtype="float32")([regions, *maps])

    def described(self, k, x):
        return self.dense(k, x, self.dropout)


def faster_rcnn(backbone: Architecture | str) -> FasterRCNN:
    """The row of Faster R-CNN with a feature pyramid on a backbone, a row or a name, to be called like any other.

    >>> faster_rcnn("mobilenet_v2")(classes=3).name
    'faster_rcnn_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return FasterRCNN(f"faster_rcnn_{row.name}", row, channels=row.channels, style=row.style)


FasterRCNNVGG16 = FasterRCNNOnMap("faster_rcnn_vgg16", VGG16, classes=20, style=VGG16.style)
FasterRCNNResNet50 = FasterRCNN("faster_rcnn_resnet50_fpn", ResNet50V1_5, style=ResNet50V1_5.style)
# Li et al. 2021, https://arxiv.org/abs/2111.11429, section 3: batch norms in the pyramid and in a head of convolutions.
FasterRCNNResNet50V2 = FasterRCNNResNet50.replace(
    name="faster_rcnn_resnet50_fpn_v2", norm=True, depth=2, convolutions=4, hidden=(1024,)
)
FasterRCNNMobileNetV3Large = FasterRCNN(
    "faster_rcnn_mobilenet_v3_large_fpn",
    MobileNetV3Large,
    sides=(SIDES,) * 3,
    taps=("stage6-block1-project-bn", "last-hard_silu"),
    least=0.05,
    style=MobileNetV3Large.style,
)
FasterRCNNMobileNetV3Large320 = FasterRCNNMobileNetV3Large.replace(
    name="faster_rcnn_mobilenet_v3_large_320_fpn", candidates=150, proposals=150, size=320
)
