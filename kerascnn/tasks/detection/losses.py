"""Losses of detection, as records. TensorFlow is imported when one is computed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import Tensors

BOXES = ("l1", "smooth_l1", "giou")
IN_CELLS = ("squares", "giou")


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

    takes: ClassVar[tuple[str, ...]] = ("exclusive", "offsets", "defaults", "variances")  # of what a network puts out

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

        return multibox(*taken(self, outputs, targets), overlap=self.overlap, negatives=self.negatives)


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

    takes: ClassVar[tuple[str, ...]] = ("logits", "offsets", "defaults", "variances")

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
        return dense_focal(*taken(self, outputs, targets), **settings, of_boxes=self.boxes)


@dataclass(frozen=True, kw_only=True)
class SumSquared:
    """The loss of YOLO's first version: squared errors of places, of how sure boxes are, and of classes.

    Redmon et al. 2015, https://arxiv.org/abs/1506.02640, equation 3.

    Parameters
    ----------
    place
        Weight of the place of a box that is to find an object.
    none
        Weight of how sure a box is that is to find none.
    """

    takes: ClassVar[tuple[str, ...]] = ("sure", "shares", "roots", "defaults", "steps")

    place: float = 5.0
    none: float = 0.5

    def __post_init__(self) -> None:
        expect(is_number(self.place) and self.place > 0, "place", self.place, "above 0")
        expect(is_number(self.none) and self.none > 0, "none", self.none, "above 0")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``, as :meth:`MultiBox.__call__` gives it."""
        from kerascnn.detection.cell_losses import sum_squared

        return sum_squared(*taken(self, outputs, targets), of_place=self.place, of_none=self.none)


