"""What a network finds in one image."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from kerascnn.tasks.detection.drawing import framed
from kerascnn.tasks.task import SCORES, Arrays

CHOICE = {"least": 0.01, "overlap": 0.5, "candidates": 400, "most": 100}  # of detections; COCO counts 100 of an image
SURE = 0.3  # a score from which a detection is told and drawn


@dataclass(frozen=True, eq=False)
class BoxPrediction:
    """The objects that are found in an image, the surest first."""

    rows: ClassVar[tuple[str, ...]] = ("boxes", "scores", "classes")  # what each object has

    boxes: np.ndarray  # (n, 4) float32: x1, y1, x2, y2 in pixels of the image as the network sees it
    scores: np.ndarray  # (n,) from 0 to 1
    classes: np.ndarray  # (n,) int32
    labels: tuple[str, ...]

    @property
    def sure(self) -> int:
        """How many have a score of ``SURE`` or more; they are the first."""
        return int((self.scores >= SURE).sum())

    def sure_ones(self) -> Self:
        """The objects whose score is ``SURE`` or more."""
        return replace(self, **{name: getattr(self, name)[: self.sure] for name in self.rows})

    def overlaps(self, others: Any) -> np.ndarray:
        """(n, m) IoU with other objects or detections of the image."""
        from kerascnn.detection.boxes import iou

        return iou(self.boxes.astype(np.float32), others.boxes.astype(np.float32)).numpy()

    def inside(self, others: Any) -> np.ndarray:
        """(n, m) how much of each lies in each of other objects."""
        from kerascnn.detection.boxes import area, shared

        return shared(self.boxes, others.boxes).numpy() / np.maximum(area(self.boxes).numpy(), 1e-9)[:, None]

    def text(self, top: int = 3) -> str:
        """The first objects and where they are: ``ring 97.1% at 12, 30 to 45, 60; disc 88.0% at ...``."""
        found = self.as_dict()["objects"][: min(top, self.sure)]
        more = [f"{self.sure - top} more"] if self.sure > top else []
        one = (
            "{label} {score:.1%} at {box[0]:.0f}, {box[1]:.0f} to {box[2]:.0f}, {box[3]:.0f}".format(**o) for o in found
        )
        return "; ".join([*one, *more]) or "nothing"

    def __str__(self) -> str:
        return self.text()

    def as_dict(self) -> dict[str, Any]:
        """Label, score and box of every object, the surest first; boxes are x1, y1, x2, y2 in pixels."""
        rows = zip(self.classes.tolist(), self.scores.tolist(), self.boxes.tolist(), strict=True)
        return {"objects": [{"label": self.labels[i], "score": score, "box": box} for i, score, box in rows]}

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, with the boxes of the sure objects."""
        return framed(image, self.boxes[: self.sure], self.classes[: self.sure])


def found_in(outputs: Arrays, labels: tuple[str, ...]) -> list[BoxPrediction]:
    """The objects in each image of a batch of outputs.

    Raises ``ValueError`` when the outputs are not those of a detector of these classes, or one of them is NaN.
    """
    if {*outputs} != {"boxes", SCORES}:
        raise ValueError(f"The model puts out {', '.join(sorted(outputs))}; expected boxes and scores.")
    boxes, scores = (np.asarray(outputs[name], np.float32) for name in ("boxes", SCORES))
    if scores.shape != (*boxes.shape[:2], len(labels)) or boxes.shape[2:] != (4,):
        raise ValueError(
            f"The model gives boxes {boxes.shape} and scores {scores.shape}, and its card names {len(labels)} labels; "
            f"expected four numbers for every box, and a score for each label."
        )
    if np.isnan(boxes).any() or np.isnan(scores).any():
        raise ValueError("The model answers NaN to some images: nothing can be said of what it finds in them.")
    chosen = [np.asarray(part) for part in chooser()(boxes, scores)]
    return [BoxPrediction(b[:n], s[:n], c[:n], labels) for b, s, c, n, _ in zip(*chosen, strict=True)]


@cache
def chooser() -> Any:
    """The detections of boxes and scores as ``CHOICE`` says, as one graph for each number of classes and boxes."""
    import tensorflow as tf

    from kerascnn.detection.suppression import detections

    return tf.function(lambda boxes, scores: detections(boxes, scores, **CHOICE), reduce_retracing=False)
