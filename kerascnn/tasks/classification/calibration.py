"""Whether a classifier is as sure as it is right. Guo, Pleiss, Sun & Weinberger 2017, https://arxiv.org/abs/1706.04599.

Outputs that are no probabilities are taken for logits; both are (N, classes), and ``targets``, (N,) integers, hold the
true classes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.tasks.classification.scores import TINY, softmax

BINS = 15  # as in the paper's tables
COLDEST, HOTTEST = 0.01, 100.0  # temperatures that are looked at
HALVINGS = 60


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How far confidence, the largest probability of an image, is from accuracy.

    Bins divide 0 to 1 evenly; each has its upper end.
    """

    counts: np.ndarray  # (bins,) images whose confidence lies in each of the bins
    confidence: np.ndarray  # (bins,) means over the images of a bin; NaN where there is none
    accuracy: np.ndarray  # (bins,) the same
    brier: float  # mean of the squared distance between the probabilities and the truth, 0 to 2; Brier 1950
    nll: float  # mean negative log-likelihood of the true class, in nats

    @property
    def gaps(self) -> np.ndarray:
        """(bins,) accuracy above confidence; below 0 where the classifier is too sure."""
        return self.accuracy - self.confidence

    @property
    def ece(self) -> float:
        """Expected calibration error, equation 3: the mean gap, regardless of sign, over the images."""
        return float(np.nansum(self.counts * np.abs(self.gaps)) / self.counts.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error, equation 5: the gap of the worst bin."""
        return float(np.nanmax(np.abs(self.gaps)))

    def as_dict(self) -> dict[str, Any]:
        """All numbers; NaN stands for what a bin without images has none of."""
        columns = zip(self.counts.tolist(), self.confidence.tolist(), self.accuracy.tolist(), strict=True)
        bins = [{"count": count, "confidence": sure, "accuracy": right} for count, sure, right in columns]
        return {"ece": self.ece, "mce": self.mce, "brier": self.brier, "nll": self.nll, "bins": bins}


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaling:
    """What dividing the logits by one number does, which was found on one half of the images, to the other half."""

    temperature: float  # the number; above 1 where the classifier is too sure
    before: Calibration  # of the half that it was not found on, without it
    after: Calibration  # the same with it

    def as_dict(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "before": self.before.as_dict(), "after": self.after.as_dict()}


def calibration(probabilities: np.ndarray, targets: np.ndarray, bins: int = BINS) -> Calibration:
    """Compare confidence, divided into so many bins, with the accuracy of at least one image."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    mean = np.where(counts, counts, np.nan)
    truth = np.eye(probabilities.shape[1])[targets]
    of_targets = probabilities[np.arange(len(targets)), targets]
    return Calibration(
        counts=counts,
        confidence=np.bincount(place, confidence, bins) / mean,
        accuracy=np.bincount(place, right, bins) / mean,
        brier=float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        nll=float(-np.log(np.maximum(of_targets, TINY), dtype=np.float64).mean()) + 0.0,  # rather than -0.0
    )


def temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The number that logits must be divided by for the least negative log-likelihood, 0.01 to 100.

    The likelihood is concave in the number's inverse, so its slope crosses 0 once; halving finds where.
    """
    logits = logits.astype(np.float64)
    of_targets = logits[np.arange(len(targets)), targets].mean()
    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        expected = (softmax(np.exp(middle) * logits) * logits).sum(axis=1).mean()
        low, high = (low, middle) if expected > of_targets else (middle, high)
    return float(np.exp(-(low + high) / 2))


def scaling(logits: np.ndarray, targets: np.ndarray, seed: int = 0) -> Scaling | None:
    """Find a temperature on one half of the images, drawn by ``seed``, and evaluate it on the other.

    None for a single image, which has no halves.
    """
    order = np.random.default_rng(seed).permutation(len(targets))
    found_on, evaluated_on = np.array_split(order, 2)
    if not len(evaluated_on):
        return None
    number = temperature(logits[found_on], targets[found_on])
    rest, truth = logits[evaluated_on], targets[evaluated_on]
    return Scaling(
        temperature=number,
        before=calibration(softmax(rest), truth),
        after=calibration(softmax(rest / number), truth),
    )
