"""Losses of detection, as records. TensorFlow is imported when one is computed."""

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import Tensors

BOXES = ("l1", "smooth_l1", "giou")


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

    background: ClassVar[int] = 1  # logits of a box before those of the classes

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

    background: ClassVar[int] = 0  # logits of a box before those of the classes

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


def taken(outputs: Tensors, targets: Tensors) -> tuple[Any, ...]:
    """What a loss takes: logits, offsets, default boxes, variances, and the objects but for crowds."""
    there = {"boxes": targets["boxes"], "classes": targets["classes"], "valid": targets["valid"] & ~targets["crowd"]}
    return *(outputs[name] for name in ("logits", "offsets", "defaults", "variances")), there


USUAL: tuple[MultiBox | Focal, ...] = (Focal(), MultiBox())  # by the logits of a box that stand for the background
