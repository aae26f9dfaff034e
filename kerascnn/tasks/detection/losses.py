"""Losses of detection, as records. TensorFlow is imported when one is computed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import Tensors

BOXES = ("l1", "smooth_l1", "giou")
KINDS = {  # of networks, by what they put out, and what is said of them
    "background": "scores the background beside the classes",
    "classes": "scores each class by itself",
    "regions": "looks at regions that its first stage proposes",
}


@dataclass(frozen=True, kw_only=True)
class MultiBox:
    """SSD's loss: cross-entropy with the background and smooth L1 of the boxes, by the number of matched boxes.

    Liu et al. 2015, https://arxiv.org/abs/1512.02325, section 2.2.

    Parameters
    ----------
    overlap
        IoU with an object from which a default box is to find it.
    negatives
        How many of the hardest default boxes that are to find nothing count, for each that is to find something.
    """

    of: ClassVar[str] = "background"  # the kind of network, of KINDS

    overlap: float = 0.5
    negatives: float = 3.0

    def __post_init__(self) -> None:
        overlap, negatives = self.overlap, self.negatives
        expect(is_number(overlap) and 0 < overlap < 1, "overlap", overlap, "between 0 and 1")
        expect(is_number(negatives) and negatives > 0, "negatives", negatives, "above 0")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``.

        Outputs are those of :func:`kerascnn.tasks.detection.heads.up_to_logits`; targets ``"boxes"``, ``"classes"``,
        ``"valid"`` and ``"crowd"``, of which crowds are nothing to be found.
        """
        from kerascnn.detection.losses import multibox

        return multibox(*taken(outputs, targets), overlap=self.overlap, negatives=self.negatives)


@dataclass(frozen=True, kw_only=True)
class Focal:
    """RetinaNet's loss: the focal loss of every class by itself and that of the boxes, by the number of matched boxes.

    Lin et al. 2017, https://arxiv.org/abs/1708.02002, sections 3 and 4.

    Parameters
    ----------
    alpha
        Weight of an object's class; the rest is that of all other classes.
    gamma
        How much less counts what is answered well: 0 for the cross-entropy.
    low, high
        IoU with an object below which a default box is to find nothing, and from which it is to find the object. It
        learns nothing in between.
    boxes
        What is minimised of the matched boxes: "l1" or "smooth_l1" of the offsets, or "giou".
    """

    of: ClassVar[str] = "classes"  # the kind of network, of KINDS

    alpha: float = 0.25
    gamma: float = 2.0
    low: float = 0.4
    high: float = 0.5
    boxes: str = "l1"

    def __post_init__(self) -> None:
        low, high = self.low, self.high
        expect(is_number(self.alpha) and 0 < self.alpha < 1, "alpha", self.alpha, "between 0 and 1")
        expect(is_number(self.gamma) and self.gamma >= 0, "gamma", self.gamma, "at least 0")
        expect(is_number(high) and 0 < high < 1, "high", high, "between 0 and 1")
        expect(is_number(low) and 0 < low <= high, "low", low, f"above 0, up to high, which is {high}")
        expect(self.boxes in BOXES, "boxes", self.boxes, f"one of {', '.join(BOXES)}")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``, as :meth:`MultiBox.__call__` gives it."""
        from kerascnn.detection.losses import dense_focal

        settings = {name: getattr(self, name) for name in ("alpha", "gamma", "low", "high")}
        return dense_focal(*taken(outputs, targets), **settings, of_boxes=self.boxes)


@dataclass(frozen=True, kw_only=True)
class TwoStage:
    """Faster R-CNN's loss: of each of its two stages the cross-entropy and the smooth L1 of the boxes.

    Ren et al. 2015, https://arxiv.org/abs/1506.01497, section 3.1; Girshick 2015, https://arxiv.org/abs/1504.08083,
    section 2.3. Boxes that learn are drawn at random, by each image's seed. The second stage learns from the objects'
    own boxes too.

    Parameters
    ----------
    low, high
        IoU with an object below which an anchor is to find nothing, and from which it is to find the object. It learns
        nothing in between.
    anchors, objects_of_anchors
        How many anchors of an image are drawn, and how much of them may be of objects.
    overlap
        IoU with an object from which a region shows it.
    regions, objects_of_regions
        How many regions of an image are drawn, and how much of them may show objects.
    beta
        Differences of offsets up to this count by their square: 1/9 in both stages, as torchvision has it.
    """

    of: ClassVar[str] = "regions"  # the kind of network, of KINDS

    low: float = 0.3
    high: float = 0.7
    anchors: int = 256
    objects_of_anchors: float = 0.5
    overlap: float = 0.5
    regions: int = 512
    objects_of_regions: float = 0.25
    beta: float = 1 / 9

    def __post_init__(self) -> None:
        high, beta = self.high, self.beta
        for name in ("high", "overlap", "objects_of_anchors", "objects_of_regions"):
            value = getattr(self, name)
            expect(is_number(value) and 0 < value < 1, name, value, "between 0 and 1")
        expect(is_number(self.low) and 0 < self.low <= high, "low", self.low, f"above 0, up to high, which is {high}")
        for name in ("anchors", "regions"):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            expect(whole and value > 1, name, value, "a whole number of at least 2")
        expect(is_number(beta) and beta > 0, "beta", beta, "above 0")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``.

        Outputs are those of :func:`kerascnn.tasks.detection.heads.up_to_logits`; targets as :class:`MultiBox` takes
        them, and ``"seed"``, (B, 2) integers.
        """
        from kerascnn.detection.losses import of_proposals, of_regions

        there = {**objects(targets), "seed": targets["seed"]}
        first = tuple(outputs[f"proposal_{name}"] for name in ("logits", "offsets", "defaults", "variances"))
        drawn = {"count": self.anchors, "share": self.objects_of_anchors, "beta": self.beta}
        proposing = of_proposals(*first, targets=there, low=self.low, high=self.high, **drawn)
        second = tuple(outputs[name] for name in ("logits", "offsets", "regions", "variances"))
        drawn = {"count": self.regions, "share": self.objects_of_regions, "beta": self.beta}
        return proposing + of_regions(*second, targets=there, overlap=self.overlap, **drawn)


Loss = MultiBox | Focal | TwoStage
USUAL: dict[str, Loss] = {loss.of: loss for loss in (MultiBox(), Focal(), TwoStage())}


def taken(outputs: Tensors, targets: Tensors) -> tuple[Any, ...]:
    """What a loss takes: logits, offsets, default boxes, variances, and the objects."""
    return *(outputs[name] for name in ("logits", "offsets", "defaults", "variances")), objects(targets)


def objects(targets: Tensors) -> dict[str, Any]:
    """The objects that are to be found: all but crowds."""
    there = targets["valid"] & ~targets["crowd"]
    return {"boxes": targets["boxes"], "classes": targets["classes"], "valid": there}
