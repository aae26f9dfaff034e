"""What a report is made of: plain records and NumPy arrays, no Keras."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from kerascnn.evaluation.calibration import Calibration, Scaling
from kerascnn.evaluation.robustness import Robustness


@dataclass(frozen=True, kw_only=True, eq=False)
class Mistake:
    """An image that was taken for something else.

    Parameters
    ----------
    image
        (H, W, C) uint8, with 1, 3 or 4 channels.
    true, predicted
        Class names.
    confidence
        Probability, 0 to 1, that the network gave to ``predicted``.
    name
        Which image it is, for instance its path in the data set.
    """

    image: np.ndarray
    true: str
    predicted: str
    confidence: float
    name: str

    def __post_init__(self):
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[-1] not in (1, 3, 4):
            raise ValueError(
                f"The image of mistake {self.name!r} is {self.image.dtype} of shape {self.image.shape}; it must be "
                "uint8 of shape (H, W, C) with 1, 3 or 4 channels. Give the image as it was before normalising."
            )


@dataclass(frozen=True)
class Headline:
    """A number worth large print: what it is called, its value as text, and a note under it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """An image of a report with a line under it.

    Parameters
    ----------
    image
        (H, W, C) uint8, with 1, 3 or 4 channels.
    caption, detail
        A line in bold, and one in small print.
    """

    image: np.ndarray
    caption: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of a report: a heading, and below it text, a drawing, a table and pictures, as far as there are any.

    Parameters
    ----------
    text
        A paragraph.
    drawings
        SVG elements by their titles, from ``kerascnn.report.plots``.
    columns, rows
        A table: heads, and rows of text.
    pictures
        Images with captions.
    """

    title: str
    text: str = ""
    drawings: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A model file and what was measured of it; None stands for what was not.

    Parameters
    ----------
    name, format
        File name, and what kind of file it is.
    bytes
        Size on disk.
    top1, agreement
        Accuracy of the file, and share of samples to which it gives the class that the Keras model gives; 0 to 1.
    latency_ms
        Milliseconds for one image.
    max_error
        Largest absolute difference between its outputs and those of the Keras model.
    proved
        How the file was compared with the Keras model, in words.
    """

    name: str
    format: str
    bytes: int
    top1: float | None = None
    agreement: float | None = None
    latency_ms: float | None = None
    max_error: float | None = None
    proved: str = ""


@dataclass(frozen=True)
class ClassRow:
    """How one class fared; precision or recall is None where it is not defined."""

    label: str
    support: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Confusion:
    """Samples of one class that were taken for another."""

    true: str
    predicted: str
    count: int
    support: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """Everything that a report shows.

    Parameters
    ----------
    title, subtitle
        Heading of the page, and the line under it.
    facts
        What was run, on what, with what: command, model, parameters, data, split, seed, versions, duration.
    history
        A record for every epoch, with ``epoch`` and any of ``loss``, ``top1``, ``val_loss``, ``val_top1``, ``lr``
        and ``images_per_second``. A value may be absent, None or NaN.
    labels
        Class names.
    confusion
        (classes, classes) counts on the samples: a row for every true class, a column for every predicted one.
    mistakes
        Images that the network got wrong: all of them, or some.
    files
        The model files that came out.
    top5
        Share of samples whose class is among the five largest outputs, 0 to 1; None when not measured.
    calibration, scaling, robustness
        How far confidence is from accuracy, what one temperature mends of it, and accuracy under corruption; None when
        not measured.
    images
        What the samples are called.
    """

    title: str
    subtitle: str
    facts: Mapping[str, str]
    history: Sequence[Mapping[str, Any]]
    labels: Sequence[str]
    confusion: np.ndarray
    mistakes: Sequence[Mistake]
    files: Sequence[FileRow]
    top5: float | None = None
    calibration: Calibration | None = None
    scaling: Scaling | None = None
    robustness: Robustness | None = None
    images: str = "held-out images"

    def __post_init__(self):
        classes = len(self.labels)
        if self.confusion.shape != (classes, classes):
            raise ValueError(
                f"The confusion matrix has the shape {self.confusion.shape}, but there are {classes} labels; "
                f"it must be ({classes}, {classes}): true classes in rows, predicted ones in columns."
            )
        if not self.confusion.sum() > 0:
            raise ValueError("The confusion matrix counts no sample. Evaluate on at least one image.")

    @property
    def samples(self) -> int:
        """How many there are."""
        return int(self.confusion.sum())

    @property
    def wrong(self) -> int:
        """Samples that were taken for something else."""
        return self.samples - int(self.confusion.trace())

    @property
    def top1(self) -> float:
        """Share of samples that were recognised."""
        return (self.samples - self.wrong) / self.samples

    @cached_property
    def classes(self) -> list[ClassRow]:
        """Precision and recall of every class, in the order of the labels."""
        support, predicted = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return [
            ClassRow(
                label=label,
                support=int(support[i]),
                precision=float(self.confusion[i, i] / predicted[i]) if predicted[i] else None,
                recall=float(self.confusion[i, i] / support[i]) if support[i] else None,
            )
            for i, label in enumerate(self.labels)
        ]

    def series(self, key: str) -> list[tuple[float, float]]:
        """Pairs of epoch and value, of the epochs that have a finite one."""
        pairs = ((row["epoch"], row.get(key)) for row in self.history)
        return [(epoch, value) for epoch, value in pairs if value is not None and math.isfinite(value)]

    def most_confused(self, count: int) -> list[Confusion]:
        """The pairs of classes that were mixed up most often, at most ``count`` of them."""
        errors = self.confusion * ~np.eye(len(self.labels), dtype=bool)
        order = np.argsort(errors, axis=None, kind="stable")[::-1][:count]
        pairs = [divmod(int(at), len(self.labels)) for at in order]
        return [
            Confusion(self.labels[i], self.labels[j], int(errors[i, j]), int(self.confusion[i].sum()))
            for i, j in pairs
            if errors[i, j]
        ]
