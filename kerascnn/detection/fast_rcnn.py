"""Fast R-CNN. Girshick 2015: regions of an image are given, and a network that sees it once says what each shows.

Regions come of a method that knows no classes, such as selective search. What the last map of stride 16 shows in each
is pooled to one size, and goes through dense layers that score every class and the background, and move the region in a
way of its own for each class (section 2, figure 1).

Classes count from 0, and the background is none of them: its score is not put out. Boxes that overlap a surer one of
their class are suppressed by the network itself: what comes out are detections, the surest first.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, VGG16
from kerascnn.detection.detector import OnRegions
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper

PAPER = Paper(title="Fast R-CNN", authors="Girshick", year=2015, url="https://arxiv.org/abs/1504.08083")


@dataclass(frozen=True)
class FastRCNN(OnRegions):
    """A map that is looked at in each region, by the dense layers of VGG. Sections 2.1 and 4."""

    _: KW_ONLY
    taps: tuple[str, ...] = ()  # layers that make the backbone's maps; none: its last of the strides that are wanted
    hidden: tuple[int, ...] = (4096, 4096)  # units of the dense layers of a region
    size: int = 600
    dropout: float = 0.5
    paper: Paper = PAPER

    marks = ("head-boxes-",)

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        few = {"proposals": 60, "pairs": 100, "detections": 20}
        return {"backbone": small, "size": max(64, small.size), "hidden": (32,) * len(self.hidden), "taps": (), **few}

    def trunk(self, k, x):
        strides, maps = self.maps_of_backbone(x, 16, 1)
        return x.shape[1:3], strides, maps

    def maps_of_backbone(self, x, coarsest=32, most=4) -> tuple[list[int], list[Any]]:
        """The last maps of the backbone up to a stride, each with its own."""
        from kerascnn.graph.features import features, strides_of  # here, because it imports Keras

        row = self.backbone.replace(style=self.style)
        backbone = row(include_top=False, input_tensor=x, **self.weights_of_backbone)
        if self.taps:
            strides = strides_of(backbone)
            return [strides[name] for name in self.taps], [backbone.get_layer(name).output for name in self.taps]
        maps: Any = features(backbone).output
        last = [(stride, y) for stride, y in maps.items() if 4 <= stride <= coarsest][-most:] or [*maps.items()][-1:]
        return [stride for stride, _ in last], [y for _, y in last]

    def topless(self, k, x, pool):
        return pool(x[2][-1])

    def outputs(self, k, x, classes, activation):
        size, strides, maps = x
        k = k / "head"
        regions = self.regions(k / "proposals", size, strides, maps)
        y = self.described(k, self.cut(k, regions, strides, maps))
        offsets = self.offsets(k / "boxes", y, classes)
        logits = self.said(k / "scores", y, 1 + classes, 0.01)
        return self.found(k, size, regions, offsets, logits)

    def cut(self, k, regions, strides, maps):
        """What the map shows in each region, ``(B, N, 7, 7, C)``."""
        return k(L.RoIPool, strides[0], dtype="float32")([regions, *maps])

    def described(self, k, x):
        """What the head says of each region, ``(B, N, units)``."""
        return self.dense(k, x, self.dropout)

    def dense(self, k, x, dropout=0.0):
        side, _, channels = x.shape[2:]
        x = k(L.Reshape, (-1, side * side * channels))(x)
        for number, units in enumerate(self.hidden, 1):
            place = k / f"dense{number}"
            x = place.act(place(L.Dense, units)(x), "relu")
            x = place(L.Dropout, dropout)(x) if dropout else x
        return x

    def offsets(self, k, x, classes):
        """How each region is moved for the background and for each class, ``(B, N, 4 + 4 K)``."""
        return self.said(k, x, 4 * (1 + classes), 0.001)


def fast_rcnn(backbone: Architecture | str) -> FastRCNN:
    """The row of Fast R-CNN on a backbone, a row or a name, to be called like any other; with fewer units than VGG's.

    >>> fast_rcnn("mobilenet_v2")(classes=3).name
    'fast_rcnn_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return FastRCNN(f"fast_rcnn_{row.name}", row, hidden=(1024, 1024), channels=row.channels, style=row.style)


FastRCNNVGG16 = FastRCNN("fast_rcnn_vgg16", VGG16, classes=20, style=VGG16.style)
