"""What a classifier's answers are worth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.report.records import Headline, Section
from kerascnn.report.text import number, percent
from kerascnn.tasks.classification import report
from kerascnn.tasks.classification.calibration import Calibration, Scaling, calibration, scaling
from kerascnn.tasks.classification.scores import TINY, are_probabilities, probabilities
from kerascnn.tasks.task import SCORES, Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


@dataclass(frozen=True, eq=False)
class ClassEvaluation:
    """What a classifier answered on images whose class is known.

    Parameters
    ----------
    outputs
        (N, classes) float32: probabilities or logits.
    targets
        (N,) integers: the true classes.
    labels
        Class names, in the order of the outputs.
    """

    outputs: np.ndarray
    targets: np.ndarray
    labels: tuple[str, ...]

    @property
    def samples(self) -> int:
        return len(self.targets)

    @property
    def headline(self) -> float:
        return self.top1

    @cached_property
    def predictions(self) -> np.ndarray:
        """(N,) the class of the largest output; of equal ones the first."""
        return self.outputs.argmax(axis=1)

    @property
    def top1(self) -> float:
        """Fraction of the images whose largest output is the true class."""
        return float((self.predictions == self.targets).mean())

    @property
    def top5(self) -> float | None:
        """Fraction of the images whose true class is among the five largest outputs; None below six classes."""
        if len(self.labels) < 6:
            return None
        # Equal outputs, common in eight-bit files, rank in the order of the classes, so that first place is argmax.
        score = self.of_targets[:, None]
        earlier = np.arange(len(self.labels)) < self.targets[:, None]
        ahead = (self.outputs > score) | ((self.outputs == score) & earlier)
        return float((ahead.sum(axis=1) < 5).mean())

    @property
    def loss(self) -> float | None:
        """Mean negative log-likelihood of the true class in nats; None when the outputs are not probabilities."""
        if not are_probabilities(self.outputs):
            return None
        return float(-np.log(np.maximum(self.of_targets, TINY), dtype=np.float64).mean())

    @cached_property
    def probabilities(self) -> np.ndarray:
        """(N, classes) the outputs, or their softmax where they are none, for then they are taken for logits."""
        return probabilities(self.outputs)

    @property
    def logits(self) -> np.ndarray:
        """(N, classes) the outputs, or the logarithms of those that are probabilities."""
        return np.log(np.maximum(self.outputs, TINY)) if are_probabilities(self.outputs) else self.outputs

    @cached_property
    def calibration(self) -> Calibration:
        """How far confidence is from accuracy."""
        return calibration(self.probabilities, self.targets)

    @cached_property
    def scaling(self) -> Scaling | None:
        """What one temperature, found on half of the images, mends of it on the others."""
        return scaling(self.logits, self.targets)

    @cached_property
    def confusion(self) -> np.ndarray:
        """(classes, classes) counts: a row for every true class, a column for every predicted one."""
        classes = len(self.labels)
        pairs = self.targets * classes + self.predictions
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def support(self) -> np.ndarray:
        """(classes,) number of images of each class."""
        return np.bincount(self.targets, minlength=len(self.labels))

    @property
    def precision(self) -> np.ndarray:
        """(classes,) of the images predicted to be of a class, the fraction that is; NaN where none was."""
        return ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """(classes,) of the images of a class, the fraction predicted to be; NaN where there is none."""
        return ratio(self.confusion.diagonal(), self.support)

    def agreement(self, other: "ClassEvaluation") -> float:
        """Fraction of the images to which both give the same class, right or wrong.

        Raises
        ------
        ValueError
            When the two did not see the same images in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if not np.array_equal(self.targets, other.targets):
            raise ValueError(
                f"The two evaluations saw different images ({len(self.targets)} and {len(other.targets)}, "
                "or the same number in another order). Evaluate both on the same batches, without shuffling."
            )
        return float((self.predictions == other.predictions).mean())

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        columns = zip(self.labels, self.support.tolist(), self.precision, self.recall, strict=True)
        return {
            "samples": len(self.targets),
            "top1": self.top1,
            "top5": self.top5,
            "loss": self.loss,
            "classes": [
                {"label": label, "support": support, "precision": or_none(precision), "recall": or_none(recall)}
                for label, support, precision, recall in columns
            ],
        }

    def text(self) -> str:
        """Accuracy, calibration and a table of the classes."""
        top5 = f", top-5 {self.top5:.2%}" if self.top5 is not None else ""
        sure = self.calibration
        lines = [
            f"top-1 {self.top1:.2%}{top5}",
            f"negative log-likelihood {sure.nll:.4f}, expected calibration error {sure.ece:.2%}",
        ]
        if self.scaling:
            before, after = self.scaling.before, self.scaling.after
            lines.append(
                f"temperature {self.scaling.temperature:.3f}, found on half of the images; on the others "
                f"{before.nll:.4f} becomes {after.nll:.4f} and {before.ece:.2%} becomes {after.ece:.2%}"
            )
        width = max(20, *(len(label) + 2 for label in self.labels))
        lines += ["", f"{'class':{width}}{'images':>8}{'precision':>11}{'recall':>9}"]
        for label, images, *values in zip(self.labels, self.support, self.precision, self.recall, strict=True):
            lines.append(f"{label:{width}}{images:>8}{percent(values[0]):>11}{percent(values[1]):>9}")
        return "\n".join(lines)

    def headlines(self) -> Sequence[Headline]:
        sure, top5 = self.calibration, Headline("Top-5 accuracy", percent(self.top5), f"of {len(self.labels)} classes")
        return [
            Headline("Top-1 accuracy", percent(self.top1), f"on {self.samples:,} images"),
            *([] if self.top5 is None else [top5]),
            Headline("Calibration error", percent(sure.ece), "expected, between confidence and accuracy"),
            Headline("Negative log-likelihood", number(sure.nll), "nats, of the true class"),
        ]

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        return report.sections(self, split, preprocess)

    @property
    def of_targets(self) -> np.ndarray:
        """(N,) the output for the true class."""
        return self.outputs[np.arange(len(self.targets)), self.targets]


