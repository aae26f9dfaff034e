"""The loss of masks of objects, as a record. TensorFlow is imported when it is computed."""

from dataclasses import dataclass
from typing import Any

from kerascnn.tasks.detection.losses import TwoStage, taken
from kerascnn.tasks.task import Tensors


@dataclass(frozen=True, kw_only=True)
class TwoStageMasks(TwoStage):
    """Mask R-CNN's loss: that of Faster R-CNN, and the cross-entropy of the masks of regions that show objects.

    He et al. 2017, https://arxiv.org/abs/1703.06870, section 3. The parameters are those of
    :class:`kerascnn.tasks.detection.TwoStage`.
    """

    @property
    def most(self) -> int:
        """Regions of an image of which masks are made."""
        return max(1, int(self.regions * self.objects_of_regions))

    def __call__(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss of each image, ``(B,)``.

        Outputs are those of :func:`kerascnn.tasks.instance.heads.up_to_masks`; targets as ``TwoStage`` takes them, and
        ``"masks"``, bits as :class:`kerascnn.tasks.Instance` has them.
        """
        from kerascnn.detection.masks import of_masks
        from kerascnn.detection.matching import matched_regions

        *_, there = taken(self, outputs, targets)
        regions, of_classes = outputs["mask_regions"], outputs["mask_logits"][..., -outputs["scores"].shape[-1] :]
        found = matched_regions(there["boxes"], there["valid"], regions, self.overlap)
        of_boxes = super().__call__(outputs, targets)
        return of_boxes + of_masks(of_classes, regions, found, {**there, "masks": targets["masks"]})
