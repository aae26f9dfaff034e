"""What a classifier's answers are worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascnn.report.records import Headline, Section
from kerascnn.report.text import number, percent
from kerascnn.tasks.classification import report
from kerascnn.tasks.classification.calibration import Calibration, Scaling, calibration, scaling
from kerascnn.tasks.classification.scores import TINY, are_probabilities, probabilities
from kerascnn.tasks.decisions import Decisions, or_none, table
from kerascnn.tasks.task import SCORES, Arrays

if TYPE_CHECKING:
    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


@dataclass(frozen=True, eq=False)
class ClassEvaluation(Decisions):
    """What a classifier answered on images whose class is known."""

    outputs: np.ndarray  # (N, classes) float32: probabilities or logits
    targets: np.ndarray  # (N,) integers: the true classes
    labels: tuple[str, ...]  # class names, in the order of the outputs

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
        score = self.outputs[np.arange(self.samples), self.targets][:, None]
        earlier = np.arange(len(self.labels)) < self.targets[:, None]
        ahead = (self.outputs > score) | ((self.outputs == score) & earlier)
        return float((ahead.sum(axis=1) < 5).mean())

    @property
    def loss(self) -> float | None:
        """Mean negative log-likelihood of the true class in nats; None when the outputs are not probabilities."""
        return self.calibration.nll if are_probabilities(self.outputs) else None

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

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON can hold it; None stands for what is not defined."""
        columns = zip(self.labels, self.support.tolist(), self.precision, self.recall, strict=True)
        return {
            "samples": self.samples,
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
        columns = {
            "images": [str(images) for images in self.support],
            "precision": [*map(percent, self.precision)],
            "recall": [*map(percent, self.recall)],
        }
        return "\n".join([*lines, "", *table(self.labels, columns)])

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


def checked(outputs: Arrays, targets: Arrays, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a batch ``"scores"``, (N, classes) float32, and ``"label"``, (N,) integers.

    Raises ``ValueError`` when a target has no label, the outputs are not one per label and image, or one of them is
    NaN.
    """
    labels = checked_targets(np.asarray(targets["label"]), classes)
    return checked_outputs(np.asarray(outputs[SCORES], dtype=np.float32), len(labels), classes), labels


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
