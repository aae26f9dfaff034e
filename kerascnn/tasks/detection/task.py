"""Object detection as the package sees it: each method leads to the file that does the work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kerascnn.errors import need
from kerascnn.evaluation.agreement import Agreement, compare
from kerascnn.spec import expect
from kerascnn.tasks.decisions import places_among
from kerascnn.tasks.detection.agreement import compare_detections
from kerascnn.tasks.detection.evaluation import Finder
from kerascnn.tasks.detection.losses import USUAL, Loss, usual
from kerascnn.tasks.detection.prediction import CHOSEN, found_in, with_suppression
from kerascnn.tasks.task import SCORES, Arrays, Prediction, Task, Tensors

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Split

COMPARED = 100  # boxes of an image by which files are compared: those with the largest scores


@dataclass(frozen=True, kw_only=True)
class Detection(Task):
    """Boxes round objects, and what these are. Classes count from 0; the background is none.

    Targets are ``"boxes"``, ``(B, M, 4)`` float32 in pixels, ``"classes"``, ``(B, M)`` int32, ``"area"``, ``"crowd"``
    and ``"valid"``, ``(B, M)``, as :class:`kerascnn.data.Split` has them, and ``"scale"``, ``(B,)``: square pixels of
    the source in one of the network's image.

    Parameters
    ----------
    loss
        None: ``MultiBox`` for a network that scores the background beside the classes, by a softmax, and ``Focal`` for
        one that scores each class by itself, by a sigmoid. For those that say boxes in cells ``Region`` where classes
        have a softmax, ``Logistic`` where they have sigmoids, and ``SumSquared`` where they have neither.
    """

    name: ClassVar[str] = "detection"
    annotations: ClassVar[tuple[str, ...]] = ("boxes", "classes", "area", "crowd", "valid")
    metric: ClassVar[str] = "ap"
    title: ClassVar[str] = "AP"
    trial_data: ClassVar[str] = "shape_boxes"
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

        trained = up_to_logits(model)
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
        return {name: sample[name] for name in (*self.annotations, "scale")}

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
            "by it. Train it by its recipe, or export it as it is."
        )

    def evaluator(self) -> Finder:
        return Finder(self.labels)

    def renumbered(self, split: "Split", labels: tuple[str, ...]) -> "Split":
        """Classes are matched by name; the data may lack some."""
        if labels == self.labels:
            return split
        places = places_among(labels, self.labels, "Name the categories as the model's classes.")
        classes = places[split.annotations["classes"]]
        return replace(split, annotations={**split.annotations, "classes": classes})

    def decode(self, outputs: Arrays) -> list[Prediction]:
        return [*found_in(outputs, self.labels)]

    def nms(self) -> Callable[[Tensors], dict[str, Any]]:
        return with_suppression

    def compare(self, wanted: Arrays, got: Arrays, *, steps: Mapping[str, float], tolerance: float) -> Agreement:
        """All scores, and of each image the boxes that have the largest ones in the model: others say nothing.

        Of a file that suppresses boxes itself, the detections.
        """
        if {*got} == CHOSEN and "count" not in wanted:
            said = {name: wanted[name] for name in ("boxes", SCORES)}
            both = found_in(said, self.labels), found_in(got, self.labels)
            return compare_detections(said, *both, tolerance=tolerance)
        if "boxes" in wanted and {*wanted} == {*got} and wanted["boxes"].shape == got["boxes"].shape:
            best = np.argsort(-wanted[SCORES].max(axis=-1), axis=1, kind="stable")[:, :COMPARED, None]
            wanted, got = ({**each, "boxes": np.take_along_axis(each["boxes"], best, 1)} for each in (wanted, got))
        return compare(wanted, got, steps=steps, tolerance=tolerance)
