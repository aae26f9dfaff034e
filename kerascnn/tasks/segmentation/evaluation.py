"""What a network's masks are worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.data.dataset import IGNORE
from kerascnn.report.records import Headline, Section
from kerascnn.report.text import count, percent
from kerascnn.tasks.segmentation import report
from kerascnn.tasks.segmentation.prediction import classes_of
from kerascnn.tasks.task import SCORES, Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


@dataclass(frozen=True, eq=False)
class MaskEvaluation:
    """What a network answered on images whose pixels' classes are known.

    Parameters
    ----------
    predictions
        (N, H, W) uint8: the class of each pixel.
    masks
        (N, H, W) uint8: the true classes; ``IGNORE`` where there is none, which nothing here counts.
    labels
        Class names, in the order of the outputs.
    """

    predictions: np.ndarray
    masks: np.ndarray
    labels: tuple[str, ...]

    @property
    def samples(self) -> int:
        return len(self.masks)

    @property
    def headline(self) -> float:
        return self.miou

    @cached_property
    def confusions(self) -> np.ndarray:
        """(N, classes, classes) counts of pixels: a row for every true class, a column for every predicted one."""
        pairs = zip(self.masks, self.predictions, strict=True)
        return np.stack([confusion_of(*pair, len(self.labels)) for pair in pairs])

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

    def agreement(self, other: "MaskEvaluation") -> float:
        """Fraction of the pixels to which both give the same class, right or wrong.

        Raises
        ------
        ValueError
            When the two did not see the same images in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if not np.array_equal(self.masks, other.masks):
            raise ValueError(
                f"The two evaluations saw different images ({self.samples} and {other.samples}, or the same number in "
                "another order or size). Evaluate both on the same batches, without shuffling."
            )
        return float((self.predictions == other.predictions).mean())

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        columns = zip(self.labels, self.confusion.sum(axis=1).tolist(), self.iou.tolist(), strict=True)
        return {
            "samples": self.samples,
            "miou": or_none(self.miou),
            "pixel_accuracy": self.pixel_accuracy,
            "classes": [{"label": name, "pixels": pixels, "iou": or_none(iou)} for name, pixels, iou in columns],
        }

    def text(self) -> str:
        """Mean IoU, pixel accuracy and a table of the classes."""
        width = max(20, *(len(label) + 2 for label in self.labels))
        lines = [f"mean IoU {percent(self.miou)}, pixel accuracy {percent(self.pixel_accuracy)}", ""]
        lines.append(f"{'class':{width}}{'pixels':>12}{'IoU':>9}")
        for label, pixels, iou in zip(self.labels, self.confusion.sum(axis=1).tolist(), self.iou, strict=True):
            lines.append(f"{label:{width}}{pixels:>12,}{percent(iou):>9}")
        return "\n".join(lines)

    def headlines(self) -> Sequence[Headline]:
        pixels = int(self.confusion.sum())
        return [
            Headline("Mean IoU", percent(self.miou), f"of {len(self.labels)} classes on {count(self.samples)} images"),
            Headline("Pixel accuracy", percent(self.pixel_accuracy), f"of {count(pixels)} pixels"),
        ]

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        return report.sections(self, split, preprocess)


def confusion_of(mask: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) counts of the pixels of an image that have a class."""
    counted = mask != IGNORE
    pairs = mask[counted].astype(np.int64) * classes + predicted[counted]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def iou_of(confusion: np.ndarray) -> np.ndarray:
    both = confusion.diagonal()
    either = confusion.sum(axis=0) + confusion.sum(axis=1) - both
    return np.divide(both, either, out=np.full(len(both), np.nan), where=either > 0)


def mean_iou_of(confusion: np.ndarray) -> float:
    iou = iou_of(confusion)
    return float(np.nanmean(iou)) if not np.isnan(iou).all() else float("nan")


def or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, eq=False)
class MaskEvaluator:
    """Keeps the class that a network gives to each pixel; see :class:`kerascnn.evaluation.loop.Evaluator`."""

    labels: tuple[str, ...]
    predictions: list[np.ndarray] = field(default_factory=list)
    masks: list[np.ndarray] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        """Take in a batch: ``"scores"``, (N, H, W, classes), and ``"mask"``, (N, H, W) integers.

        Raises
        ------
        ValueError
            When a pixel has a class without a label, the scores are not one for each label at every pixel, or one of
            them is NaN.
        """
        scores, masks = np.asarray(outputs[SCORES]), np.asarray(targets["mask"])
        if scores.shape != (*masks.shape, len(self.labels)):
            raise ValueError(
                f"The model answers {scores.shape} to masks of {masks.shape}; expected "
                f"{(*masks.shape, len(self.labels))}, a score for each of {len(self.labels)} classes at every pixel."
            )
        if np.isnan(scores).any():
            raise ValueError("The model answers NaN to some images. It cannot be evaluated.")
        wrong = masks[(masks != IGNORE) & ((masks < 0) | (masks >= len(self.labels)))]
        if wrong.size:
            raise ValueError(
                f"A mask holds the class {wrong[0]}; expected 0 to {len(self.labels) - 1}, or {IGNORE} for none."
            )
        self.predictions.append(classes_of(scores))
        self.masks.append(masks.astype(np.uint8))

    def result(self) -> MaskEvaluation:
        """What all batches together are worth.

        Raises
        ------
        ValueError
            When there was no image.
        """
        if not sum(map(len, self.masks)):
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        return MaskEvaluation(np.concatenate(self.predictions), np.concatenate(self.masks), self.labels)
