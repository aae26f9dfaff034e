"""What a network's boxes are worth, by COCO's measures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from kerascnn.errors import need
from kerascnn.report.records import Headline, Section
from kerascnn.report.text import count, percent
from kerascnn.tasks.decisions import or_none, table
from kerascnn.tasks.detection import report
from kerascnn.tasks.detection.drawing import framed
from kerascnn.tasks.detection.errors import HIT, Errors, errors_of
from kerascnn.tasks.detection.prediction import BoxPrediction, found_in
from kerascnn.tasks.task import Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess

SIZES = ("all", "small", "medium", "large")  # of objects, as COCO has them: up to 32 x 32 and 96 x 96 pixels
MOST = 2  # the place of 100 detections of an image among COCO's 1, 10 and 100


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one image, in its pixels as the network sees it."""

    rows: ClassVar[tuple[str, ...]] = ("boxes", "classes", "area", "crowd")  # what each object has

    boxes: np.ndarray  # (n, 4) float32
    classes: np.ndarray  # (n,) int32
    area: np.ndarray  # (n,) float32: pixels of the source
    crowd: np.ndarray  # (n,) bool
    scale: float  # square pixels of the source in one of these

    def without_crowds(self) -> Self:
        return replace(self, **{name: getattr(self, name)[~self.crowd] for name in self.rows})

    def picture(self, image: np.ndarray) -> np.ndarray:
        """The image, (H, W, 3) uint8, with the boxes of the objects."""
        return framed(image, self.boxes, self.classes)


