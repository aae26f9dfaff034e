"""Classification as the package sees it: each method leads to the file that does the work."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.evaluation.loop import Predict
from kerascnn.tasks.classification import crops
from kerascnn.tasks.classification.evaluation import ClassEvaluation, checked
from kerascnn.tasks.classification.prediction import ClassPrediction
from kerascnn.tasks.classification.scores import probabilities
from kerascnn.tasks.decisions import Collector, DecisionTask, places_among
from kerascnn.tasks.losses import of_activated
from kerascnn.tasks.task import SCORES, App, Arrays, OutputTensor, Prediction, Tensors

if TYPE_CHECKING:
    import keras

    from kerascnn.data import Split
    from kerascnn.spec import Preprocess


@dataclass(frozen=True, kw_only=True)
class Classification(DecisionTask):
    """One image, one class. Targets are classes, ``(B,)`` int32, or of mixed images weights, ``(B, classes)``."""

    name: ClassVar[str] = "classification"
    annotations: ClassVar[tuple[str, ...]] = ("label",)
    metric: ClassVar[str] = "top1"
    title: ClassVar[str] = "Top-1 accuracy"
    trial_data: ClassVar[str] = "digits"
    tflite_metadata: ClassVar[tuple[OutputTensor, ...]] = (
        OutputTensor(name=SCORES, description="How much the image looks like each class.", labels="axis"),
    )

    def check_model(self, model: "keras.Model") -> None:
        from kerascnn.tasks.classification.heads import check_heads

        check_heads(model, len(self.labels), self.loss.auxiliary)

    def inference_model(self, model: "keras.Model") -> "keras.Model":
        from kerascnn.tasks.classification.heads import without_auxiliary

        return without_auxiliary(model)

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        return self.loss(outputs, targets)

    def objective(self, outputs: Tensors, targets: Tensors) -> Any:
        """The losses, and those of auxiliary heads by their weight."""
        auxiliary = [self.loss.of(logits, targets["label"]) for name, logits in outputs.items() if name != SCORES]
        return sum((self.loss.auxiliary * loss for loss in auxiliary), self.losses(outputs, targets))

    def meters(self) -> list[Any]:
        from kerascnn.tasks.classification.heads import Top1

        return [Top1(self.metric)]

    def output_loss(self, activations: Mapping[str, str], targets: Tensors, outputs: Tensors) -> Any:
        return of_activated(activations[SCORES], outputs[SCORES], targets["label"])

    def evaluator(self) -> Collector[ClassEvaluation]:
        return Collector(self.labels, checked, ClassEvaluation)

    def renumbered(self, split: "Split", labels: tuple[str, ...]) -> "Split":
        """Classes are matched by name; the data may lack some."""
        if labels == self.labels:
            return split
        places = places_among(labels, self.labels, "Name the sub-folders as the model's classes.")
        return replace(split, annotations={**split.annotations, "label": places[split.annotations["label"]]})

    def views(self, predict: Predict, preprocess: "Preprocess", count: int) -> tuple[Predict, "Preprocess"]:
        square = crops.whole(preprocess, count)
        return (crops.averaged(predict, preprocess.size, count) if count > 1 else predict), square

    def decode(self, outputs: Arrays, size: tuple[int, int] | None = None) -> list[Prediction]:
        return [ClassPrediction(row, self.labels) for row in probabilities(self.scores_of(outputs))]

    def app(self, classes: int) -> App:
        return App(answers="classes")
