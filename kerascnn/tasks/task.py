"""The contract between a task and the rest of the package.

Outputs and targets go by name, in dictionaries. A model with a single output calls it ``"scores"``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.evaluation.loop import Evaluator, Predict
from kerascnn.report.records import Headline, Section

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Data, Split
    from kerascnn.spec import Preprocess

SCORES = "scores"

Tensors = Mapping[str, Any]  # a batch, by name
Arrays = Mapping[str, np.ndarray]  # the same outside the graph


class Prediction(Protocol):
    """What a network says about one image."""

    def text(self, top: int = 3) -> str:
        """In one line, for a terminal; of a ranking, the first ``top``."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        ...

    def picture(self, image: np.ndarray) -> np.ndarray | None:
        """The image, (H, W, 3) uint8, with the prediction drawn on it; None where there is nothing to draw."""
        ...


class Evaluation(Protocol):
    """What a model answered on annotated images, and what that is worth."""

    @property
    def samples(self) -> int:
        """Number of images."""
        ...

    @property
    def headline(self) -> float:
        """The metric that the task is known by, from 0 to 1; larger is better."""
        ...

    def agreement(self, other: Any) -> float:
        """Fraction of all decisions, per image or per pixel, that both models took alike."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """All numbers, as JSON can hold them."""
        ...

    def text(self) -> str:
        """The numbers as lines for a terminal."""
        ...

    def headlines(self) -> Sequence[Headline]:
        """The numbers that stand at the top of a report."""
        ...

    def sections(self, split: "Split", preprocess: "Preprocess") -> Sequence[Section]:
        """Tables, plots and pictures of a report; images are taken from ``split``, which was evaluated."""
        ...


@dataclass(frozen=True)
class Part:
    """The part of a model that is tuned, where no loss can be had of the outputs of the whole.

    Parameters
    ----------
    model
        The same layers, up to what the loss takes.
    loss
        From targets and the outputs of that, or of a copy of it, to the loss of each image, ``(B,)``.
    whole
        The whole model again, of the part as it is after tuning.
    """

    model: "keras.Model"
    loss: Callable[[Any, Any], Any]
    whole: "Callable[[keras.Model], keras.Model]"


@dataclass(frozen=True, kw_only=True)
class OutputTensor:
    """An output in the words of TensorFlow Lite's standard metadata."""

    output: str = SCORES  # what it is called here
    name: str
    description: str
    content: str = "feature"  # or "image", a grey one for each place of the last axis; or "box", corners in pixels
    places: tuple[int, int] | None = None  # the first and the last axis of the content; None: all but the batch
    labels: str = ""  # the class names are those of the places of its last "axis", or of its values: "value"


