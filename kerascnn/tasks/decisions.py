"""Decisions for one of several classes, of images or of pixels, and what tasks of that kind have in common."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from kerascnn.report import Panel, Section, plots
from kerascnn.report.records import Words
from kerascnn.spec import expect
from kerascnn.tasks.losses import BinaryCrossEntropy, ClassificationLoss, CrossEntropy
from kerascnn.tasks.task import SCORES, Arrays, Task

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Split
    from kerascnn.spec import Preprocess

Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class DecisionTask(Task):
    """A task whose model gives a score to each class, and whose loss is one of classification."""

    loss_records: ClassVar[tuple[type, ...]] = (CrossEntropy, BinaryCrossEntropy)
    competing: ClassVar[tuple[str, ...]] = (SCORES,)

    loss: ClassificationLoss = CrossEntropy()

    def __post_init__(self) -> None:
        expect(isinstance(self.loss, ClassificationLoss), "loss", self.loss, "CrossEntropy or BinaryCrossEntropy")

    def for_images(self, split: "Split") -> Self:
        return replace(self, loss=self.loss.weighed(self.labels, split.annotations.get("label")))

    def training_model(self, model: "keras.Model") -> "keras.Model":
        from kerascnn.tasks.heads import up_to_logits

        return up_to_logits(model)

    def scores_of(self, outputs: Arrays) -> np.ndarray:
        """The scores among a batch of outputs, (N, ..., classes).

        Raises ``ValueError`` when there are not as many of them as labels.
        """
        scores = outputs[SCORES]
        if scores.shape[-1] != len(self.labels):
            raise ValueError(
                f"The model gives {scores.shape[-1]} outputs, but its card names {len(self.labels)} labels. Correct "
                "the card: it needs the names of all classes, in the order of the outputs."
            )
        return scores


class Decisions:
    """Predicted beside true classes, ``predictions`` and ``targets``: arrays of class numbers, a row for each image."""

    predictions: Any
    targets: np.ndarray
    labels: tuple[str, ...]

    @property
    def samples(self) -> int:
        return len(self.targets)

    @cached_property
    def confusion(self) -> np.ndarray:
        """(classes, classes) counts: a row for every true class, a column for every predicted one."""
        return confusion_of(self.targets, self.predictions, len(self.labels))

    @property
    def support(self) -> np.ndarray:
        """(classes,) number of images or pixels of each class."""
        return self.confusion.sum(axis=1)

    @property
    def precision(self) -> np.ndarray:
        """(classes,) of what was predicted to be of a class, the fraction that is; NaN where nothing was."""
        return ratio(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> np.ndarray:
        """(classes,) of what is of a class, the fraction predicted to be; NaN where there is nothing."""
        return ratio(self.confusion.diagonal(), self.support)

    def agreement(self, other: "Decisions") -> float:
        """Fraction of the images or pixels to which both give the same class, right or wrong.

        Raises ``ValueError`` when the two did not see the same images in the same order, or name other classes.
        """
        if self.labels != other.labels:
            raise ValueError("The two evaluations have different labels. Compare models of the same classes.")
        if not np.array_equal(self.targets, other.targets):
            raise ValueError(
                f"The two evaluations saw different images ({self.samples} and {other.samples}, or the same number in "
                "another order or size). Evaluate both on the same batches, without shuffling."
            )
        return float((self.predictions == other.predictions).mean())


def places_among(labels: tuple[str, ...], known: tuple[str, ...], mend: str) -> np.ndarray:
    """(labels,) int32: the place of each of the data's labels among those of a model.

    Raises ``ValueError`` when one is not there, with ``mend`` at its end.
    """
    if any(label not in known for label in labels) or len({*known}) < len(known):
        raise ValueError(
            f"The data has the classes {', '.join(labels)}, but the model knows {', '.join(known)}. {mend}"
        )
    return np.array([known.index(label) for label in labels], np.int32)


def confusion_of(targets: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    pairs = targets.astype(np.int64) * classes + predictions
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@dataclass(frozen=True, eq=False)
class Collector(Generic[Found]):
    """Keeps what an evaluation needs of every batch; see :class:`kerascnn.evaluation.loop.Evaluator`.

    ``checked`` makes it of the outputs and targets of a batch and the number of classes, and refuses what does not fit;
    ``evaluation`` takes the arrays of all batches and the labels.
    """

    labels: tuple[str, ...]
    checked: Callable[[Arrays, Arrays, int], tuple[np.ndarray, np.ndarray]]
    evaluation: Callable[[np.ndarray, np.ndarray, tuple[str, ...]], Found]
    kept: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, outputs: Arrays, targets: Arrays) -> None:
        self.kept.append(self.checked(outputs, targets, len(self.labels)))

    def result(self) -> Found:
        if not any(len(targets) for _, targets in self.kept):
            raise ValueError("There is nothing to evaluate: the batches hold no image. Check the split and its folder.")
        outputs, targets = map(np.concatenate, zip(*self.kept, strict=True))
        return self.evaluation(outputs, targets, self.labels)


def table(labels: Sequence[str], columns: Mapping[str, Sequence[str]], head: str = "class") -> list[str]:
    """Lines for a terminal: a head, and the values of every class, or of what else ``labels`` name."""
    width = max(20, *(len(label) + 2 for label in labels))
    rows = zip((head, *labels), *([title, *values] for title, values in columns.items()), strict=True)
    return [f"{label:{width}}" + "".join(f"{value:>12}" for value in values) for label, *values in rows]


def class_section(labels: Sequence[str], columns: Mapping[str, tuple[str, np.ndarray]], width: float) -> Section:
    """A table of the classes, the least of the second column first; each column says how its values are shown."""
    rows = zip(labels, *(values.tolist() for _, values in columns.values()), strict=True)
    panel = Panel(
        label="Classes",
        columns={"Class": "name"} | {head: shown for head, (shown, _) in columns.items()},
        rows=sorted(rows, key=lambda row: np.inf if np.isnan(row[2]) else row[2]),
    )
    return Section(title="Classes, weakest first", panels=[panel], width=width)


def confusion_section(found: Decisions, note: Words, label: str, width: float) -> Section:
    drawing = plots.matrix(found.confusion, found.labels, name="matrix")
    numbers = {"labels": found.labels, "confusion": found.confusion}
    panel = Panel(note=note, drawing=drawing, label=label)
    return Section(title="Confusion matrix", panels=[panel], numbers=numbers, width=width)


def images_seen(split: "Split", preprocess: "Preprocess") -> list[np.ndarray]:
    """What the network saw, as images (size, size, C) uint8."""
    from kerascnn.data.images import denormalised
    from kerascnn.data.pipeline import batches

    seen: Any = batches(split, preprocess, 64)
    return [denormalised(image, preprocess) for images, _ in seen for image in images.numpy()]
