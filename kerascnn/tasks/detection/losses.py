"""Losses of detection, as records. TensorFlow is imported when one is computed."""

from dataclasses import dataclass
from typing import Any

from kerascnn.spec import expect, is_number
from kerascnn.tasks.task import Tensors


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

        there = {"boxes": targets["boxes"], "classes": targets["classes"]}
        there["valid"] = targets["valid"] & ~targets["crowd"]
        how = {"overlap": self.overlap, "negatives": self.negatives}
        return multibox(outputs["scores"], outputs["offsets"], outputs["defaults"], there, **how)
