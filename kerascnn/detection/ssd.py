"""SSD. Liu et al. 2015: at every place of several maps a few default boxes, each scored and moved by a convolution.

The first maps are the backbone's, the others are made of the last one, each half as large. A map's scale is a fraction
of the image's side. At each of its places stand a square of that scale, a square between this scale and the next map's,
and for every ratio a wide and a high box of the square's area (section 2.2).

Classes count from 0, and the background is none of them: the network has a score for it, which it does not put out.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from math import sqrt
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import VGG16
from kerascnn.detection.detector import Detector
from kerascnn.spec import Paper, Style

PAPER = Paper(
    title="SSD: Single shot multibox detector", authors="Liu et al.", year=2015, url="https://arxiv.org/abs/1512.02325"
)
FOUR, SIX = (2.0,), (2.0, 3.0)  # ratios that make four and six boxes at a place
HALVING, UNPADDED = (3, 2, 1), (3, 1, 0)  # side, stride and padding of a convolution


@dataclass(frozen=True)
class SSD(Detector):
    """Boxes and scores of classes on two maps of a backbone and on extra ones."""

    extras: tuple[int, ...]  # widths of the extra maps
    scales: tuple[float, ...]  # of every map, and one more
    ratios: tuple[tuple[float, ...], ...]  # of width to height, of every map; the inverse of each is meant too
    steps: tuple[int, ...] = ()  # pixels between the places of every map; none: the image divided by the map
    _: KW_ONLY
    taps: tuple[str, ...] = ()  # layers that make the backbone's maps; none: its last two up to stride 32
    paper: Paper = PAPER

    marks = ("head-map", "head.classification_head.")

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        scales = (0.15, 0.3, 0.5, 0.7, 0.9)
        fewer = {"extras": (16, 16), "scales": scales, "ratios": (FOUR,) * 4, "taps": (), "steps": ()}
        return {"backbone": small, "size": max(64, small.size), **fewer}

    def trunk(self, k, x):
        backbone = self.backbone(include_top=False, input_tensor=x, **self.weights_of_backbone)
        maps = self.first_maps(k, backbone)
        for number, width in enumerate(self.extras, 1):
            maps.append(self.extra(k / f"extra{number}", maps[-1], width, number))
        if not len(maps) == len(self.ratios) == len(self.scales) - 1:
            raise ValueError(
                f"{self.name} has {len(maps)} maps, ratios of {len(self.ratios)} and {len(self.scales)} scales; it "
                f"needs ratios for every map, and a scale for every map and one more."
            )
        return x.shape[1:3], maps

    def first_maps(self, k, backbone) -> list[Any]:
        """The maps of the backbone, the largest first."""
        if self.taps:
            return [backbone.get_layer(name).output for name in self.taps]
        from kerascnn.graph.features import features  # here, because it imports Keras

        maps: Any = features(backbone).output
        found = [x for stride, x in maps.items() if stride <= 32][-2:]
        if len(found) < 2:
            raise ValueError(f"{self.backbone.name} makes a single feature map, and {self.name} needs two of it.")
        return found

    def extra(self, k, x, width, number):
        """The next map, half as large: a 1x1 to half of ``width``, and a 3x3 at stride 2 to ``width``."""
        return k.conv_act(k.conv_act(x, width // 2), width, 3, 2)

    def predictor(self, k, x, width):
        """What a map says of its default boxes, ``width`` numbers at every place."""
        return k.conv(x, width, 3, bias=True)

    def topless(self, k, x, pool):
        return pool(x[1][-1])

    def outputs(self, k, x, classes, activation):
        size, maps = x
        shapes = self.shapes(size)
        offsets = self.said(k, maps, shapes, "boxes", 4)
        logits = self.said(k, maps, shapes, "scores", 1 + classes)
        k = k / "head"
        shares = k(L.Softmax, dtype="float32")((k / "scores")(L.Concatenate, axis=1)(logits))
        grids = [tuple(x.shape[1:3]) for x in maps]
        steps = [(step, step) for step in self.steps] or [
            tuple(side / count for side, count in zip(size, grid, strict=True)) for grid in grids
        ]
        boxes = k(L.DecodeBoxes, size, grids, steps, shapes, dtype="float32")(offsets)
        return {"boxes": boxes, "scores": k(L.ChannelSlice, 1, 1 + classes, dtype="float32")(shares)}

    def said(self, k, maps, shapes, kind, width):
        """``width`` numbers for every default box, ``(B, A, width)`` of each map."""
        rows = []
        for number, (x, of_map) in enumerate(zip(maps, shapes, strict=True), 1):
            place = k / "head" / f"map{number}" / kind
            rows.append(place(L.Reshape, (-1, width))(self.predictor(place, x, width * len(of_map))))
        return rows

    def shapes(self, size: tuple[int, int]) -> list[list[tuple[float, float]]]:
        """Width and height in pixels of the boxes at a place of every map, none larger than the image."""
        height, width = size
        return [
            [(min(w, 1.0) * width, min(h, 1.0) * height) for w, h in sides(scale, following, ratios)]
            for scale, following, ratios in zip(self.scales, self.scales[1:], self.ratios, strict=False)
        ]


def sides(scale: float, following: float, ratios: Sequence[float]) -> list[tuple[float, float]]:
    """Width and height of the boxes at a place, as fractions of the image: section 2.2, "choosing scales"."""
    between = sqrt(scale * following)
    pairs = [(scale * sqrt(ratio), scale / sqrt(ratio)) for ratio in ratios]
    return [
        (scale, scale),
        (between, between),
        *(each for wide, high in pairs for each in ((wide, high), (high, wide))),
    ]


@dataclass(frozen=True)
class SSDVGG(SSD):
    """SSD on VGG-16: figure 2. The first map is scaled to a length, the fully connected layers are convolved."""

    _: KW_ONLY
    windows: tuple[tuple[int, int, int], ...]  # the last convolution to every extra map
    dense: int = 1024  # width of VGG's fully connected layers
    length: float = 20.0  # of the first map's 512 numbers at a place, to begin with
    taps: tuple[str, ...] = ("stage4-relu3", "stage5-relu3")
    style: Style = Style(padding="symmetric", initializer="glorot_uniform")

    @property
    def tiny(self) -> dict[str, Any]:
        return super().tiny | {"windows": (HALVING,) * 2, "dense": 32, "length": 4.0}

    def first_maps(self, k, backbone):
        first, x = super().first_maps(k, backbone)
        scaled = (k / "first")(L.LayerScale, start=self.length)((k / "first")(L.UnitLength)(first))
        x = (k / "pool5").with_style(padding="symmetric").max_pool(x, 3, 1)
        k = k / "dense"
        x = k.act(k(L.Conv2D, self.dense, 3, padding="same", dilation_rate=6, kernel_initializer=k.initializer)(x))
        return [scaled, k.conv_act(x, self.dense)]

    def extra(self, k, x, width, number):
        """A 1x1 to half of ``width``, and the window that its row says, which need not halve the map."""
        side, stride, border = self.windows[number - 1]
        x = k.conv_act(x, width // 2)
        x = k(L.ZeroPadding2D, border)(x) if border else x
        return k.with_style(padding="valid").conv_act(x, width, side, stride)


VGG16_CEIL = VGG16.replace(style=replace(VGG16.style, pooling="ceil"))  # so that 75 pixels become 38, as in Caffe
# For COCO the first scales are smaller than for PASCAL VOC: section 3.4.
SSD300VGG16 = SSDVGG(
    "ssd300_vgg16",
    VGG16_CEIL,
    (512, 256, 256, 256),
    (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05),
    (FOUR, SIX, SIX, SIX, FOUR, FOUR),
    (8, 16, 32, 64, 100, 300),
    windows=(HALVING, HALVING, UNPADDED, UNPADDED),
    size=300,
)
SSD512VGG16 = SSDVGG(
    "ssd512_vgg16",
    VGG16_CEIL,
    (512, 256, 256, 256, 256),
    (0.04, 0.1, 0.26, 0.42, 0.58, 0.74, 0.9, 1.06),
    (FOUR, SIX, SIX, SIX, SIX, FOUR, FOUR),
    (8, 16, 32, 64, 128, 256, 512),
    windows=(HALVING, HALVING, HALVING, HALVING, (4, 1, 1)),
    size=512,
)