@dataclass(frozen=True, kw_only=True)
class Region:
    """YOLOv2's loss: whether a box is an object, as far as it overlaps it, its place, and one class.

    The region layer of the released code of Redmon & Farhadi 2016, https://arxiv.org/abs/1612.08242; but for the first
    12,800 images, in which that draws every box to its anchor too.

    Parameters
    ----------
    ignore
        IoU with an object above which a box that is not to find it does not learn whether it is one.
    object, none
        Weights of how sure a box is that is to find an object, and that is to find none.
    """

    takes: ClassVar[tuple[str, ...]] = ("objects", "exclusive", "said", "defaults", "steps")

    ignore: float = 0.6
    object: float = 5.0
    none: float = 1.0

    def __post_init__(self) -> None:
        expect(is_number(self.ignore) and 0 < self.ignore <= 1, "ignore", self.ignore, "above 0, up to 1")
        expect(is_number(self.object) and self.object > 0, "object", self.object, "above 0")
        expect(is_number(self.none) and self.none > 0, "none", self.none, "above 0")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``, as :meth:`MultiBox.__call__` gives it."""
        from kerascnn.detection.cell_losses import region

        weights = {"of_object": self.object, "of_none": self.none}
        return region(*taken(self, outputs, targets), ignore=self.ignore, **weights)


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """YOLOv3's loss: cross-entropy of whether a box is an object, and of every class by itself; and its place.

    Redmon & Farhadi 2018, https://arxiv.org/abs/1804.02767, section 2, and the yolo layer of its released code. Beyond
    ``ignore``, fields are what others changed since.

    Parameters
    ----------
    ignore
        IoU with an object above which a box that is not to find it does not learn whether it is one. The released
        code has 0.7; the paper says 0.5.
    overlap
        IoU round one middle with an object above which all anchors of its cell are to find it, as in YOLOv4, whose
        released code has 0.213 (https://github.com/AlexeyAB/darknet, ``iou_thresh``). At 1 it is the one most like it.
    place
        Weight of the place of a box that is to find an object.
    boxes
        What is minimised of places: "squares" of what is said of sizes, and the cross-entropy of middles; or "giou".
    """

    takes: ClassVar[tuple[str, ...]] = ("objects", "logits", "said", "defaults", "steps")

    ignore: float = 0.7
    overlap: float = 1.0
    place: float = 1.0
    boxes: str = "squares"

    def __post_init__(self) -> None:
        expect(is_number(self.ignore) and 0 < self.ignore <= 1, "ignore", self.ignore, "above 0, up to 1")
        expect(is_number(self.overlap) and 0 < self.overlap <= 1, "overlap", self.overlap, "above 0, up to 1")
        expect(is_number(self.place) and self.place > 0, "place", self.place, "above 0")
        expect(self.boxes in IN_CELLS, "boxes", self.boxes, f"one of {', '.join(IN_CELLS)}")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``, as :meth:`MultiBox.__call__` gives it."""
        from kerascnn.detection.cell_losses import logistic

        how = {"overlap": self.overlap, "of_place": self.place, "of_boxes": self.boxes}
        return logistic(*taken(self, outputs, targets), ignore=self.ignore, **how)


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

    first: ClassVar[tuple[str, ...]] = (
        "proposal_logits",
        "proposal_offsets",
        "proposal_defaults",
        "proposal_variances",
    )
    second: ClassVar[tuple[str, ...]] = ("exclusive", "offsets", "regions", "variances")
    takes: ClassVar[tuple[str, ...]] = (*first, *second)

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

        *said, there = taken(self, outputs, targets)
        there["seed"] = targets["seed"]
        drawn = {"count": self.anchors, "share": self.objects_of_anchors, "beta": self.beta}
        proposing = of_proposals(*said[: len(self.first)], targets=there, low=self.low, high=self.high, **drawn)
        drawn = {"count": self.regions, "share": self.objects_of_regions, "beta": self.beta}
        return proposing + of_regions(*said[len(self.first) :], targets=there, overlap=self.overlap, **drawn)


@dataclass(frozen=True, kw_only=True)
class MultiTask:
    """Fast R-CNN's loss, of regions that are given: cross-entropy with the background, and smooth L1 of the boxes.

    Girshick 2015, https://arxiv.org/abs/1504.08083, section 2.3. Regions that learn are drawn at random, by each
    image's seed, among those that are given and the objects' own boxes.

    Parameters
    ----------
    overlap
        IoU with an object from which a region shows it.
    low
        IoU from which a region that shows none is background. What overlaps no object so far does not learn: it is
        easily told. 0 for all.
    regions, objects_of_regions
        How many regions of an image are drawn, and how much of them may show objects.
    beta
        Differences of offsets up to this count by their square.
    """

    takes: ClassVar[tuple[str, ...]] = TwoStage.second

    overlap: float = 0.5
    low: float = 0.1
    regions: int = 64
    objects_of_regions: float = 0.25
    beta: float = 1.0

    def __post_init__(self) -> None:
        overlap, low, share, count, beta = self.overlap, self.low, self.objects_of_regions, self.regions, self.beta
        expect(is_number(overlap) and 0 < overlap < 1, "overlap", overlap, "between 0 and 1")
        expect(is_number(low) and 0 <= low < overlap, "low", low, f"at least 0, below overlap, which is {overlap}")
        expect(is_number(share) and 0 < share < 1, "objects_of_regions", share, "between 0 and 1")
        whole = isinstance(count, int) and not isinstance(count, bool)
        expect(whole and count > 1, "regions", count, "a whole number of at least 2")
        expect(is_number(beta) and beta > 0, "beta", beta, "above 0")

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``, as :meth:`TwoStage.__call__` gives it."""
        from kerascnn.detection.losses import of_regions

        *said, there = taken(self, outputs, targets)
        there["seed"] = targets["seed"]
        drawn = {"count": self.regions, "share": self.objects_of_regions, "beta": self.beta}
        return of_regions(*said, targets=there, overlap=self.overlap, low=self.low, **drawn)


Loss = MultiBox | Focal | SumSquared | Region | Logistic | TwoStage | MultiTask
# Of these, each network has one; a network of two stages puts out what MultiTask takes too.
USUAL: tuple[Loss, ...] = (MultiBox(), Focal(), SumSquared(), Region(), Logistic(), TwoStage(), MultiTask())


def usual(outputs: Tensors) -> Loss:
    """The loss that takes what a network puts out."""
    return next(loss for loss in USUAL if {*loss.takes} <= {*outputs})


def taken(loss: Loss, outputs: Tensors, targets: Tensors) -> tuple[Any, ...]:
    """What a loss takes: of the outputs its own, and the objects but for crowds."""
    there = {"boxes": targets["boxes"], "classes": targets["classes"], "valid": targets["valid"] & ~targets["crowd"]}
    return *(outputs[name] for name in loss.takes), there
