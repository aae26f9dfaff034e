"""What a network's masks of objects are worth, by COCO's measures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from kerascnn.data.segments import coco_masks, encoded, in_array
from kerascnn.errors import need
from kerascnn.report.records import Headline
from kerascnn.report.text import percent
from kerascnn.tasks.decisions import or_none
from kerascnn.tasks.detection.evaluation import BoxEvaluation, Objects, precision_of
from kerascnn.tasks.instance.prediction import MASKS, InstancePrediction, drawn, found_in
from kerascnn.tasks.task import Arrays


@dataclass(frozen=True, eq=False)
class Instances(Objects):
    """The objects of one image, in its pixels as the network sees it."""

    rows: ClassVar[tuple[str, ...]] = (*Objects.rows, MASKS)

    masks: np.ndarray  # (n,) runs
    size: tuple[int, int]  # height and width

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, under the masks of the objects, and with their boxes."""
        return drawn(image, self.boxes, self.classes, self.masks)


@dataclass(frozen=True, eq=False)
class InstanceEvaluation(BoxEvaluation):
    """What a network found in images whose objects are known pixel by pixel; all but ``of_boxes`` is of masks."""

    predictions: tuple[InstancePrediction, ...]
    targets: tuple[Instances, ...]

    @cached_property
    def precision(self) -> np.ndarray:
        """(10, 101, classes, 4): at IoU of masks of 0.5 to 0.95 as that of boxes."""
        coco = need("hotcoco", "detection", "Measuring average precision")
        images, truth, found = [], [], []
        for number, (objects, prediction) in enumerate(zip(self.targets, self.predictions, strict=True)):
            images.append({"id": number, "height": objects.size[0], "width": objects.size[1]})
            truth += [
                {"image_id": number, "category_id": kind, "area": area, "iscrowd": int(crowd), "segmentation": mask}
                for kind, area, crowd, mask in listed(objects.classes, objects.area, objects.crowd, objects.masks)
            ]
            areas = np.array([coco_masks().area(mask) for mask in prediction.masks]) * objects.scale
            found += [
                {"image_id": number, "category_id": kind, "area": area, "score": score, "segmentation": mask}
                for kind, area, score, mask in listed(prediction.classes, areas, prediction.scores, prediction.masks)
            ]
        rest = {"images": images, "categories": [{"id": n, "name": name} for n, name in enumerate(self.labels)]}
        known, detected = (
            coco.COCO(rest | {"annotations": [{"id": number, **each} for number, each in enumerate(some, 1)]})
            for some in (truth, found)
        )
        return precision_of(known, detected, "segm")

    @cached_property
    def of_boxes(self) -> BoxEvaluation:
        """What the boxes alone are worth."""
        return BoxEvaluation(self.predictions, self.targets, self.labels)

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        return super().as_dict() | {"box_ap": or_none(self.of_boxes.ap), "box_ap50": or_none(self.of_boxes.ap50)}

    def text(self) -> str:
        """Average precision of masks, overall and by size, and of boxes; and a table of the classes."""
        boxes = f"boxes alone: AP {percent(self.of_boxes.ap)}, AP50 {percent(self.of_boxes.ap50)}"
        head, *rest = super().text().splitlines()
        return "\n".join([f"masks: {head}", boxes, *rest])

    def headlines(self) -> Sequence[Headline]:
        return [*super().headlines(), Headline("Box AP", percent(self.of_boxes.ap), "of the boxes alone")]


@dataclass(frozen=True, eq=False)
class Masker:
    """Chooses the detections of every batch, and keeps them; see :class:`kerascnn.evaluation.loop.Evaluator`.

    Of the masks, runs are kept: no more than a batch of them is ever held pixel by pixel.
    """

    labels: tuple[str, ...]
    found: list[InstancePrediction] = field(default_factory=list)
    known: list[Instances] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        side = np.asarray(targets[MASKS]).shape[2]
        self.found.extend(found_in(outputs, self.labels, (side, side)))
        for place, valid in enumerate(np.asarray(targets["valid"])):
            rows = [np.asarray(targets[name])[place][valid] for name in Objects.rows]
            bitmaps = np.unpackbits(np.asarray(targets[MASKS])[place][valid], axis=-1)[..., :side]
            runs = in_array([encoded(bitmap) for bitmap in bitmaps])
            self.known.append(Instances(*rows, scale=float(targets["scale"][place]), masks=runs, size=(side, side)))

    def result(self) -> InstanceEvaluation:
        if not self.known:
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        return InstanceEvaluation(tuple(self.found), tuple(self.known), self.labels)


def listed(*columns: np.ndarray) -> Any:
    """Rows of columns, as numbers of Python."""
    return zip(*(column.tolist() for column in columns), strict=True)
