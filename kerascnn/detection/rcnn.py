"""R-CNN. Girshick et al. 2013: regions of an image are given, and each is classified as an image of its own.

Regions come of a method that knows no classes, such as selective search. Each is stretched to the size of a classifier,
with some of what is round it, and goes through the whole of that network, whose last layer scores every class and the
background (sections 2 and 2.3, appendix A); the region is moved by what the network's last map says, in a way of its
own for each class (section 3.4, appendix C).

The authors score by linear machines on the last hidden layer, which are fitted after the network, as are the movers;
here both learn with it, and scores are the network's own softmax (appendix B). Classes count from 0, and the background
is none of them. What a network costs, ``kerascnn.cost``, is counted of one region.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from kerascnn import layers as L
from kerascnn.applications import ROWS, AlexNetTwoTower
from kerascnn.detection.detector import OnRegions
from kerascnn.networks.architecture import Architecture
from kerascnn.networks.on_backbone import find_backbone
from kerascnn.spec import Paper

PAPER = Paper(
    title="Rich feature hierarchies for accurate object detection and semantic segmentation",
    authors="Girshick, Donahue, Darrell & Malik",
    year=2013,
    url="https://arxiv.org/abs/1311.2524",
)


@dataclass(frozen=True)
class RCNN(OnRegions):
    """A classifier of regions, at its own size: the backbone's."""

    _: KW_ONLY
    context: int = 16  # pixels of that size on each side which show what is round the region
    size: int = 500
    paper: Paper = PAPER

    marks = ("regions-boxes-",)

    @property
    def tiny(self) -> dict[str, Any]:
        small = self.backbone.replace(**self.backbone.tiny)
        return {"backbone": small, "size": 64, "context": 4, "proposals": 12, "pairs": 60, "detections": 20}

    def trunk(self, k, x):
        return x

    def topless(self, k, x, pool):
        from kerascnn.graph.features import features  # here, because it imports Keras

        maps: Any = features(self.begun(include_top=False, input_tensor=x)).output
        return pool(maps[max(maps)])

    def outputs(self, k, x, classes, activation):
        k = k / "regions"
        regions = self.regions(k, x.shape[1:3], [], [])
        crops = k(L.WarpRegions, self.backbone.size, self.context, dtype="float32")([regions, x])
        shown, logits = self.classified(crops, 1 + classes)
        shown = (k / "boxes")(L.Flatten)(shown)
        offsets = self.said(k / "boxes", shown, 4 * classes, 0.001)
        offsets, logits = ((k / kind)(L.OfRegions, dtype="float32")([y, regions])
                           for kind, y in (("boxes", offsets), ("scores", logits)))  # fmt: skip
        return self.found(k, x.shape[1:3], regions, offsets, logits)

    def classified(self, x, classes):
        """The last map of the classifier on images, and its logits."""
        import keras  # here, because it takes seconds

        from kerascnn.graph.features import features
        from kerascnn.graph.graph import Graph
        from kerascnn.graph.rewrite import replay

        whole = self.begun(input_shape=x.shape[1:], classes=classes, classifier_activation=None)
        maps: Any = features(whole).output
        logits: Any = whole.output
        logits = logits["head"] if isinstance(logits, dict) else logits
        graph = Graph(keras.Model(whole.input, [maps[max(maps)], logits]))
        return replay(graph, [x], lambda call: call.operation(*call.args, **call.keywords))

    def begun(self, **arguments):
        """The backbone, with the weights that it is to start from."""
        return self.backbone.replace(style=self.style)(**arguments, **self.weights_of_backbone)


def rcnn(backbone: Architecture | str) -> RCNN:
    """The row of R-CNN on a classifier, a row or a name, to be called like any other.

    >>> rcnn("mobilenet_v2")(classes=3).name
    'rcnn_mobilenet_v2_100'

    Raises
    ------
    ValueError
        When there is no such network.
    """
    row = find_backbone(backbone, ROWS) if isinstance(backbone, str) else backbone
    return RCNN(f"rcnn_{row.name}", row, channels=row.channels, style=row.style)


RCNNAlexNet = RCNN("rcnn_alexnet_two_tower", AlexNetTwoTower, classes=20, style=AlexNetTwoTower.style)
