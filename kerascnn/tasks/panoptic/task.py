"""Panoptic segmentation as the package sees it: each method leads to the file that does the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.errors import need
from kerascnn.tasks.instance import Instance
from kerascnn.tasks.panoptic.evaluation import Segmenter
from kerascnn.tasks.panoptic.prediction import STUFF, segments_in
from kerascnn.tasks.task import SCORES, Arrays, Prediction, Tensors

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Data

WEIGHT = 0.5  # of the loss of stuff, as Detectron2 has it


@dataclass(frozen=True, kw_only=True)
class Panoptic(Instance):
    """A segment for every pixel: things, which can be counted and have masks in boxes, and stuff.

    Labels are the things, then the stuff; how many are things, the outputs tell: ``"scores"`` is of things, and
    ``"stuff"``, ``(B, H, W, 1 + stuff)``, of things together and of each kind of stuff. Targets are those of instance
    segmentation, with segments of stuff among the objects.
    """

    name: ClassVar[str] = "panoptic"
    metric: ClassVar[str] = "pq"
    title: ClassVar[str] = "PQ"
    trial_data: ClassVar[str] = "shape_panoptic"

    def fields(self, data: "Data") -> Mapping[str, Any]:
        """How many of the classes are things."""
        if data.things is None:
            raise ValueError(
                f"The task {self.name} needs data that says which of its classes are things, and which stuff. COCO's "
                "panoptic files do, by isthing of each category; data made in Python by things, the number of labels "
                "that are, the first ones."
            )
        return {"things": data.things}

    def check_model(self, model: "keras.Model") -> None:
        from kerascnn.tasks.panoptic.heads import check_outputs

        need("hotcoco", "detection", "Measuring panoptic quality")
        check_outputs(model, len(self.labels))

    def training_model(self, model: "keras.Model") -> "keras.Model":
        from kerascnn.tasks.panoptic.heads import of_things, with_logits

        return with_logits(of_things(super().training_model(model)))

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        """Those of things, and ``WEIGHT`` of that of stuff."""
        from kerascnn.tasks.panoptic.heads import of_stuff

        things = outputs[SCORES].shape[-1]
        of_things = {**targets, "valid": targets["valid"] & (targets["classes"] < things)}
        return super().losses(outputs, of_things) + WEIGHT * of_stuff(outputs[STUFF], targets, things)

    def meters(self) -> list[Any]:
        from kerascnn.tasks.panoptic.meters import PanopticQuality

        return [PanopticQuality(len(self.labels), self.metric)]

    def evaluator(self) -> Segmenter:
        return Segmenter(self.labels)

    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        if size is None:
            raise ValueError("Masks lie in their boxes: decode needs size, height and width of the images, too.")
        return [*segments_in(outputs, self.labels, size)]