@dataclass(frozen=True, eq=False)
class ClassEvaluator:
    """Keeps what a classifier answers; see :class:`kerascnn.tasks.task.Evaluator`."""

    labels: tuple[str, ...]
    outputs: list[np.ndarray] = field(default_factory=list)
    targets: list[np.ndarray] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        """Take in a batch: ``"scores"``, (N, classes), and ``"label"``, (N,) integers.

        Raises
        ------
        ValueError
            When a target has no label, the outputs are not one per label and image, or one of them is NaN.
        """
        classes = checked_targets(np.asarray(targets["label"]), len(self.labels))
        scores = np.asarray(outputs[SCORES], dtype=np.float32)
        self.outputs.append(checked_outputs(scores, len(classes), len(self.labels)))
        self.targets.append(classes)

    def result(self) -> ClassEvaluation:
        """What all batches together are worth.

        Raises
        ------
        ValueError
            When there was no image.
        """
        if not sum(map(len, self.targets)):
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        return ClassEvaluation(np.concatenate(self.outputs), np.concatenate(self.targets), self.labels)


def checked_targets(targets: np.ndarray, classes: int) -> np.ndarray:
    if targets.ndim != 1 or targets.dtype.kind not in "iu":
        raise ValueError(
            f"Targets must be integers of shape (N,), not {targets.dtype} of shape {targets.shape}. "
            "One-hot targets become integers by argmax over their last axis."
        )
    wrong = targets[(targets < 0) | (targets >= classes)]
    if wrong.size:
        raise ValueError(
            f"Target {wrong[0]} is out of range: there are {classes} labels, so targets go from 0 to {classes - 1}. "
            "Give the labels that the data was numbered by."
        )
    return targets.astype(np.int64)


def checked_outputs(outputs: np.ndarray, samples: int, classes: int) -> np.ndarray:
    if outputs.ndim != 2 or len(outputs) != samples:
        raise ValueError(
            f"For {samples} images the outputs must have the shape ({samples}, {classes}), not {outputs.shape}. "
            "Give a classifier that answers one row for every image."
        )
    if outputs.shape[1] != classes:
        raise ValueError(
            f"The model gives {outputs.shape[1]} outputs for an image, but there are {classes} labels. "
            "Give the labels that this model was trained with."
        )
    if np.isnan(outputs).any():
        raise ValueError(
            f"The model answered NaN to {np.isnan(outputs).any(axis=1).sum()} of {samples} images of a batch. "
            "Its training diverged or its file is broken: look at its weights, or train it at a lower learning rate."
        )
    return outputs


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
