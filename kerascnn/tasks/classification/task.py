"""Classification as the package sees it: each method leads to the file that does the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from kerascnn.tasks.task import Arrays, Evaluator, Prediction, Task, Tensors

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, kw_only=True)
class Classification(Task):
    """One image, one class. Targets are classes, ``(B,)`` int32, or of mixed images weights, ``(B, classes)``."""

    name: ClassVar[str] = "classification"
    annotations: ClassVar[tuple[str, ...]] = ("label",)
    metric: ClassVar[str] = "top1"
    title: ClassVar[str] = "Top-1 accuracy"

    def check_model(self, model: "keras.Model") -> None:
        raise NotImplementedError

    def training_model(self, model: "keras.Model") -> "keras.Model":
        raise NotImplementedError

    def inference_model(self, model: "keras.Model") -> "keras.Model":
        raise NotImplementedError

    def losses(self, outputs: Tensors, targets: Tensors) -> Any:
        raise NotImplementedError

    def meters(self) -> list[Any]:
        raise NotImplementedError

    def output_loss(self, activations: Mapping[str, str], targets: Tensors, outputs: Tensors) -> Any:
        raise NotImplementedError

    def evaluator(self) -> Evaluator:
        raise NotImplementedError

    def decode(self, outputs: Arrays) -> list[Prediction]:
        raise NotImplementedError
