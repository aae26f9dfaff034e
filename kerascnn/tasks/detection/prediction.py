"""What a network finds in one image."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np

from kerascnn.tasks.detection.drawing import framed
from kerascnn.tasks.task import SCORES, Arrays, Tensors

CHOICE = {"least": 0.01, "overlap": 0.5, "candidates": 400, "most": 100}  # of detections; COCO counts 100 of an image
THIN = 0.5  # pixels; what is less wide or high is no object
SURE = 0.3  # a score from which a detection is told and drawn
RAW = {"boxes", SCORES}  # what a network puts out
CHOSEN = {"boxes", "classes", SCORES, "count"}  # what a file does that has chosen


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
    """The objects in each image of a batch of outputs: of all default boxes, or those that a file has chosen itself.

    Raises ``ValueError`` when the outputs are not those of a detector of these classes, or one of them is NaN.
    """
    if {*outputs} not in (RAW, CHOSEN):
        raise ValueError(f"The model puts out {', '.join(sorted(outputs))}; expected boxes and scores.")
    if any(np.isnan(np.asarray(part)).any() for part in outputs.values()):
        raise ValueError("The model answers NaN to some images: nothing can be said of what it finds in them.")
    boxes, scores = np.asarray(outputs["boxes"], np.float32), np.asarray(outputs[SCORES], np.float32)
    if "count" in outputs:
        classes, count = (np.asarray(outputs[name]).astype(np.int32) for name in ("classes", "count"))
        need_sound(boxes, scores, classes, count, labels)
        parts = boxes, scores, classes, count
    else:
        if scores.shape != (*boxes.shape[:2], len(labels)) or boxes.shape[2:] != (4,):
            raise ValueError(
                f"The model gives boxes {boxes.shape} and scores {scores.shape}, and its card names {len(labels)} "
                f"labels; expected four numbers for every box, and a score for each label."
            )
        parts = tuple(np.asarray(part) for part in chooser()(boxes, scores)[:4])
    return [BoxPrediction(b[:n], s[:n], c[:n], labels) for b, s, c, n in zip(*parts, strict=True)]


def need_sound(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, count: np.ndarray, labels: tuple[str, ...]
) -> None:
    """Refuse detections that a file has chosen whose shapes do not go together, or which the card cannot name."""
    images, most = boxes.shape[:2]
    shapes = {"boxes": boxes.shape, "scores": scores.shape, "classes": classes.shape, "count": count.shape}
    if [*shapes.values()] != [(images, most, 4), (images, most), (images, most), (images,)]:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"The model gives {found}; expected (N, M, 4), (N, M), (N, M) and (N,).")
    if (count < 0).any() or (count > most).any() or (classes < 0).any() or (classes >= len(labels)).any():
        raise ValueError(
            f"The model finds {count.max()} objects of classes up to {classes.max()}, and has room for {most} and "
            f"labels of {len(labels)}. Take the card that was written with the file."
        )


def with_suppression(outputs: Tensors) -> dict[str, Any]:
    """What a file puts out that chooses itself, in the graph: the detections of boxes and scores as ``CHOICE`` says.

    ``"boxes"``, (B, M, 4), ``"classes"`` and ``"scores"``, (B, M), and ``"count"``, (B,), all float32, the surest
    first; behind ``count`` are zeros. Of a fixed batch one suppression for each image, without a loop.
    """
    import tensorflow as tf

    boxes, scores = outputs["boxes"], outputs[SCORES]
    alone = range(boxes.shape[0]) if boxes.shape[0] else ()
    found = [chosen(boxes[n : n + 1], scores[n : n + 1]) for n in alone]
    every = [tf.concat(parts, axis=0) for parts in zip(*found, strict=True)] or chosen(boxes, scores)
    names = ("boxes", SCORES, "classes", "count")
    return {name: tf.cast(part, tf.float32) for name, part in zip(names, every[:4], strict=True)}


@cache
def chooser() -> Any:
    """The detections of boxes and scores, as one graph for each number of classes and boxes."""
    import tensorflow as tf

    return tf.function(chosen, reduce_retracing=False)


def chosen(boxes: Any, scores: Any) -> Any:
    """The detections of boxes and scores as ``CHOICE`` says, in the graph.

    A box that is cut to nothing at the edge of the image is none. TensorFlow Lite's kernel would choose it again and
    again: it takes its overlap with itself for 0.
    """
    import tensorflow as tf

    from kerascnn.detection.suppression import detections

    there = tf.reduce_min(boxes[..., 2:] - boxes[..., :2], axis=-1, keepdims=True) >= THIN
    return detections(boxes, tf.where(there, scores, 0.0), **CHOICE)