@dataclass(frozen=True, kw_only=True)
class App:
    """What an Android app makes of a file's outputs.

    Parameters
    ----------
    answers
        Which of the templates in ``kerascnn/deploy/android/answers``.
    outputs
        The names of the outputs that it needs.
    facts
        What the template reads, by name.
    """

    answers: str
    outputs: tuple[str, ...] = (SCORES,)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """What is learned: the settings of a task and the class names of the data.

    Parameters
    ----------
    labels
        Class names, in the order of the outputs.
    loss
        A record whose call maps outputs and targets, by name, to the loss of each image, ``(B,)``; each task has a
        usual one.
    """

    name: ClassVar[str]  # in the table of tasks, in recipes and in cards
    annotations: ClassVar[tuple[str, ...]]  # what it needs of each image, by the names that data sources use
    metric: ClassVar[str]  # name of the meter that is the headline, as in Keras' logs: "top1", "val_top1"
    title: ClassVar[str]  # the same in a report: "Top-1 accuracy"
    trial_data: ClassVar[str]  # a named source, on which any recipe of this task can be tried out
    loss_records: ClassVar[tuple[type, ...]] = ()  # losses of its own, which the command line makes by their names
    competing: ClassVar[tuple[str, ...]] = ()  # outputs whose best channel is the answer, be they shares or logits
    tflite_metadata: ClassVar[tuple[OutputTensor, ...]] = ()  # its outputs as standard metadata has them, if it does

    labels: tuple[str, ...]
    loss: Any = None

    # -- training -----------------------------------------------------------------------------------------------------

    def for_images(self, split: "Split") -> Self:
        """The same task with what follows from the training images, such as weights of classes by their numbers."""
        return self

    def fields(self, data: "Data") -> Mapping[str, Any]:
        """Fields of a network's row that follow from the data, beside its number of classes.

        Raises
        ------
        ValueError
            When the data does not say what such a network has to know.
        """
        return {}

    @abstractmethod
    def check_model(self, model: "keras.Model") -> None:
        """Refuse a model whose outputs do not fit this task and its labels, before training starts.

        Raises
        ------
        ValueError
            Saying what was expected, what the model has, and how to mend it.
        """

    @abstractmethod
    def training_model(self, model: "keras.Model") -> "keras.Model":
        """The same layers and weights, up to what the loss takes: logits, in a dictionary by name.

        It may take targets too, where what the network does in training depends on them: those that its further inputs
        are named after.
        """

    @abstractmethod
    def inference_model(self, model: "keras.Model") -> "keras.Model":
        """The same layers and weights, without outputs that only help to train."""

    def encode(self, sample: Tensors) -> dict[str, Any]:
        """Targets of one image from its annotations after the transforms; runs in the input pipeline's graph.

        Raises ``ValueError`` when the data has not the annotations that this task needs.
        """
        if lacking := [name for name in self.annotations if name not in sample]:
            raise ValueError(
                f"The task {self.name} needs images with {', '.join(self.annotations)}, and these have no "
                f"{' and no '.join(lacking)}. Is this the data that was meant?"
            )
        return {name: sample[name] for name in self.annotations}

    @abstractmethod
    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss that a training reports of its steps, of each image, ``(B,)`` float32."""

    def objective(self, outputs: Tensors, targets: Tensors) -> Any:
        """What a step minimises, of each image, ``(B,)``: ``losses``, and those of auxiliary outputs."""
        return self.losses(outputs, targets)

    def measured(self, outputs: Tensors, targets: Tensors) -> Any:
        """The loss on validation images, of each, ``(B,)``: that of the answers as an evaluation takes them.

        What only helps to learn, such as smoothed labels or weights of classes, is not part of it, so that trainings by
        different losses compare.
        """
        return self.output_loss(dict.fromkeys(outputs, "linear"), targets, outputs)

    @abstractmethod
    def meters(self) -> list[Any]:
        """New Keras metrics, updated by ``update_state(targets, outputs)`` with dictionaries; first ``metric``."""

    @abstractmethod
    def output_loss(self, activations: Mapping[str, str], targets: Tensors, outputs: Tensors) -> Any:
        """The loss of each image from a whole model's outputs, which have passed through these last activations."""

    def part_to_tune(self, model: "keras.Model") -> Part | None:
        """The part of a trained model that compression tunes; None: the whole, by :meth:`output_loss`."""
        return None

    # -- inference ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def evaluator(self) -> Evaluator[Evaluation]:
        """A new accumulator of outputs and targets."""

    def renumbered(self, split: "Split", labels: tuple[str, ...]) -> "Split":
        """The same images with annotations by this task's labels, where the data's are others.

        Raises
        ------
        ValueError
            When the data has a class that this task does not know.
        """
        if labels != self.labels:
            raise ValueError(
                f"The data has the classes {', '.join(labels)}, and the model {', '.join(self.labels)}; both need the "
                "same ones in the same order."
            )
        return split

    def views(self, predict: Predict, preprocess: "Preprocess", count: int) -> tuple[Predict, "Preprocess"]:
        """A model that answers for ``count`` views of an image at once, and what images go through before these.

        Raises
        ------
        ValueError
            When the task is not evaluated on that many views.
        """
        if count != 1:
            raise ValueError(f"{self.name} is evaluated on one view of each image, not on {count} crops.")
        return predict, preprocess

    def nms(self) -> Callable[[Tensors], dict[str, Any]]:
        """What makes, in the graph, of a model's outputs those of a file that suppresses boxes itself.

        Raises
        ------
        ValueError
            When the task has no boxes.
        """
        raise ValueError(f"nms=True suppresses boxes that overlap, and {self.name} has none. Leave it out.")

    @abstractmethod
    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        """One prediction for each image of a batch of outputs.

        ``size`` is height and width of the images as the network saw them, where outputs do not tell.
        """

    def app(self, classes: int) -> App | None:
        """What an Android app makes of the outputs of a file of so many classes; None: there is none."""
        return None

    def compare(self, wanted: Arrays, got: Arrays, *, steps: Mapping[str, float], tolerance: float) -> Agreement:
        """How far a file's outputs agree with the model's: what an export is verified by."""
        return compare(wanted, got, steps=steps, tolerance=tolerance, competing=self.competing)
