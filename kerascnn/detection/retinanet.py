"""RetinaNet. Lin et al. 2017: a feature pyramid, and at each of its places nine anchors that are scored and moved.

The pyramid is made of the backbone's maps of stride 8, 16 and 32 and goes on with two coarser ones (section 4, footnote
2). At each place of a map stand anchors of three ratios and of three scales within an octave, of which the least has a
side of four strides. The same convolutions score, and others move, the anchors of every map. Each class has a sigmoid
of its own, so there is no score for the background.

Anchors are torchvision's, for its weights: they lie round the first corner of each place, steps are whole pixels, and
sides are even.
"""

from dataclasses import KW_ONLY, dataclass
from math import log, sqrt
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, ResNet50V1_5
from kerascnn.blocks import feature_pyramid
from kerascnn.detection.detector import Detector
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Focal loss for dense object detection",
    authors="Lin, Goyal, Girshick, He & Dollár",
    year=2017,
    url="https://arxiv.org/abs/1708.02002",
)
RATIOS = (0.5, 1.0, 2.0)  # of height to width
OCTAVE = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
ANCHORS = len(RATIOS) * len(OCTAVE)
PRIOR = 0.01  # what every class scores before the first step: section 4.1


@dataclass(frozen=True)
class RetinaNet(Detector):
    """A feature pyramid, and two heads that all of its maps share."""

    _: KW_ONLY
    coarser: int = 2  # maps of the pyramid beyond the backbone's, each half as large as the one before
    coarser_of: str = "pyramid"  # what the first of these is made of: the pyramid's last map, or the "backbone"'s
    sides: tuple[float, ...] = ()  # pixels of the least anchor of every map; none: four strides of it
    width: int = 256
    depth: int = 4  # convolutions of a head before its last
    groups: int = 0  # of the group normalisation behind these; 0: none
    size: int = 800
    paper: Paper = PAPER

    marks = ("head-boxes-last-", "head.classification_head.")

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        fewer = {"coarser": 1, "sides": (), "width": 16, "depth": 1, "groups": min(self.groups, 2)}
        return {"backbone": small, "size": small.size, **fewer}

    def trunk(self, k, x):
        from kerascnn.graph.features import features  # here, because it imports Keras

        row = self.backbone.replace(style=self.style)
        maps: Any = features(row(include_top=False, input_tensor=x, **self.weights_of_backbone)).output
        last = [(stride, y) for stride, y in maps.items() if stride <= 32][-3:]
        if len(last) < 2:
            raise ValueError(f"{self.backbone.name} makes a single feature map, and {self.name} needs two of it.")
        strides, taken = (list(each) for each in zip(*last, strict=True))
        k = k.with_style(padding="symmetric", initializer="lecun_uniform") / "pyramid"
        found = feature_pyramid(k, taken, self.width)
        y = found[-1] if self.coarser_of == "pyramid" else taken[-1]
        for number in range(1, self.coarser + 1):
            place = k / f"coarser{number}"
            y = place.conv(y if number == 1 else place.act(y, "relu"), self.width, 3, 2, bias=True)
            found.append(y)
            strides.append(2 * strides[-1])
        return x.shape[1:3], strides, found

    def topless(self, k, x, pool):
        return pool(x[2][-1])

    def outputs(self, k, x, classes, activation):
        size, strides, maps = x
        grids = [tuple(y.shape[1:3]) for y in maps]
        steps = [tuple(side // count for side, count in zip(size, grid, strict=True)) for grid in grids]
        k = k.with_style(initializer="random_normal:0.01") / "head"
        offsets = self.said(k / "boxes", maps, 4)
        prior = {"class_name": "Constant", "config": {"value": log(PRIOR / (1 - PRIOR))}}
        logits = (k / "scores")(L.Concatenate, axis=1)(self.said(k / "scores", maps, classes, prior))
        boxes = k(L.DecodeBoxes, size, grids, steps, self.shapes(strides), (1.0, 1.0), 0.0, dtype="float32")(offsets)
        return {"boxes": boxes, "scores": L.Activation("sigmoid", name=k.name("sigmoid"), dtype="float32")(logits)}

    def said(self, k, maps, width, bias: Any = "zeros"):
        """``width`` numbers for every anchor, ``(B, A, width)`` of each map. Figure 3, c and d."""

        def conv(k, width, **own):
            return k(L.Conv2D, width, 3, padding="same", kernel_initializer=k.initializer, **own)

        head = []
        for number in range(1, self.depth + 1):
            place = k / f"conv{number}"
            head.append(conv(place, self.width, use_bias=not self.groups))
            head += [place(L.GroupNormalization, self.groups, epsilon=1e-5)] if self.groups else []
            head.append(L.Activation("relu", name=place.name("relu")))
        head.append(conv(k / "last", width * ANCHORS, bias_initializer=bias))
        rows = []
        for number, x in enumerate(maps, 1):
            for layer in head:
                x = layer(x)
            rows.append((k / f"map{number}")(L.Reshape, (-1, width))(x))
        return rows

    def shapes(self, strides: list[int]) -> list[list[tuple[float, float]]]:
        """Width and height in pixels of the anchors at a place of every map, of even numbers."""
        sides = self.sides or [4 * stride for stride in strides]
        if len(sides) != len(strides):
            raise ValueError(
                f"{self.name} has {len(strides)} maps and sides of {len(sides)}; it needs one of each map."
            )
        scales = [[int(side * scale) for scale in OCTAVE] for side in sides]
        return [
            [(even(scale / sqrt(ratio)), even(scale * sqrt(ratio))) for ratio in RATIOS for scale in of_map]
            for of_map in scales
        ]


def even(side: float) -> float:
    return 2.0 * round(side / 2)


def retinanet(backbone: Architecture | str) -> RetinaNet:
    """The row of RetinaNet on a backbone, a row or a name, to be called like any other.

    >>> retinanet("mobilenet_v2")(classes=3).name
    'retinanet_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return RetinaNet(f"retinanet_{row.name}", row, channels=row.channels, style=row.style)


RetinaNetResNet50 = RetinaNet("retinanet_resnet50_fpn", ResNet50V1_5, style=ResNet50V1_5.style)
# Zhang et al. 2019, https://arxiv.org/abs/1912.02424, table 1: the baseline with "GroupNorm" and "GIoU loss".
RetinaNetResNet50V2 = RetinaNetResNet50.replace(name="retinanet_resnet50_fpn_v2", coarser_of="backbone", groups=32)
