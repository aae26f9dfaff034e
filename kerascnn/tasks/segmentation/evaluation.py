"""What a network's masks are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data.dataset import IGNORE
from kerascnn.report.records import Headline, Section
from kerascnn.report.text import count, percent
from kerascnn.tasks.decisions import Decisions, confusion_of, or_none, ratio, table
from kerascnn.tasks.segmentation import report
from kerascnn.tasks.segmentation.prediction import classes_of
from kerascnn.tasks.task import SCORES, Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


@dataclass(frozen=True, eq=False)
class MaskEvaluation(Decisions):
    """What a network answered on images whose pixels' classes are known."""

    predictions: np.ndarray  # (N, H, W) uint8: the class of each pixel
    targets: np.ndarray  # (N, H, W) uint8: the true classes; IGNORE where there is none, which nothing here counts
    labels: tuple[str, ...]  # class names, in the order of the outputs

    @property
    def headline(self) -> float:
        return self.miou

    @cached_property
    def confusions(self) -> np.ndarray:
        """(N, classes, classes) counts of pixels: a row for every true class, a column for every predicted one."""
        pairs = [(mask, got, mask != IGNORE) for mask, got in zip(self.targets, self.predictions, strict=True)]
        return np.stack([confusion_of(mask[at], got[at], len(self.labels)) for mask, got, at in pairs])

    @cached_property
    def confusion(self) -> np.ndarray:
        """(classes, classes) the same of all images together."""
        return self.confusions.sum(axis=0)

    @property
    def iou(self) -> np.ndarray:
        """(classes,) intersection over union of each class, over all images; NaN where it occurs nowhere."""
        return iou_of(self.confusion)

    @property
    def miou(self) -> float:
        """The mean of ``iou`` over the classes that occur in truth or prediction; NaN where none does."""
        return mean_iou_of(self.confusion)

    @property
    def pixel_accuracy(self) -> float:
        """Fraction of the pixels that are given their class."""
        return float(self.confusion.trace() / max(self.confusion.sum(), 1))

    @property
    def of_images(self) -> np.ndarray:
        """(N,) mean IoU of each image alone; NaN where no pixel of it has a class."""
        return np.array([mean_iou_of(confusion) for confusion in self.confusions])

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        columns = zip(self.labels, self.support.tolist(), self.iou.tolist(), strict=True)
        return {
            "samples": self.samples,
            "miou": or_none(self.miou),
            "pixel_accuracy": self.pixel_accuracy,
            "classes": [{"label": name, "pixels": pixels, "iou": or_none(iou)} for name, pixels, iou in columns],
        }

    def text(self) -> str:
        """Mean IoU, pixel accuracy and a table of the classes."""
        columns = {"pixels": [*map(count, self.support.tolist())], "IoU": [*map(percent, self.iou)]}
        head = f"mean IoU {percent(self.miou)}, pixel accuracy {percent(self.pixel_accuracy)}"
        return "\n".join([head, "", *table(self.labels, columns)])

    def headlines(self) -> Sequence[Headline]:
        pixels = int(self.confusion.sum())
        return [
            Headline("Mean IoU", percent(self.miou), f"of {len(self.labels)} classes on {count(self.samples)} images"),
            Headline("Pixel accuracy", percent(self.pixel_accuracy), f"of {count(pixels)} pixels"),
        ]

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        return report.sections(self, split, preprocess)


def iou_of(confusion: np.ndarray) -> np.ndarray:
    both = confusion.diagonal()
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return ratio(both, either)


def mean_iou_of(confusion: np.ndarray) -> float:
    iou = iou_of(confusion)
    return float(np.nanmean(iou)) if not np.isnan(iou).all() else float("nan")


def checked(outputs: Arrays, targets: Arrays, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a batch the classes of the largest of ``"scores"``, (N, H, W, classes), and ``"mask"``, (N, H, W) integers.

    Raises ``ValueError`` when a pixel has a class without a label, the scores are not one for each label at every
    pixel, or one of them is NaN.
    """
    scores, masks = np.asarray(outputs[SCORES]), np.asarray(targets["mask"])
    if scores.shape != (*masks.shape, classes):
        raise ValueError(
            f"The model answers {scores.shape} to masks of {masks.shape}; expected "
            f"{(*masks.shape, classes)}, a score for each of {classes} classes at every pixel."
        )
    if np.isnan(scores).any():
        raise ValueError("The model answers NaN to some images. It cannot be evaluated.")
    wrong = masks[(masks != IGNORE) & ((masks < 0) | (masks >= classes))]
    if wrong.size:
        raise ValueError(f"A mask holds the class {wrong[0]}; expected 0 to {classes - 1}, or {IGNORE} for none.")
    return classes_of(scores), masks.astype(np.uint8)