@dataclass(frozen=True, eq=False)
class BoxEvaluation:
    """What a network found in images whose objects are known."""

    predictions: tuple[BoxPrediction, ...]
    targets: tuple[Objects, ...]
    labels: tuple[str, ...]

    @property
    def samples(self) -> int:
        return len(self.targets)

    @property
    def headline(self) -> float:
        return self.ap

    @cached_property
    def precision(self) -> np.ndarray:
        """(10, 101, classes, 4): at IoU 0.5 to 0.95 and recall 0 to 1, of objects of ``SIZES``; NaN where none is.

        As COCO's own code counts, of up to 100 detections of an image. Areas are those of the source.
        """
        coco = need("hotcoco", "detection", "Measuring average precision")
        truth, found = [], []
        for number, (objects, prediction) in enumerate(zip(self.targets, self.predictions, strict=True)):
            unit = objects.scale**0.5
            rows = zip(boxes_of(objects.boxes * unit), objects.classes, objects.area, objects.crowd, strict=True)
            truth += [
                {"id": len(truth) + place, "image_id": number, "category_id": int(c), "bbox": b, "area": float(a),
                 "iscrowd": int(crowd)}
                for place, (b, c, a, crowd) in enumerate(rows, 1)
            ]  # fmt: skip
            found += [
                [number, *box, score, kind]
                for box, score, kind in zip(
                    boxes_of(prediction.boxes * unit), prediction.scores, prediction.classes, strict=True
                )
            ]
        known = coco.COCO({
            "images": [{"id": number, "width": 0, "height": 0} for number in range(len(self.targets))],
            "annotations": truth,
            "categories": [{"id": number, "name": label} for number, label in enumerate(self.labels)],
        })  # fmt: skip
        return precision_of(known, known.load_res(np.array(found, np.float64).reshape(-1, 7)), "bbox")

    def average(self, iou: slice | int = slice(None), size: int = 0) -> float:
        """Mean precision over recall, classes and IoU; NaN where there is no object of the size."""
        return mean(self.precision[iou, ..., size])

    @property
    def ap(self) -> float:
        """Average precision, the mean over IoU from 0.5 to 0.95."""
        return self.average()

    @property
    def ap50(self) -> float:
        """The same at an IoU of 0.5."""
        return self.average(0)

    @property
    def ap75(self) -> float:
        return self.average(5)

    @property
    def of_classes(self) -> np.ndarray:
        """(classes, 2) average precision, and that at an IoU of 0.5; NaN for classes without an object."""
        places = range(len(self.labels))
        return np.array([[mean(self.precision[:, :, i, 0]), mean(self.precision[0, :, i, 0])] for i in places])

    @property
    def support(self) -> np.ndarray:
        """(classes,) number of objects; crowds are none."""
        numbers = [objects.classes[~objects.crowd] for objects in self.targets]
        return np.bincount(np.concatenate(numbers), minlength=len(self.labels))

    @property
    def of_images(self) -> np.ndarray:
        """(N,) how well objects and sure detections of each image match: twice the matches by the sum of both.

        NaN where there is neither.
        """
        pairs = zip(self.predictions, self.targets, strict=True)
        return np.array([
            alike(in_common(found.sure_ones(), objects.without_crowds())) for found, objects in pairs
        ])  # fmt: skip

    @cached_property
    def errors(self) -> tuple[Errors, ...]:
        """What kinds of errors there are, how many, and what each kind costs."""
        return errors_of(self.predictions, self.targets)

    def agreement(self, other: "BoxEvaluation") -> float:
        """How many of the sure detections both models have: twice the shared by the sum of both; 1 where none has any.

        Raises ``ValueError`` when the two did not see the same images in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if self.samples != other.samples or any(
            not np.array_equal(a.boxes, b.boxes) for a, b in zip(self.targets, other.targets, strict=True)
        ):
            raise ValueError(
                f"The two evaluations saw different images ({self.samples} and {other.samples}, or the same number in "
                "another order or size). Evaluate both on the same batches, without shuffling."
            )
        overlap = [
            in_common(a.sure_ones(), b.sure_ones()) for a, b in zip(self.predictions, other.predictions, strict=True)
        ]
        total = sum(sum(each.shape) for each in overlap)
        return 2 * sum(map(matches, overlap)) / total if total else 1.0

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        columns = zip(self.labels, self.support.tolist(), self.of_classes.tolist(), strict=True)
        sizes = {f"ap_{name}": or_none(self.average(size=place)) for place, name in enumerate(SIZES) if place}
        return {
            "samples": self.samples,
            "ap": or_none(self.ap),
            "ap50": or_none(self.ap50),
            "ap75": or_none(self.ap75),
            **sizes,
            "classes": [
                {"label": name, "objects": objects, "ap": or_none(ap), "ap50": or_none(ap50)}
                for name, objects, (ap, ap50) in columns
            ],
            "errors": [errors.as_dict() for errors in self.errors],
        }

    def text(self) -> str:
        """Average precision, overall and by size, and tables of the classes and of the errors."""
        ap, ap50 = self.of_classes.T
        columns = {"objects": [*map(count, self.support.tolist())], "AP": [*map(percent, ap)]}
        columns |= {"AP50": [*map(percent, ap50)]}
        sizes = ", ".join(f"{name} {percent(self.average(size=place))}" for place, name in enumerate(SIZES) if place)
        head = f"AP {percent(self.ap)}, AP50 {percent(self.ap50)}, AP75 {percent(self.ap75)}; by size: {sizes}"
        kinds = {
            "count": [count(each.count) for each in self.errors],
            "sure ones": [count(each.sure) for each in self.errors],
            "AP50 lost": [percent(each.cost) for each in self.errors],
        }
        of_errors = table([each.kind for each in self.errors], kinds, head="errors")
        return "\n".join([head, "", *table(self.labels, columns), "", *of_errors])

    def headlines(self) -> Sequence[Headline]:
        objects = f"of {count(int(self.support.sum()))} objects on {count(self.samples)} images"
        return [
            Headline("AP", percent(self.ap), f"mean over IoU 0.5 to 0.95, {objects}"),
            Headline("AP50", percent(self.ap50), "at an IoU of 0.5"),
        ]

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        return report.sections(self, split, preprocess)


@dataclass(frozen=True, eq=False)
class Finder:
    """Chooses the detections of every batch, and keeps them; see :class:`kerascnn.evaluation.loop.Evaluator`."""

    labels: tuple[str, ...]
    found: list[BoxPrediction] = field(default_factory=list)
    known: list[Objects] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        self.found.extend(found_in(outputs, self.labels))
        for place, valid in enumerate(np.asarray(targets["valid"])):
            rows = [np.asarray(targets[name])[place][valid] for name in ("boxes", "classes", "area", "crowd")]
            self.known.append(Objects(*rows, scale=float(targets["scale"][place])))

    def result(self) -> BoxEvaluation:
        if not self.known:
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        return BoxEvaluation(tuple(self.found), tuple(self.known), self.labels)


def boxes_of(corners: np.ndarray) -> list[list[float]]:
    """x, y, width and height, as COCO writes boxes."""
    corners = np.asarray(corners, np.float64)
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).tolist()


def mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def precision_of(known: Any, found: Any, kind: str) -> np.ndarray:
    """(10, 101, classes, 4) of data sets of hotcoco, truth and detections; ``kind`` is "bbox" or "segm"."""
    coco = need("hotcoco", "detection", "Measuring average precision")
    measured = coco.COCOeval(known, found, kind)
    measured.evaluate()
    measured.accumulate()
    precision = np.asarray(measured.eval["precision"])[..., MOST]
    return np.where(precision < 0, np.nan, precision)


def in_common(found: BoxPrediction, others: Any) -> np.ndarray:
    """(n, m) IoU of detections of an image and of other objects or detections; 0 for those of two classes."""
    return np.where(found.classes[:, None] == others.classes, found.overlaps(others), 0.0)


def matches(overlap: np.ndarray) -> int:
    """How many of the first objects, one after the other, have one among the second for themselves: of (n, m) IoU."""
    overlap, hits = overlap.copy(), 0
    for row in overlap:
        if len(row) and row.max() >= HIT:
            hits += 1
            overlap[:, row.argmax()] = 0
    return hits


def alike(overlap: np.ndarray) -> float:
    total = sum(overlap.shape)
    return 2 * matches(overlap) / total if total else float("nan")
