"""Object detection as the package sees it: each method leads to the file that does the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kerascnn.errors import need
from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.runtime import LOGITS
from kerascnn.spec import PROPOSALS, expect
from kerascnn.tasks.decisions import places_among
from kerascnn.tasks.detection.agreement import compare_chosen, compare_detections
from kerascnn.tasks.detection.drawing import colours
from kerascnn.tasks.detection.evaluation import Finder
from kerascnn.tasks.detection.losses import USUAL, Loss, MultiTask, TwoStage, usual
from kerascnn.tasks.detection.prediction import CHOICE, CHOSEN, SURE, found_in, with_suppression
from kerascnn.tasks.drawing import hexadecimal
from kerascnn.tasks.task import SCORES, App, Arrays, OutputTensor, Part, Prediction, Task, Tensors

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Split

COMPARED = 100  # boxes of an image by which files are compared: those with the largest scores


@dataclass(frozen=True, kw_only=True)
class Detection(Task):
    """Boxes round objects, and what these are. Classes count from 0; the background is none.

    Targets are ``"boxes"``, ``(B, M, 4)`` float32 in pixels, ``"classes"``, ``(B, M)`` int32, ``"area"``, ``"crowd"``
    and ``"valid"``, ``(B, M)``, as :class:`kerascnn.data.Split` has them, ``"scale"``, ``(B,)``: square pixels of the
    source in one of the network's image, and ``"seed"``, ``(B, 2)``, by which boxes are drawn for a loss. Where images
    come with ``"proposals"``, ``(B, N, 4)``, these go into a network that takes them.

    Parameters
    ----------
    loss
        None: ``TwoStage`` for a network that looks at regions which a first stage proposes, ``MultiTask`` for one that
        looks at those which are given, ``MultiBox`` for one that
        scores the background beside the classes, by a softmax, and ``Focal`` for one that scores each class by itself,
        by a sigmoid. For those that say boxes in cells ``Region`` where classes have a softmax, ``Logistic`` where they
        have sigmoids, and ``SumSquared`` where they have neither.
    """

    name: ClassVar[str] = "detection"
    annotations: ClassVar[tuple[str, ...]] = ("boxes", "classes", "area", "crowd", "valid")
    metric: ClassVar[str] = "ap"
    title: ClassVar[str] = "AP"
    trial_data: ClassVar[str] = "shape_boxes"
    tflite_metadata: ClassVar[tuple[OutputTensor, ...]] = (  # of a file that suppresses boxes itself; names as usual
        OutputTensor(
            output="boxes",
            name="location",
            description="Left, top, right and lower edge of each object in pixels, the surest first.",
            content="box",
            places=(2, 2),
        ),
        OutputTensor(output="classes", name="category", description="The class of each.", labels="value"),
        OutputTensor(name="score", description="How sure each is."),
        OutputTensor(output="count", name="number of detections", description="How many there are; the rest is 0."),
    )
    of_boxes: ClassVar[tuple[str, ...]] = ("boxes",)  # outputs that say something only where a score is large
    loss_records: ClassVar[tuple[type, ...]] = tuple(map(type, USUAL))

    loss: Loss | None = None

    def __post_init__(self) -> None:
        known = ", ".join(kind.__name__ for kind in self.loss_records)
        expect(isinstance(self.loss, Loss | None), "loss", self.loss, f"{known} or None")

    def check_model(self, model: "keras.Model") -> None:
        from kerascnn.tasks.detection.heads import check_outputs

        need("hotcoco", "detection", "Measuring average precision")  # now, and not after a training
        check_outputs(model, len(self.labels))

    def training_model(self, model: "keras.Model") -> "keras.Model":
        from kerascnn.tasks.detection.heads import up_to_logits

        trained = up_to_logits(model, self.loss if isinstance(self.loss, TwoStage | MultiTask) else None)
        outputs: Any = trained.output
        fitting = usual(outputs)
        if self.loss and type(self.loss) is not type(fitting):
            raise ValueError(
                f"{type(self.loss).__name__} is for other networks than {model.name}, which learns by "
                f"{type(fitting).__name__}. Leave loss out, or set it to {type(fitting).__name__}(...)."
            )
        return trained

    def inference_model(self, model: "keras.Model") -> "keras.Model":
        return model

    def encode(self, sample: Tensors) -> dict[str, Any]:
        given = {PROPOSALS: sample[PROPOSALS]} if PROPOSALS in sample else {}
        return {**super().encode(sample), **given, "scale": sample["scale"], "seed": sample["seed"]}

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        loss = self.loss or usual(outputs)
        return loss(outputs, targets)

    def measured(self, outputs: Tensors, targets: Tensors) -> Any:
        return self.losses(outputs, targets)

    def meters(self) -> list[Any]:
        from kerascnn.tasks.detection.meters import AveragePrecision

        return [AveragePrecision(len(self.labels), self.metric)]

    def output_loss(self, activations: Mapping[str, str], targets: Tensors, outputs: Tensors) -> Any:
        raise ValueError(
            "A detector's loss is of its logits and offsets, which a whole model does not put out: it cannot be tuned "
            "by it. Tune the part that part_to_tune gives."
        )

    def part_to_tune(self, model: "keras.Model") -> Part:
        from kerascnn.tasks.detection.heads import part_to_tune

        return part_to_tune(model, self.losses)

    def evaluator(self) -> Finder:
        return Finder(self.labels)

    def renumbered(self, split: "Split", labels: tuple[str, ...]) -> "Split":
        """Classes are matched by name; the data may lack some."""
        if labels == self.labels:
            return split
        places = places_among(labels, self.labels, "Name the categories as the model's classes.")
        classes = places[split.annotations["classes"]]
        return replace(split, annotations={**split.annotations, "classes": classes})

    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        return [*found_in(outputs, self.labels)]

    def nms(self) -> Callable[[Tensors], dict[str, Any]]:
        return with_suppression

    def compare(self, wanted: Arrays, got: Arrays, *, steps: Mapping[str, float], tolerance: float) -> Agreement:
        """All scores, and of each image the boxes that have the largest ones in the model: others say nothing.

        Where a network chooses detections itself, or a file does, the detections are, each with what is nearest to it:
        see :func:`compare_chosen` and :func:`compare_detections`.
        """
        if {*got} == CHOSEN and "count" not in wanted:
            said = {name: wanted[name] for name in ("boxes", SCORES)}
            both = found_in(said, self.labels), found_in(got, self.labels)
            return compare_detections(said, *both, tolerance=tolerance)
        names = [name for name in self.of_boxes if name in wanted]
        every = *names, SCORES
        if names and {*every} <= {*got} and all(wanted[name].shape == got[name].shape for name in every):
            if wanted[names[0]].shape[1] <= COMPARED:
                things = self.labels[: wanted[SCORES].shape[-1]]
                return compare_chosen(wanted, got, every, things, steps=steps, tolerance=tolerance)
            best = np.argsort(-wanted[SCORES].max(axis=-1), axis=1, kind="stable")[:, :COMPARED]
            rows, cut = np.arange(len(best))[:, None], [*names, *map(LOGITS.format, names)]
            wanted, got = (
                {**each, **{name: np.asarray(each[name])[rows, best] for name in cut if name in each}}
                for each in (wanted, got)
            )
        return compare(wanted, got, steps=steps, tolerance=tolerance)

    def app(self, classes: int) -> App | None:
        """The surest of boxes that overlap, as :func:`found_in` chooses them."""
        facts = {**CHOICE, "least": SURE, "colours": hexadecimal(colours(classes))}
        return App(answers="boxes", outputs=("boxes", SCORES), facts=facts)
