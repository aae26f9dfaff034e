"""Run a classifier over labelled images, and what its answers are worth."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kerascnn.progress import track

TINY = 1e-7  # the least probability a loss is taken of, as in Keras: a quantised output can be exactly 0
SLACK = 0.05  # how far a row of probabilities may sum from 1: eight-bit outputs are rounded one by one


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a classifier answered on samples whose class is known.

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
    def predictions(self) -> np.ndarray:
        """(N,) the class of the largest output; of equal ones the first."""
        return self.outputs.argmax(axis=1)

    @property
    def top1(self) -> float:
        """Share of samples whose largest output is the true class."""
        return float((self.predictions == self.targets).mean())

    @property
    def top5(self) -> float | None:
        """Share of samples whose true class is among the five largest outputs; None below six classes."""
        if len(self.labels) < 6:
            return None
        # Equal outputs, common in eight-bit files, rank in the order of the classes, so that first place is argmax.
        score = self._of_targets[:, None]
        earlier = np.arange(len(self.labels)) < self.targets[:, None]
        ahead = (self.outputs > score) | ((self.outputs == score) & earlier)
        return float((ahead.sum(axis=1) < 5).mean())

    @property
    def loss(self) -> float | None:
        """Mean negative log-likelihood of the true class in nats; None when the outputs are not probabilities."""
        if not are_probabilities(self.outputs):
            return None
        return float(-np.log(np.maximum(self._of_targets, TINY), dtype=np.float64).mean())

    @property
    def probabilities(self) -> np.ndarray:
        """(N, classes) the outputs, or their softmax where they are none, for then they are taken for logits."""
        return self.outputs if are_probabilities(self.outputs) else softmax(self.outputs)

    @property
    def logits(self) -> np.ndarray:
        """(N, classes) the outputs, or the logarithms of those that are probabilities."""
        return np.log(np.maximum(self.outputs, TINY)) if are_probabilities(self.outputs) else self.outputs

    @property
    def confusion(self) -> np.ndarray:
        """(classes, classes) counts: a row for every true class, a column for every predicted one."""
        classes = len(self.labels)
        pairs = self.targets * classes + self.predictions
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def support(self) -> np.ndarray:
        """(classes,) how many samples are of each class."""
        return np.bincount(self.targets, minlength=len(self.labels))

    @property
    def precision(self) -> np.ndarray:
        """(classes,) of the samples predicted to be of a class, the share that is; NaN where none was."""
        confusion = self.confusion
        return _ratio(confusion.diagonal(), confusion.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """(classes,) of the samples of a class, the share predicted to be; NaN where there is none."""
        return _ratio(self.confusion.diagonal(), self.support)

    def agreement(self, other: "Evaluation") -> float:
        """Share of samples to which both give the same class, right or wrong.

        Raises
        ------
        ValueError
            When the two did not see the same samples in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if not np.array_equal(self.targets, other.targets):
            raise ValueError(
                f"The two evaluations saw different samples ({len(self.targets)} and {len(other.targets)}, "
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
            "per_class": [
                {"label": label, "support": support, "precision": _or_none(precision), "recall": _or_none(recall)}
                for label, support, precision, recall in columns
            ],
        }

    @property
    def _of_targets(self) -> np.ndarray:
        return self.outputs[np.arange(len(self.targets)), self.targets]


def evaluate(
    predict: Callable[[np.ndarray], ArrayLike],
    batches: Iterable[tuple[ArrayLike, Mapping[str, ArrayLike]]],
    labels: Sequence[str],
) -> Evaluation:
    """Run a classifier over batches and keep what it answered.

    A progress bar appears when it takes more than two seconds.

    Parameters
    ----------
    predict
        From float32 images (N, H, W, C) to outputs (N, classes).
    batches
        Pairs of images (N, H, W, C), already normalised, and targets by name: ``"label"``, (N,) integers.
    labels
        Class names, in the order of the outputs.

    Raises
    ------
    ValueError
        When there is no sample, when a target has no label, when the outputs are not one per label and sample, or
        when one of them is NaN.
    """
    labels = tuple(labels)
    answers: list[np.ndarray] = []
    truths: list[np.ndarray] = []
    with closing(track(batches, "evaluating")) as shown:
        for images, given in shown:
            targets = _checked_targets(np.asarray(given["label"]), len(labels))
            outputs = np.asarray(predict(np.asarray(images, dtype=np.float32)), dtype=np.float32)
            answers.append(_checked_outputs(outputs, len(targets), len(labels)))
            truths.append(targets)
    if not sum(map(len, truths)):
        raise ValueError("There is nothing to evaluate: the batches hold no sample. Check the split and its folder.")
    return Evaluation(np.concatenate(answers), np.concatenate(truths), labels)


def are_probabilities(outputs: np.ndarray) -> bool:
    """Whether every row of (N, classes) outputs is a distribution, as nearly as eight bits can say."""
    bounded = outputs.min() >= 0 and outputs.max() <= 1 + SLACK
    return bool(bounded and np.abs(outputs.sum(axis=1) - 1).max() <= SLACK)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of probabilities, (N, classes), computed in 64 bits."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
    return raised / raised.sum(axis=1, keepdims=True)


def _checked_targets(targets: np.ndarray, classes: int) -> np.ndarray:
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


def _checked_outputs(outputs: np.ndarray, samples: int, classes: int) -> np.ndarray:
    if outputs.ndim != 2 or len(outputs) != samples:
        raise ValueError(
            f"For {samples} samples the outputs must have the shape ({samples}, {classes}), not {outputs.shape}. "
            "Give a classifier that answers one row for every image."
        )
    if outputs.shape[1] != classes:
        raise ValueError(
            f"The model gives {outputs.shape[1]} outputs for an image, but there are {classes} labels. "
            "Give the labels that this model was trained with."
        )
    if np.isnan(outputs).any():
        raise ValueError(
            f"The model answered NaN to {np.isnan(outputs).any(axis=1).sum()} of {samples} samples of a batch. "
            "Its training diverged or its file is broken: look at its weights, or train it at a lower learning rate."
        )
    return outputs


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
